"""The shopping cart as a user function of the Python support library of 2020 (PyPI ``cloudstate`` 0.1.1).

Runs in an environment of its own (requirements.txt). Usage: ``HOST=... PORT=... python cart.py service.binpb``.
"""

import sys

from cloudstate.cloudstate import CloudState
from cloudstate.event_sourced_context import EventSourcedCommandContext
from cloudstate.event_sourced_entity import EventSourcedEntity
from described import load, message, pool
from google.protobuf.empty_pb2 import Empty

FILES = ("shoppingcart/persistence/domain.proto", "shoppingcart/shoppingcart.proto")
load(sys.argv[1], FILES)

PACKAGE = "com.example.shoppingcart"
AddLineItem = message(f"{PACKAGE}.AddLineItem")
RemoveLineItem = message(f"{PACKAGE}.RemoveLineItem")
GetShoppingCart = message(f"{PACKAGE}.GetShoppingCart")
Cart = message(f"{PACKAGE}.Cart")
LineItem = message(f"{PACKAGE}.LineItem")
StoredItem = message(f"{PACKAGE}.persistence.LineItem")
ItemAdded = message(f"{PACKAGE}.persistence.ItemAdded")
ItemRemoved = message(f"{PACKAGE}.persistence.ItemRemoved")
Stored = message(f"{PACKAGE}.persistence.Cart")

entity = EventSourcedEntity(
    pool.FindServiceByName(f"{PACKAGE}.ShoppingCart"),
    [pool.FindFileByName(name) for name in FILES],
    lambda entity_id: Stored(),
    persistence_id="shopping-cart",
    snapshot_every=5,
)


@entity.snapshot()
def snapshot(state: Stored):
    return state


@entity.snapshot_handler()
def restore(state: Stored, stored: Stored):
    return stored


@entity.command_handler("AddItem")
def add_item(item: AddLineItem, ctx: EventSourcedCommandContext):
    if item.quantity <= 0:
        ctx.fail(f"cannot add {item.quantity}")
        return Empty()
    ctx.emit(ItemAdded(item=StoredItem(productId=item.product_id, name=item.name, quantity=item.quantity)))
    return Empty()


@entity.command_handler("RemoveItem")
def remove_item(item: RemoveLineItem, ctx: EventSourcedCommandContext):
    ctx.emit(ItemRemoved(productId=item.product_id))
    return Empty()


@entity.command_handler("GetCart")
def get_cart(state: Stored, ctx: EventSourcedCommandContext):
    items = [LineItem(product_id=item.productId, name=item.name, quantity=item.quantity) for item in state.items]
    return Cart(items=sorted(items, key=lambda item: item.product_id))


@entity.event_handler(ItemAdded)
def item_added(state: Stored, event: ItemAdded):
    for item in state.items:
        if item.productId == event.item.productId:
            item.quantity += event.item.quantity
            return state
    state.items.append(event.item)
    return state


@entity.event_handler(ItemRemoved)
def item_removed(state: Stored, event: ItemRemoved):
    return Stored(items=[item for item in state.items if item.productId != event.productId])


CloudState().register_event_sourced_entity(entity).start()
