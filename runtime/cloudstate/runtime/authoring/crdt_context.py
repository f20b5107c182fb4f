"""Contexts of CRDT entities. See ``context.py``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from google.protobuf.message import Message

from cloudstate.runtime.authoring.call import Forward
from cloudstate.runtime.authoring.context import Context, ContextClosed
from cloudstate.runtime.authoring.data import Data, Permit
from cloudstate.runtime.entity.crdt_messages import Consistency
from cloudstate.runtime.payload import Metadata

D = TypeVar("D", bound=Data)
R = TypeVar("R", bound=Message)


class CrdtContext(Context, Generic[D]):
    """What a command handler of a CRDT entity gets, and a callback for a caller that has gone."""

    __slots__ = ("_permit", "consistency", "deleted", "entity_id", "exists", "state")

    def __init__(
        self,
        entity_id: str,
        state: D,
        permit: Permit,
        metadata: Metadata,
        deadline: float | None,
        *,
        exists: bool,
    ) -> None:
        super().__init__(metadata, deadline)
        self.entity_id = entity_id
        """The entity's id: its key, as text."""
        self.state = state
        """The value; change it. It is empty where the entity does not exist."""
        self.exists = exists
        """True if the entity has been created, by whomever."""
        self.deleted = False
        """True if ``delete`` was called."""
        self.consistency = Consistency.LOCAL
        """How far the change must have got before the caller is answered. Set it to ask for more."""
        self._permit = permit

    def delete(self) -> None:
        """Delete the entity everywhere. Streams of it end; the next command begins it anew.

        Raises:
            PermissionError: the spec declares this command as ``effect: read``.
            ContextClosed: the handler has returned already.
        """
        self._permit.check()
        self.deleted = True

    def close(self) -> None:
        """See ``Context.close``: from now on the state cannot be changed, either."""
        super().close()
        self._permit.refusal = ContextClosed()


class CrdtUpdate(Context, Generic[D]):
    """What a callback gets when the value has changed. It cannot change it."""

    __slots__ = ("ended", "entity_id", "state")

    def __init__(self, entity_id: str, state: D) -> None:
        super().__init__((), None)
        self.entity_id = entity_id
        """The entity's id."""
        self.state = state
        """The value as it is now."""
        self.ended = False
        """True if ``end`` was called."""

    def end(self) -> None:
        """End the stream, after what this callback returns."""
        self.ended = True


class CrdtStreamContext(CrdtContext[D], Generic[D, R]):
    """What a handler of a command gets whose replies are a stream.

    Its first reply is what the handler returns, if anything. The stream goes on if the handler asks for one of the
    callbacks, and ends otherwise.
    """

    __slots__ = ("changed", "gone")

    def __init__(
        self,
        entity_id: str,
        state: D,
        permit: Permit,
        metadata: Metadata,
        deadline: float | None,
        *,
        exists: bool,
    ) -> None:
        super().__init__(entity_id, state, permit, metadata, deadline, exists=exists)
        self.changed: Callable[[CrdtUpdate[D]], R | Forward[R] | None] | None = None
        self.gone: Callable[[CrdtContext[D]], None] | None = None

    def on_change(self, callback: Callable[[CrdtUpdate[D]], R | Forward[R] | None]) -> None:
        """Call back whenever the value has changed, here or elsewhere; what it returns is the next reply."""
        self.changed = callback

    def on_cancel(self, callback: Callable[[CrdtContext[D]], None]) -> None:
        """Call back when the caller has gone. The callback may change the value."""
        self.gone = callback
