"""The shopping cart: commands are decided here, and the events they leave behind are folded into the cart."""

from google.protobuf.empty_pb2 import Empty

from cloudstate.runtime.authoring import CommandRejected, EventSourcedContext, StatusCode
from shopping_cart_service.entities import ShoppingCartEntity
from shoppingcart import shoppingcart_pb2 as api
from shoppingcart.persistence import domain_pb2 as domain

#: The largest quantity that a line can hold: the field is an int32.
MOST = 2**31 - 1


class ShoppingCart(ShoppingCartEntity):
    """One cart for each user."""

    def add_item(self, command: api.AddLineItem, ctx: EventSourcedContext[domain.Cart]) -> Empty:
        if command.quantity <= 0:
            raise CommandRejected(
                f"cannot add {command.quantity} of item {command.product_id}: the quantity must be at least 1",
                StatusCode.INVALID_ARGUMENT,
            )
        present = find(ctx.state, command.product_id)
        if present is not None and present.quantity + command.quantity > MOST:
            raise CommandRejected(
                f"cannot add {command.quantity} of item {command.product_id}: {present.quantity} are in the cart,"
                f" and a cart holds at most {MOST}",
                StatusCode.OUT_OF_RANGE,
            )
        item = domain.LineItem(productId=command.product_id, name=command.name, quantity=command.quantity)
        ctx.emit(domain.ItemAdded(item=item))
        return Empty()

    def remove_item(self, command: api.RemoveLineItem, ctx: EventSourcedContext[domain.Cart]) -> Empty:
        if find(ctx.state, command.product_id) is None:
            raise CommandRejected(f"item {command.product_id} is not in the cart", StatusCode.NOT_FOUND)
        ctx.emit(domain.ItemRemoved(productId=command.product_id))
        return Empty()

    def get_cart(self, command: api.GetShoppingCart, ctx: EventSourcedContext[domain.Cart]) -> api.Cart:
        items = sorted(ctx.state.items, key=lambda item: item.productId)
        return api.Cart(
            items=[api.LineItem(product_id=item.productId, name=item.name, quantity=item.quantity) for item in items]
        )

    def on_item_added(self, state: domain.Cart, event: domain.ItemAdded) -> domain.Cart:
        item = find(state, event.item.productId)
        if item is None:
            state.items.append(event.item)
        else:
            item.quantity += event.item.quantity
        return state

    def on_item_removed(self, state: domain.Cart, event: domain.ItemRemoved) -> domain.Cart:
        return domain.Cart(items=[item for item in state.items if item.productId != event.productId])


def find(cart: domain.Cart, product_id: str) -> domain.LineItem | None:
    """The line of a product, None if the product is not in the cart."""
    for item in cart.items:
        if item.productId == product_id:
            return item
    return None
