"""The journal port: what a journal promises, whichever store keeps it.

* One append is atomic: all of its events and its snapshot, or nothing.
* An append is compare-and-set on the entity's sequence. Two writers of one entity cannot both succeed.
* When an append has its result, it is durable as that journal states it; nothing that depends on it may be shown to
  anyone before.
* Appends of different entities that wait at the same time are committed together (group commit): ``submit`` returns at
  once and the journal decides the batch.
* Appends of one journal object become durable in the order of the calls.

Sequence numbers count what was written to one entity, from 1. An append of n events advances it by n; a value write
advances it by 1.
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


@dataclass(frozen=True, slots=True)
class History:
    """What ``load`` returns for an event-sourced entity.

    Attributes:
        snapshot: the newest snapshot, or None.
        events: every event after the snapshot, in order, without gaps.
        sequence: the entity's current sequence; 0 if nothing was ever written.
    """

    snapshot: Snapshot | None
    events: list[Event]
    sequence: int


class Value(NamedTuple):
    """What ``load_value`` returns for a value entity: its state (None: absent or deleted) and its sequence."""

    payload: Payload | None
    sequence: int


class AppendEvents(NamedTuple):
    """Append events, and optionally the state after the last of them as a snapshot.

    Attributes:
        expected: the sequence the writer has seen; 0 means that the entity must be new.
        events: at least one payload.
        snapshot: the state after these events; it replaces any older snapshot.
        epoch: the owner's epoch for the entity's shard.
    """

    entity: EntityKey
    expected: int
    events: tuple[Payload, ...]
    snapshot: Payload | None = None
    epoch: int = 0


class WriteValue(NamedTuple):
    """Replace the state of a value entity; ``value=None`` deletes it (the sequence goes on counting)."""

    entity: EntityKey
    expected: int
    value: Payload | None
    epoch: int = 0


#: What becomes of an append: the entity's new sequence, or why nothing (or nothing certain) was written.
Appended: TypeAlias = "int | JournalError"


class Journal(ABC):
    """A store of entity histories. See the module for what every implementation promises."""

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
    async def load(self, entity: EntityKey) -> History:
        """The newest snapshot and every event after it, including every append that has its result.

        Raises:
            JournalUnavailable: the store cannot be read now.
            JournalInvalid: the stored history is damaged.
        """

    @abstractmethod
    async def load_value(self, entity: EntityKey) -> Value:
        """The state of a value entity. Raises as ``load``."""

    @abstractmethod
    def submit(self, append: AppendEvents | WriteValue, done: Callable[[Appended], None]) -> None:
        """Write; ``done`` is told once, in the event loop's thread, perhaps before this returns, and must not raise.

        It is told the entity's new sequence once the write is durable, or one of:
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
