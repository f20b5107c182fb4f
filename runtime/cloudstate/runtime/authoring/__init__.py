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

from cloudstate.runtime.authoring.call import ActionAnswer, ActionReply, Call, Forward, Reply
from cloudstate.runtime.authoring.context import (
    ActionContext,
    Context,
    ContextClosed,
    EventSourcedContext,
    ValueContext,
)
from cloudstate.runtime.authoring.definition import (
    ActionType,
    CommandType,
    EventSourcedType,
    EventType,
    UpcasterType,
    ValueType,
)
from cloudstate.runtime.authoring.entity import Action, EventSourcedEntity, ValueEntity
from cloudstate.runtime.errors import CommandRejected, StatusCode
from cloudstate.runtime.payload import Metadata

__all__ = [
    "Action",
    "ActionAnswer",
    "ActionContext",
    "ActionReply",
    "ActionType",
    "Call",
    "CommandRejected",
    "CommandType",
    "Context",
    "ContextClosed",
    "EventSourcedContext",
    "EventSourcedEntity",
    "EventSourcedType",
    "EventType",
    "Forward",
    "Metadata",
    "Reply",
    "StatusCode",
    "UpcasterType",
    "ValueContext",
    "ValueEntity",
    "ValueType",
]
