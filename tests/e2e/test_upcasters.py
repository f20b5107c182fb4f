"""A service that changes its events: what the old release has stored is read by the new one, once it has upcasters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cloudstate.cli import main

SPEC = """\
apiVersion: cloudstate.io/v1
kind: StatefulService
metadata: {name: shop}
spec:
  protos: [shop.proto]
  entities:
    - service: shop.Cart
      model: event-sourced
      type: cart
      state: shop.Items
      events: [shop.ItemAdded, shop.Emptied]
      snapshot: {every: 2}
"""
PROTO = """\
syntax = "proto3";

package shop;

import "cloudstate/entity_key.proto";

service Cart {
  rpc Add(AddRequest) returns (Items) {}
}

message AddRequest {
  string id = 1 [(cloudstate.entity_key) = true];
  int32 quantity = 2;
}

message Items {
  int32 total = 1;
}

message ItemAdded {
  int32 quantity = 1;
}

message Emptied {}

message Cents {
  int64 cents = 1;
}
"""
UPCASTER = "{from: shop.ItemAdded, to: shop.Put}"
CART = """\
from shop_pb2 import ItemAdded, Items
from shop_service import CartEntity


class Cart(CartEntity):
    def add(self, command, ctx):
        if command.quantity:
            ctx.emit(ItemAdded(quantity=command.quantity))
        return ctx.state

    def on_item_added(self, state, event):
        return Items(total=state.total + event.quantity)

    def on_emptied(self, state, event):
        return Items()
"""
#: Drives the cart ``a`` with the quantities that it gets as arguments; the journal is a file.
DRIVE = """\
import asyncio, sys
from pathlib import Path
from cloudstate.runtime.app.loading import load_functions
from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.description import load
from cloudstate.runtime.host import EntityHost, Reply, Request, Router
from cloudstate.runtime.journal.address import open_journal

async def main():
    description = load(Path("generated/shop"))
    functions = load_functions(description, Path("generated/shop"), Path("."))
    journal = open_journal("sqlite:shop.db", SystemClock())
    await journal.open()
    router = Router([EntityHost(function, journal) for function in functions.entities])
    AddRequest, Items = (description.schema.message_class(f"shop.{name}") for name in ("AddRequest", "Items"))
    for quantity in map(int, sys.argv[1:]):
        request = AddRequest(id="a", quantity=quantity).SerializeToString()
        result = await router.call(Request("shop.Cart", "Add", request))
        print(Items.FromString(result.payload).total if isinstance(result, Reply) else "failed")
    await router.drain()
    await journal.close()

asyncio.run(main())
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in {"service.yaml": SPEC, "protos/shop.proto": PROTO, "cart.py": CART, "drive.py": DRIVE}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def edit(path: str, *changes: tuple[str, str]) -> None:
    text = Path(path).read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    Path(path).write_text(text)


def drive(*quantities: int) -> list[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "drive.py", *map(str, quantities)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[: len(quantities)]


def test_a_renamed_event_needs_no_code_and_another_state_some(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "."]) == 0
    assert main(["release", "."]) == 0
    assert drive(1, 2, 3) == ["1", "3", "6"]
    edit("protos/shop.proto", ("message ItemAdded", "message Put"))
    edit("service.yaml", ("shop.ItemAdded", "shop.Put"))
    edit("cart.py", ("ItemAdded", "Put"), ("on_item_added", "on_put"))
    assert main(["compile", "."]) == 0
    capsys.readouterr()
    assert main(["compile", ".", "--check"]) == 4
    assert "upcasters: [{from: shop.ItemAdded, to: shop.Put}]" in capsys.readouterr().err
    assert drive(4) == ["failed"], "a cart with events of the old name does not come back"
    edit("service.yaml", ("      snapshot", f"      upcasters: [{UPCASTER}]\n      snapshot"))
    assert main(["compile", "."]) == 0
    assert main(["compile", ".", "--check"]) == 0
    assert drive(4, 0) == ["10", "10"]
    assert main(["release", "."]) == 0
    edit("service.yaml", ("state: shop.Items", "state: shop.Cents"))
    edit("service.yaml", ("shop.Put}]", "shop.Put}, {from: shop.Items, to: shop.Cents}]"))
    edit("cart.py", ("import Put, Items", "import Cents, Items, Put"), ("Items(", "Cents("), ("total=", "cents="))
    edit("cart.py", ("return ctx.state", "return Items(total=ctx.state.cents)"), ("state.total", "state.cents"))
    with open("cart.py", "a") as file:
        file.write("\n    def upcast_items(self, old):\n        return Cents(cents=100 * old.total)\n")
    assert main(["compile", "."]) == 0
    assert main(["compile", ".", "--check"]) == 0
    assert main(["check", ".", "--upcasters"]) == 0
    assert drive(0, 5) == ["1000", "1005"]
    edit("cart.py", ("100 * old.total", "100 // old.total"))
    capsys.readouterr()
    assert main(["check", ".", "--upcasters"]) == 4
    assert "ZeroDivisionError: " in capsys.readouterr().err
    edit("cart.py", ("def upcast_items", "def upcast_item"))
    assert main(["check", ".", "--upcasters"]) == 1
    assert "does not implement `upcast_items`" in capsys.readouterr().err


def test_upcasters_of_what_is_not_compiled(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["release", "."]) == 0
    edit(
        "service.yaml",
        ("[shop.ItemAdded", "[shop.Put"),
        ("      snapshot", f"      upcasters: [{UPCASTER}]\n      snapshot"),
    )
    edit("protos/shop.proto", ("message ItemAdded", "message Put"))
    assert main(["check", "."]) == 0
    capsys.readouterr()
    assert main(["check", ".", "--upcasters"]) == 1
    assert capsys.readouterr().err == "error: `shop` is not compiled\n  help: run `cloudstate compile` first\n"
