"""Streams of value entities: the value comes with the init."""

from __future__ import annotations

from cloudstate import entity_pb2 as pb
from cloudstate.runtime.entity.messages import Outcome, ValueChanged
from cloudstate.runtime.function.remote.messages import any_of, payload_of
from cloudstate.runtime.journal.port import EntityKey, Value
from cloudstate.runtime.support.stream import EntityStreams, StreamBroken
from cloudstate.value_entity_pb2 import (
    ValueEntityAction,
    ValueEntityDelete,
    ValueEntityInit,
    ValueEntityReply,
    ValueEntityStreamIn,
    ValueEntityStreamOut,
    ValueEntityUpdate,
)


class Told:
    """A value as a stream tells it, in the place of a journal."""

    def __init__(self, init: ValueEntityInit) -> None:
        has_value = init.HasField("state") and init.state.HasField("value")
        self._value = Value(payload_of(init.state.value) if has_value else None, 0)

    def add(self, event: object) -> None:
        """Value entities have no events."""
        raise StreamBroken("Protocol error: an event for a value entity")

    async def load_value(self, entity: EntityKey) -> Value:
        """See ``Histories.load_value``."""
        return self._value


class ValueStreams(EntityStreams):
    """See ``EntityStreams``."""

    message_in = ValueEntityStreamIn
    message_out = ValueEntityStreamOut
    restarts = False  # each command works on a copy, and other proxies restart event-sourced entities only

    def opened(self, init: ValueEntityInit) -> Told:
        """See ``EntityStreams.opened``."""
        return Told(init)

    def reply(
        self, command_id: int, action: pb.ClientAction, effects: list[pb.SideEffect], outcome: Outcome
    ) -> ValueEntityReply:
        """See ``EntityStreams.reply``."""
        state_action = None
        if isinstance(outcome.change, ValueChanged):
            value = outcome.change.value
            state_action = (
                ValueEntityAction(delete=ValueEntityDelete())
                if value is None
                else ValueEntityAction(update=ValueEntityUpdate(value=any_of(value)))
            )
        return ValueEntityReply(
            command_id=command_id, client_action=action, side_effects=effects, state_action=state_action
        )
