"""The journal port: what a journal promises, whichever store keeps it.

* One append is atomic: all of its events and its snapshot, or nothing.
* An append is compare-and-set on the entity's sequence. Two writers of one entity cannot both succeed.
* When an append has its result, it is durable as that journal states it; nothing that depends on it may be shown to
  anyone before.
* Appends of different entities that wait at the same time are committed together (group commit): ``submit`` returns at
  once and the journal decides the batch.
* Appends of one journal object become durable in the order of the calls.

Sequence numbers count what was written to one entity, from 1. An append of n events advances it by n; a value write
advances it by 1; an append of an answer alone leaves it.

Three things can travel with an append, and are written with it or not at all:

* An **answer**: what the caller of a command is told, under the command's id. The newest of them come back with the
  history, so that a retried command is answered from there and changes nothing, whoever owns the entity by then.
* A **fence**: the right to write the entities of a shard. ``take_over`` gives it, and raises the shard's epoch. Once
  the new owner has loaded an entity with its fence, an append to that entity with an older one fails as ``Fenced``; a
  journal may refuse it earlier.
* A snapshot's **schema**: the fingerprint of the type that it is encoded in. ``load`` can ask for snapshots of one
  schema only; what it gives where the newest has another is the whole history.

The events of all entities are also a log that can be read in the order of offsets, in one or more partitions. A reader
that has seen an offset has seen every event of that partition before it, whoever wrote it and whenever its writer
committed.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from cloudstate.runtime.journal.errors import JournalError
from cloudstate.runtime.payload import Payload


class EntityKey(NamedTuple):
    """The identity of an entity in the journal: its persistence type and its id."""

    type: str
    id: str


class Event(NamedTuple):
    """One stored event and its place in the entity's history (the first is 1)."""

    sequence: int
    payload: Payload


class Snapshot(NamedTuple):
    """A state and the sequence that it includes."""

    sequence: int
    payload: Payload


class Answer(NamedTuple):
    """What the caller of a command was told, kept for retries.

    Attributes:
        number: counts the entity's kept answers from 1; the session gives it.
        command_id: the caller's id of the command.
        reply: the encoded answer; opaque to the journal.
    """

    number: int
    command_id: str
    reply: bytes


class Fence(NamedTuple):
    """The right to write the entities of a shard, as of an epoch; ``take_over`` gives it."""

    shard: str
    epoch: int


class Logged(NamedTuple):
    """One event with where and when it was written.

    Attributes:
        offset: its place in its partition of the log; only ever grows, may leave numbers out.
        time: wall time of the append, in seconds since the Unix epoch.
    """

    offset: int
    entity: EntityKey
    sequence: int
    payload: Payload
    time: float


class Page(NamedTuple):
    """A part of the log.

    Attributes:
        events: in the order of offsets.
        upto: everything at or before this offset has been read, also what was left out for its type.
    """

    events: list[Logged]
    upto: int


@dataclass(frozen=True, slots=True)
class History:
    """What ``load`` returns for an event-sourced entity.

    Attributes:
        snapshot: the newest snapshot, or None.
        events: every event after the snapshot, in order, without gaps.
        sequence: the entity's current sequence; 0 if nothing was ever written.
        answers: the newest kept answers, oldest first, at most as many as were asked for.
    """

    snapshot: Snapshot | None
    events: list[Event]
    sequence: int
    answers: tuple[Answer, ...] = ()


class Value(NamedTuple):
    """What ``load_value`` returns for a value entity.

    Attributes:
        payload: its state; None: absent or deleted.
        sequence: the entity's current sequence; 0 if nothing was ever written.
        answers: as in ``History``.
    """

    payload: Payload | None
    sequence: int
    answers: tuple[Answer, ...] = ()


class AppendEvents(NamedTuple):
    """Append events, and optionally the state after the last of them as a snapshot.

    Attributes:
        expected: the sequence the writer has seen; 0 means that the entity must be new.
        events: payloads; none only where an answer is kept for a command that changed nothing (of any durable model).
        snapshot: the state after these events; it replaces any older snapshot.
        schema: the fingerprint of the snapshot's type; empty: unknown.
        answer: kept with the events.
        fence: the owner's; None where there is one owner only.
    """

    entity: EntityKey
    expected: int
    events: tuple[Payload, ...]
    snapshot: Payload | None = None
    schema: str = ""
    answer: Answer | None = None
    fence: Fence | None = None


class WriteValue(NamedTuple):
    """Replace the state of a value entity; ``value=None`` deletes it (the sequence goes on counting).

    Attributes:
        answer, fence: as in ``AppendEvents``.
    """

    entity: EntityKey
    expected: int
    value: Payload | None
    answer: Answer | None = None
    fence: Fence | None = None


#: What becomes of an append: the entity's new sequence, or why nothing (or nothing certain) was written.
Appended: TypeAlias = "int | JournalError"


class Journal(ABC):
    """A store of entity histories. See the module for what every implementation promises."""

    @property
    def shared(self) -> bool:
        """True if many processes write it; False if each has one of its own."""
        return True

    @abstractmethod
    async def open(self) -> None:
        """Make the journal ready, creating its schema where there is none.

        Raises:
            JournalUnavailable: the store cannot be reached or is in use by another process.
            JournalInvalid: what is there is not a journal that this version can use.
        """

    @abstractmethod
    async def close(self) -> None:
        """Commit what waits, then release the store. Appends after this fail as JournalUnavailable."""

    @abstractmethod
    async def load(
        self, entity: EntityKey, *, window: int = 0, schema: str | None = None, fence: Fence | None = None
    ) -> History:
        """The newest snapshot and every event after it, including every append that has its result.

        Args:
            window: how many of the newest answers are wanted.
            schema: give the snapshot only if it has this schema, else the whole history; None: give any.
            fence: the reader's; from now on older ones cannot write this entity.

        Raises:
            Fenced: there is a newer owner.
            JournalUnavailable: the store cannot be read now.
            JournalInvalid: the stored history is damaged.
        """

    @abstractmethod
    async def load_value(self, entity: EntityKey, *, window: int = 0, fence: Fence | None = None) -> Value:
        """The state of a value entity. Arguments and errors as of ``load``."""

    @abstractmethod
    async def take_over(self, shard: str) -> Fence:
        """Become the owner of a shard: its epoch is one higher after this, and durable.

        Raises:
            JournalUnavailable: the store cannot be written now; the epoch may have been raised.
        """

    @abstractmethod
    def submit(self, append: AppendEvents | WriteValue, done: Callable[[Appended], None]) -> None:
        """Write; ``done`` is told once, in the event loop's thread, perhaps before this returns, and must not raise.

        It is told the entity's new sequence once the write is durable, or one of:
            Fenced: the shard has a newer owner; nothing was written.
            WrongExpectedSequence: the entity is at another sequence; nothing was written.
            AppendTooLarge: nothing was written.
            JournalUnavailable: see its ``retry_safe``.
        """

    def append(self, append: AppendEvents | WriteValue) -> asyncio.Future[int]:
        """``submit`` for callers that await: the future gives the new sequence or raises the error.

        A caller that gives up waiting does not undo the append.
        """
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def done(result: Appended) -> None:
            if future.done():
                return
            if isinstance(result, int):
                future.set_result(result)
            else:
                future.set_exception(result)

        self.submit(append, done)
        return future

    @abstractmethod
    async def partitions(self) -> list[str]:
        """The partitions of the event log: at least one; more may come, none goes. Raises as ``load``."""

    @abstractmethod
    async def read(self, partition: str, after: int, limit: int, types: frozenset[str] | None = None) -> Page:
        """Events of a partition after an offset (0: from the start), at most ``limit``, of these entity types.

        Raises as ``load``.
        """

    @abstractmethod
    async def events(self, entity: EntityKey, after: int, limit: int) -> list[Logged]:
        """Events of one entity after a sequence, from the first on, whatever snapshot there is. Raises as ``load``."""

    @abstractmethod
    async def entities(self, type: str, after: str | None, limit: int) -> list[EntityKey]:
        """Entities of a type that were ever written, in the order of their ids by code point, after this id.

        ``after`` is None to begin with. Raises as ``load``.
        """

    @abstractmethod
    async def types(self) -> list[str]:
        """The entity types that were ever written, sorted. Raises as ``load``."""
