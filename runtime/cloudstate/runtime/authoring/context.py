"""Contexts: what a handler may know and do while it handles one command. Dead once the handler has returned."""

from __future__ import annotations

from typing import Any, Generic, Protocol, TypeVar

from google.protobuf.message import Message

from cloudstate.runtime.authoring.call import Call, R
from cloudstate.runtime.payload import Metadata

S = TypeVar("S", bound=Message)
S_co = TypeVar("S_co", bound=Message, covariant=True)


class ContextClosed(RuntimeError):
    """A context was used after its handler had returned (from a task or a callback that outlived it)."""

    def __init__(self) -> None:
        super().__init__("this context is closed: its handler has returned; await everything that uses ctx before")


class Run(Protocol):
    """Runs a command; see ``Context.call``."""

    async def __call__(self, call: Call[Any], metadata: Metadata, deadline: float | None, number: int, /) -> Any: ...


class Context:
    """What every handler gets."""

    __slots__ = ("_calls", "_open", "_run", "deadline", "effects", "metadata", "reply_metadata")

    def __init__(self, metadata: Metadata, deadline: float | None) -> None:
        self.metadata = metadata
        """The caller's metadata: lower-case keys, str values, bytes for keys that end in ``-bin``."""
        self.deadline = deadline
        """Event-loop time after which the caller no longer waits, or None."""
        self.effects: list[tuple[Call[Any], bool]] = []
        """The side effects asked for so far, as (call, synchronous)."""
        self.reply_metadata: list[tuple[str, str | bytes]] = []
        """Metadata to send along with the reply; append to it."""
        self._open = True
        self._calls = 0
        self._run: Run | None = None

    async def call(self, call: Call[R]) -> R:
        """Run another command now and wait for its reply; for async handlers.

        Its entity may be anywhere in the cluster. It is given up when this command's deadline has passed, or after a
        minute. What it did stays done, whatever becomes of this command; if this one has an id and is tried again, the
        call is known as the same one and is not done twice. An entity that calls itself waits until the deadline.

        Raises:
            CommandRejected: the other command was refused, failed or did not finish in time; with its status. Let it
                pass, and this command fails in the same way.
            ContextClosed: the handler has returned already.
        """
        if not self._open or self._run is None:
            raise ContextClosed
        self._calls += 1
        reply: R = await self._run(call, self.metadata, self.deadline, self._calls)
        return reply

    def effect(self, call: Call[Any], *, synchronous: bool = False) -> None:
        """Run another command after this one's state change is durable. Its result never changes this one's answer.

        Args:
            call: the command to run.
            synchronous: wait for its end before this command is answered.

        Raises:
            ContextClosed: the handler has returned already.
        """
        if not self._open:
            raise ContextClosed
        self.effects.append((call, synchronous))

    def connect(self, run: Run) -> None:
        """Called by the runtime: say how commands are run."""
        self._run = run

    def close(self) -> None:
        """Called by the runtime when the handler has returned."""
        self._open = False


class ActionContext(Context):
    """What a handler of an action gets: no state."""

    __slots__ = ()


class Folding(Protocol[S_co]):
    """Whoever keeps the state of an event-sourced entity and can apply an event to it."""

    @property
    def entity_id(self) -> str: ...

    @property
    def state(self) -> S_co: ...

    @property
    def sequence(self) -> int: ...

    def apply(self, event: Message) -> None: ...


class EventSourcedContext(Context, Generic[S]):
    """What a command handler of an event-sourced entity gets."""

    __slots__ = ("_entity", "_reads_only")

    def __init__(self, entity: Folding[S], metadata: Metadata, deadline: float | None, reads_only: bool) -> None:
        # As in Context, without the call: a context is made for every command.
        self.metadata = metadata
        self.deadline = deadline
        self.effects = []
        self.reply_metadata = []
        self._open = True
        self._entity = entity
        self._reads_only = reads_only

    @property
    def entity_id(self) -> str:
        """The entity's id: its key, as text."""
        return self._entity.entity_id

    @property
    def state(self) -> S:
        """The state, with every event emitted so far applied. Only event handlers may change it."""
        return self._entity.state

    @property
    def sequence(self) -> int:
        """How many events the entity has, including those emitted by this command."""
        return self._entity.sequence

    def emit(self, event: Message) -> None:
        """Emit an event: its handler is applied to the state at once; it becomes durable before the caller is answered.

        If the handler raises afterwards, none of its events is kept and the state is rebuilt.

        Raises:
            TypeError: the event's type is not one of the entity's events.
            PermissionError: the spec declares this command as ``effect: read``.
            ContextClosed: the handler has returned already.
        """
        if not self._open:
            raise ContextClosed
        if self._reads_only:
            raise PermissionError("the spec declares this command with `effect: read`: it must not emit events")
        self._entity.apply(event)


class ValueContext(Context, Generic[S]):
    """What a command handler of a value entity gets."""

    __slots__ = ("_reads_only", "changed", "entity_id", "exists", "state")

    def __init__(
        self, entity_id: str, state: S, metadata: Metadata, deadline: float | None, *, exists: bool, reads_only: bool
    ) -> None:
        super().__init__(metadata, deadline)
        self.entity_id = entity_id
        """The entity's id: its key, as text."""
        self.state = state
        """The stored value, or an empty message where there is none. A copy: only ``update`` changes what is stored."""
        self.exists = exists
        """True if a value is stored (or was set by this command)."""
        self.changed = False
        """True if this command has called ``update`` or ``delete``."""
        self._reads_only = reads_only

    def update(self, value: S) -> None:
        """Replace the stored value; the last update or delete of a command counts.

        Raises:
            TypeError: ``value`` is of another type than the entity's state.
            PermissionError: the spec declares this command as ``effect: read``.
            ContextClosed: the handler has returned already.
        """
        if type(value) is not type(self.state):
            raise TypeError(f"update() takes a {type(self.state).__name__}, not a {type(value).__name__}")
        self._change(value, exists=True)

    def delete(self) -> None:
        """Delete the stored value; the entity's id can be used again. Raises as ``update``."""
        self._change(type(self.state)(), exists=False)

    def _change(self, state: S, *, exists: bool) -> None:
        if not self._open:
            raise ContextClosed
        if self._reads_only:
            raise PermissionError("the spec declares this command with `effect: read`: it must not change the value")
        self.state = state
        self.exists = exists
        self.changed = True
