"""Value entities in this process: the value is kept encoded, so that each command works on a copy of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cloudstate.runtime.authoring.context import ValueContext
from cloudstate.runtime.authoring.entity import ValueEntity
from cloudstate.runtime.entity.messages import Change, Command, FunctionLost, ValueChanged
from cloudstate.runtime.errors import EntityFailed
from cloudstate.runtime.function.binding import Handler, bind_commands, bind_upcasters, type_url
from cloudstate.runtime.function.caller import Caller
from cloudstate.runtime.function.durable import DurableInstance
from cloudstate.runtime.function.endpoint import endpoints_of
from cloudstate.runtime.function.port import Histories
from cloudstate.runtime.journal.port import EntityKey
from cloudstate.runtime.payload import Payload


class EmbeddedValue:
    """The author's value entity: makes one instance per live entity."""

    metrics_prefix = "cloudstate_value"

    def __init__(self, entity: ValueEntity[Any]) -> None:
        definition = entity.definition
        self.service = definition.service
        self.entity_type = definition.entity_type
        self.passivation = definition.passivation
        self.endpoints = endpoints_of(definition.commands)
        self.state_type = definition.state
        self.state_url = type_url(definition.state)
        self.caller = Caller()
        self.handlers = bind_commands(entity, definition.commands, self.caller)
        upcasts = bind_upcasters(entity, definition.upcasters)
        self.upcasts = {it.type_url: it.parse for it in upcasts if it.result is definition.state}

    def instance(self, key: EntityKey, lost: Callable[[FunctionLost], None] | None = None) -> ValueInstance:
        """See ``EntityFunction.instance``. Code in this process is never lost."""
        return ValueInstance(key, self)


class ValueInstance(DurableInstance):
    """One live value entity."""

    __slots__ = ("_function", "_value")

    failure_text = "Unexpected Value entity failure"

    def __init__(self, key: EntityKey, function: EmbeddedValue) -> None:
        super().__init__(key, function.handlers)
        self._function = function
        self._value: bytes | None = None

    async def start(self, journal: Histories) -> int:
        """See ``Instance.start``."""
        stored = await journal.load_value(self.key)
        if stored.payload is not None:
            self._value = self._current(stored.payload)
        return stored.sequence

    def _current(self, stored: Payload) -> bytes:
        """The stored value as a value of today's type."""
        if stored.type_url == self._function.state_url:
            return stored.value
        doing = f"decoding a stored {stored.type_url} as {self._function.state_url}"
        upcast = self._function.upcasts.get(stored.type_url)
        if upcast is None:
            raise EntityFailed(entity_type=self.key.type, entity_id=self.key.id, doing=doing)
        try:
            return upcast(stored.value).SerializeToString()
        except Exception as error:
            raise EntityFailed(entity_type=self.key.type, entity_id=self.key.id, doing=doing) from error

    def _context(self, command: Command, handler: Handler) -> ValueContext[Any]:
        exists = self._value is not None
        state = self._function.state_type.FromString(self._value or b"")
        return ValueContext(
            self.key.id, state, command.metadata, command.deadline, exists=exists, reads_only=handler.reads_only
        )

    def _change(self, ctx: ValueContext[Any]) -> Change | None:
        if not ctx.changed:
            return None
        self._value = ctx.state.SerializeToString() if ctx.exists else None
        if self._value is None:
            return ValueChanged(None)
        return ValueChanged(Payload(self._function.state_url, self._value))

    def _is_dirty(self, ctx: ValueContext[Any]) -> bool:
        return False
