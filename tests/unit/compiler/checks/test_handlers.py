"""Drift between the author's classes and the spec."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.compiler.projects import PROTO, spec_text, write_files

from cloudstate.compiler.diagnostics import Sink
from cloudstate.compiler.driver import compile_spec
from cloudstate.compiler.inputs import Input


def drift(folder: Path, module: str | None) -> list[str]:
    files = {"service.yaml": spec_text(), "protos/shop.proto": PROTO}
    write_files(folder, files if module is None else {**files, "cart.py": module})
    sink = Sink()
    compile_spec(Input(folder / "service.yaml", "service.yaml"), sink)
    return [f"{finding.code.name} {finding.message}" for finding in sink.sorted()]


@pytest.mark.parametrize(
    "module",
    [
        "class Cart(CartEntity):\n    def get_cart(self, command, ctx): ...\n",
        "class Cart(CartEntity):\n    async def get_cart(self, command, ctx): ...\n",
        "class Cart(shop_service.CartEntity):\n    get_cart = other\n",
        "class Cart(CartEntity, Mixin):\n    pass\n",
        "class Cart(Base[int]):\n    pass\n",
        "class Cart(CartEntity):\n    get_cart: object = other\n",
    ],
)
def test_a_complete_class(tmp_path: Path, module: str) -> None:
    assert drift(tmp_path, module) == []


def test_a_package_may_hold_the_class(tmp_path: Path) -> None:
    module = "class Cart(CartEntity):\n    def get_cart(self, command, ctx): ...\n"
    write_files(tmp_path, {"cart/__init__.py": module})
    assert drift(tmp_path, None) == []


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (None, "class-not-found the class `cart.Cart` does not exist"),
        ("class Cart(", "class-not-found the class `cart.Cart` does not exist"),
        ("Cart = 1\n", "class-not-found the class `cart.Cart` does not exist"),
        ("class Cart(CartEntity): ...\n", "handler-not-found the class `cart.Cart` does not define `get_cart`"),
    ],
)
def test_an_incomplete_class(tmp_path: Path, module: str | None, expected: str) -> None:
    assert drift(tmp_path, module) == [expected]


def test_the_author_s_code_is_never_run(tmp_path: Path) -> None:
    module = "import pathlib\npathlib.Path(__file__).with_name('ran').touch()\nclass Cart(CartEntity): ...\n"
    drift(tmp_path, module)
    assert not (tmp_path / "ran").exists()
