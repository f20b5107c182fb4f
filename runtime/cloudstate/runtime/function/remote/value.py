"""The protocol of value entities (protocol.md section 1.4)."""

from __future__ import annotations

from collections.abc import Iterator

from cloudstate.runtime.entity.messages import Change, ValueChanged
from cloudstate.runtime.function.port import Histories
from cloudstate.runtime.function.remote.messages import any_of, payload_of
from cloudstate.runtime.journal.port import EntityKey
from cloudstate.value_entity_pb2 import (
    ValueEntityInit,
    ValueEntityInitState,
    ValueEntityReply,
    ValueEntityStreamIn,
    ValueEntityStreamOut,
)

ENTITY_TYPE = "cloudstate.valueentity.ValueEntity"


class ValueEntity:
    """See ``Protocol02``."""

    path = f"/{ENTITY_TYPE}/handle"
    noun = "Value entity"
    metrics_prefix = "cloudstate_value"
    message_in = ValueEntityStreamIn
    message_out = ValueEntityStreamOut

    async def load(self, journal: Histories, key: EntityKey, service: str) -> tuple[int, Iterator[bytes]]:
        """Init with the value; its message is there even when there is no value."""
        stored = await journal.load_value(key)
        state = ValueEntityInitState(value=any_of(stored.payload) if stored.payload is not None else None)
        init = ValueEntityInit(service_name=service, entity_id=key.id, state=state)
        return stored.sequence, iter([ValueEntityStreamIn(init=init).SerializeToString()])

    def change(self, reply: ValueEntityReply) -> Change | None:
        """The update or deletion of a reply."""
        match reply.state_action.WhichOneof("action"):
            case "update":
                return ValueChanged(payload_of(reply.state_action.update.value))
            case "delete":
                return ValueChanged(None)
        return None
