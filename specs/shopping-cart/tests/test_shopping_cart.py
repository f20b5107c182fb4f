"""The cart's rules, one by one, without a server."""

import pytest

from cloudstate.runtime.authoring import CommandRejected, StatusCode
from cloudstate.runtime.testing import EntityHarness
from shopping_cart import ShoppingCart
from shoppingcart.persistence.domain_pb2 import ItemAdded, ItemRemoved, LineItem
from shoppingcart.shoppingcart_pb2 import AddLineItem, GetShoppingCart, RemoveLineItem


@pytest.fixture
def cart() -> EntityHarness:
    return EntityHarness(ShoppingCart(), "ada")


def add(cart: EntityHarness, product_id: str, quantity: int = 1, name: str = "") -> None:
    cart.command("AddItem", AddLineItem(user_id="ada", product_id=product_id, name=name, quantity=quantity))


def remove(cart: EntityHarness, product_id: str) -> None:
    cart.command("RemoveItem", RemoveLineItem(user_id="ada", product_id=product_id))


def items(cart: EntityHarness) -> list[tuple[str, str, int]]:
    shown = cart.command("GetCart", GetShoppingCart(user_id="ada"))
    return [(item.product_id, item.name, item.quantity) for item in shown.items]


def test_a_cart_is_empty_at_first(cart: EntityHarness) -> None:
    assert items(cart) == []


def test_what_is_added_is_in_the_cart(cart: EntityHarness) -> None:
    add(cart, "pen", 2, name="Fountain pen")
    assert cart.events == [ItemAdded(item=LineItem(productId="pen", name="Fountain pen", quantity=2))]
    assert items(cart) == [("pen", "Fountain pen", 2)]


def test_quantities_of_one_product_add_up(cart: EntityHarness) -> None:
    add(cart, "pen", 2)
    add(cart, "ink", 1)
    add(cart, "pen", 3)
    assert items(cart) == [("ink", "", 1), ("pen", "", 5)]


@pytest.mark.parametrize("quantity", [0, -1])
def test_nothing_less_than_one_can_be_added(cart: EntityHarness, quantity: int) -> None:
    with pytest.raises(CommandRejected, match=f"cannot add {quantity} of item pen") as refused:
        add(cart, "pen", quantity)
    assert refused.value.status is StatusCode.INVALID_ARGUMENT
    assert items(cart) == []


def test_what_is_removed_is_gone_whatever_its_quantity(cart: EntityHarness) -> None:
    add(cart, "pen", 2)
    add(cart, "ink", 1)
    remove(cart, "pen")
    assert cart.events == [ItemRemoved(productId="pen")]
    assert items(cart) == [("ink", "", 1)]


def test_what_is_not_there_cannot_be_removed(cart: EntityHarness) -> None:
    with pytest.raises(CommandRejected, match="item pen is not in the cart") as refused:
        remove(cart, "pen")
    assert refused.value.status is StatusCode.NOT_FOUND


def test_items_are_shown_in_the_order_of_their_product_ids(cart: EntityHarness) -> None:
    for product_id in ("c", "a", "b"):
        add(cart, product_id)
    assert [product_id for product_id, _, _ in items(cart)] == ["a", "b", "c"]


def test_a_cart_survives_a_restart(cart: EntityHarness) -> None:
    add(cart, "pen", 2)
    add(cart, "ink", 1)
    remove(cart, "pen")
    cart.restart()
    assert items(cart) == [("ink", "", 1)]


def test_looking_into_a_cart_stores_nothing(cart: EntityHarness) -> None:
    add(cart, "pen")
    items(cart)
    assert cart.events == []


def test_a_line_holds_no_more_than_its_field(cart: EntityHarness) -> None:
    add(cart, "pen", 2**31 - 1)
    with pytest.raises(CommandRejected, match=r"cannot add 1 of item pen: 2147483647 are in the cart") as refused:
        add(cart, "pen", 1)
    assert refused.value.status is StatusCode.OUT_OF_RANGE
    assert items(cart) == [("pen", "", 2**31 - 1)]
