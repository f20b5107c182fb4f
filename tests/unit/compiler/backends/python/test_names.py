"""How proto names are spelled in Python."""

from __future__ import annotations

import pytest

from cloudstate.compiler.backends.python.names import camel_case, distinct, method_name, snake_case


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("AddItem", "add_item"),
        ("GetHTTPCart", "get_http_cart"),
        ("AddItem2", "add_item2"),
        ("HTTP2Push", "http2_push"),
        ("GetV1API", "get_v1_api"),
        ("X", "x"),
        ("lowerCamel", "lower_camel"),
        ("already_snake", "already_snake"),
        ("Mixed_CaseName", "mixed_case_name"),
        ("URL", "url"),
    ],
)
def test_snake_case(name: str, snake: str) -> None:
    assert snake_case(name) == snake


@pytest.mark.parametrize(("name", "camel"), [("ShoppingCart", "ShoppingCart"), ("shopping_cart", "ShoppingCart")])
def test_camel_case(name: str, camel: str) -> None:
    assert camel_case(name) == camel


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("Class", "class_"),
        ("Import", "import_"),
        ("List", "list"),
        ("Definition", "definition_"),
        ("EmptyState", "empty_state_"),
        ("Str", "str_"),
        ("__Init__", "init"),
        ("_2nd", "rpc_2nd"),
        ("_", "rpc_"),
        ("Cart_pb2", "cart_pb2_"),
        ("OnAdded", "on_added_"),
    ],
)
def test_methods_keep_off_names_that_mean_something_else(name: str, method: str) -> None:
    assert method_name(name, reserved={"on_added"}) == method


def test_equal_names_take_in_their_package() -> None:
    spelled = distinct(["a.v1.Added", "a.v2.Added", "a.v2.Removed"], snake_case)
    assert spelled == ("v1_added", "v2_added", "removed")


def test_the_order_of_equal_names_does_not_matter() -> None:
    names = ["a.v2.Added", "a.v1.Added", "b.v1.Added"]
    spelled = dict(zip(names, distinct(names, snake_case), strict=True))
    assert spelled == dict(zip(reversed(names), distinct(names[::-1], snake_case), strict=True))
    assert spelled["a.v2.Added"] == "v2_added"
    assert spelled["b.v1.Added"] == "b_v1_added"


def test_names_that_cannot_be_told_apart_are_numbered() -> None:
    assert distinct(["GetURL", "GetUrl", "Get_Url_2"], snake_case) == ("get_url", "get_url_3", "get_url_2")
