"""The function port: what the host asks of the user's code, wherever that code runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from typing import Any, Protocol, TypeAlias

from cloudstate.runtime.crdt import Change
from cloudstate.runtime.entity.messages import Command, FunctionLost, Outcome
from cloudstate.runtime.function.endpoint import Endpoint
from cloudstate.runtime.journal.port import EntityKey, History, Value
from cloudstate.runtime.payload import Metadata


class Histories(Protocol):
    """Where an instance finds what its entity was; a ``Journal`` is one."""

    async def load(self, entity: EntityKey, *, schema: str | None = None) -> History: ...

    async def load_value(self, entity: EntityKey) -> Value: ...


class Instance(Protocol):
    """The function's side of one live entity. The host calls ``start`` first, then ``handle`` once at a time."""

    async def start(self, journal: Histories) -> int:
        """Load the entity's history and rebuild its state; returns the sequence it is at.

        Raises:
            JournalError: the history cannot be read.
            EntityFailed: the user's code cannot rebuild the state.
        """
        ...

    def handle(self, command_id: int, command: Command, done: Callable[[Outcome], None]) -> Outcome | None:
        """Handle one command.

        Args:
            command_id: counts from 1 per instance.
            done: told the outcome once, later, but never after ``stop``, if this returns None.

        Returns:
            the outcome, if it is there already.
        """
        ...

    def stop(self) -> None:
        """Forget the state. An outcome that is still being computed is no longer wanted."""
        ...


class EntityFunction(Protocol):
    """The user's code for one type of durable entity."""

    service: str
    entity_type: str
    metrics_prefix: str
    passivation: float
    endpoints: Mapping[str, Endpoint]

    def instance(self, key: EntityKey, lost: Callable[[FunctionLost], None]) -> Instance:
        """A new instance for one entity; it has no state before ``start``.

        Args:
            lost: told once if the code of this instance is gone after ``start`` and before ``stop``.
        """
        ...


#: What an instance of a CRDT entity tells: replies, further messages and so on, several at once where they belong
#: together, in order.
CrdtTold: TypeAlias = Callable[..., None]


class CrdtInstance(Protocol):
    """The function's side of one live CRDT entity. The host calls ``open`` first.

    Its session says when it may be told what (``CrdtSession``).
    """

    async def open(self, change: Change | None) -> None:
        """Take the value, as a change of the empty one; None if the entity does not exist.

        Raises:
            EntityFailed: the user's code cannot take it.
        """
        ...

    def handle(self, command_id: int, command: Command) -> None:
        """Handle one command; tell a ``CrdtReply``, perhaps before this returns, but never after ``stop``."""
        ...

    def tell(self, change: Change | None) -> None:
        """What others have changed; None: they have deleted the entity."""
        ...

    def cancel(self, command_id: int) -> None:
        """The caller of a streamed command has gone; tell a ``CancelReply``."""
        ...

    def stop(self) -> None:
        """Forget the value. Nothing that is still being computed is wanted any more."""
        ...


class CrdtFunction(Protocol):
    """The user's code for one type of CRDT entity.

    Attributes:
        pipeline: how many commands an instance takes at a time.
    """

    service: str
    entity_type: str
    passivation: float
    endpoints: Mapping[str, Endpoint]
    metrics_prefix: str
    pipeline: int

    def report(self, text: str) -> None:
        """Tell the author of the code that it has broken the protocol."""
        ...

    def instance(self, key: EntityKey, told: CrdtTold) -> CrdtInstance:
        """A new instance for one entity.

        Args:
            told: takes ``CrdtReply``, ``StreamedMessage``, ``CancelReply`` and ``FunctionLost``.
        """
        ...


class ActionFunction(Protocol):
    """The user's code for one stateless service."""

    service: str
    endpoints: Mapping[str, Endpoint]

    def unary(
        self, name: str, message: Any, metadata: Metadata, deadline: float | None, done: Callable[[Outcome], None]
    ) -> Callable[[], None] | None:
        """Handle one call. Returns what to call when the caller goes away, or None where that changes nothing."""
        ...

    def stream(
        self, name: str, messages: AsyncIterator[Any], metadata: Metadata, deadline: float | None
    ) -> AsyncGenerator[Outcome, None]:
        """Handle one call of a streamed shape. Closing the iterator cancels the call."""
        ...
