"""What entity code imports.

    class ShoppingCart(ShoppingCartEntity):                       # generated from the spec
        def add_item(self, command: AddLineItem, ctx: EventSourcedContext[Cart]) -> Empty:
            if command.quantity <= 0:
                raise CommandRejected("the quantity must be positive", StatusCode.INVALID_ARGUMENT)
            ctx.emit(ItemAdded(...))                              # applied at once, durable before the reply leaves
            return Empty()

        def on_item_added(self, state: Cart, event: ItemAdded) -> Cart: ...

Handlers may be plain or async methods.
"""

from cloudstate.runtime.authoring.call import ActionAnswer, ActionReply, Call, Forward, Reply, StreamReply
from cloudstate.runtime.authoring.context import (
    ActionContext,
    Context,
    ContextClosed,
    EventSourcedContext,
    ValueContext,
)
from cloudstate.runtime.authoring.crdt_context import CrdtContext, CrdtStreamContext, CrdtUpdate
from cloudstate.runtime.authoring.data import Flag, GCounter, GSet, LWWRegister, ORSet, PNCounter, Vote
from cloudstate.runtime.authoring.data_map import ORMap
from cloudstate.runtime.authoring.definition import (
    ActionType,
    CommandType,
    CrdtType,
    EventSourcedType,
    EventType,
    UpcasterType,
    ValueType,
)
from cloudstate.runtime.authoring.entity import Action, CrdtEntity, EventSourcedEntity, ValueEntity
from cloudstate.runtime.crdt import Clock
from cloudstate.runtime.entity.crdt_messages import Consistency
from cloudstate.runtime.errors import CommandRejected, StatusCode
from cloudstate.runtime.payload import Metadata

__all__ = [
    "Action",
    "ActionAnswer",
    "ActionContext",
    "ActionReply",
    "ActionType",
    "Call",
    "Clock",
    "CommandRejected",
    "CommandType",
    "Consistency",
    "Context",
    "ContextClosed",
    "CrdtContext",
    "CrdtEntity",
    "CrdtStreamContext",
    "CrdtType",
    "CrdtUpdate",
    "EventSourcedContext",
    "EventSourcedEntity",
    "EventSourcedType",
    "EventType",
    "Flag",
    "Forward",
    "GCounter",
    "GSet",
    "LWWRegister",
    "Metadata",
    "ORMap",
    "ORSet",
    "PNCounter",
    "Reply",
    "StatusCode",
    "StreamReply",
    "UpcasterType",
    "ValueContext",
    "ValueEntity",
    "ValueType",
    "Vote",
]
