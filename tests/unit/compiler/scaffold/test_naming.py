"""One name in, all names out."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudstate.compiler.model import Model
from cloudstate.compiler.scaffold import BadName
from cloudstate.compiler.scaffold.naming import entity_names, entity_words, project_name, proto_folder


@pytest.mark.parametrize("name", ["shop", "my-shop", "shop2", "a"])
def test_labels_are_names_of_services(name: str) -> None:
    assert project_name(name) == name


@pytest.mark.parametrize("name", ["", "Shop", "my_shop", "2shop", "-shop", "shop-", "a--b", "x" * 41, "shop\n", "../x"])
def test_other_names_are_refused_with_help(name: str) -> None:
    with pytest.raises(BadName, match="cannot be the name of a service") as refused:
        project_name(name)
    assert "lower-case" in refused.value.help


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("PurchaseOrder", ("purchase", "order")),
        ("purchase-order", ("purchase", "order")),
        ("HTTPCart", ("http", "cart")),
        ("order", ("order",)),
    ],
)
def test_entities_are_named_in_either_spelling(name: str, words: tuple[str, ...]) -> None:
    assert entity_words(name) == words


@pytest.mark.parametrize("name", ["", "purchase_order", "2nd", "Order!", "purchaseOrder"])
def test_other_spellings_are_refused(name: str) -> None:
    with pytest.raises(BadName, match="cannot be the name of an entity"):
        entity_words(name)


def test_all_names_of_an_entity() -> None:
    names = entity_names(("purchase", "order"), "my-shop", Model.VALUE)
    assert names.service == "my_shop.v1.PurchaseOrder"
    assert names.proto == "my_shop/v1/purchase_order.proto"
    assert (names.module, names.generated) == ("purchase_order_entity", "my_shop_service")
    assert entity_names(("mail",), "my-shop", Model.ACTION).module == "mail_action"


@pytest.mark.parametrize("name", ["platform", "class", "yaml"])
def test_protos_keep_off_modules_and_keywords(name: str) -> None:
    assert proto_folder(name, None) == f"{name}_api"


def test_protos_keep_off_the_authors_modules(tmp_path: Path) -> None:
    (tmp_path / "shop.py").touch()
    assert proto_folder("shop", tmp_path) == "shop_api"
    assert proto_folder("cart", tmp_path) == "cart"
