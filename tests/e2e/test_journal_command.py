"""``cloudstate journal``: a look into a journal while a runtime serves it; what comes out of it and into another."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.processes import ROOT, cart, server

from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.eventing.bookkeeping import DeadLetters
from cloudstate.runtime.eventing.deliver import CloudEvent
from cloudstate.runtime.journal import AppendEvents, EntityKey, open_journal
from cloudstate.runtime.payload import Payload

sys.path.insert(0, str(ROOT / "generated" / "shopping-cart"))

PROJECT = "specs/shopping-cart"
ADDED = "com.example.shoppingcart.persistence.ItemAdded"


def journal(*arguments: str) -> tuple[int, str, str]:
    """Run the command; its exit code, output and errors."""
    done = subprocess.run(
        [sys.executable, "-m", "cloudstate.cli", "journal", *arguments], cwd=ROOT, capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr


def rows(*arguments: str) -> list[dict[str, Any]]:
    """The JSON lines of a command that goes well."""
    code, output, errors = journal(*arguments)
    assert (code, errors) in ((0, ""), (0, "no problems\n")), errors
    return [json.loads(line) for line in output.splitlines()]


def fill(address: str) -> None:
    """Ann's cart gets four events, Bob's one."""
    from shoppingcart.shoppingcart_pb2 import AddLineItem

    with grpc.insecure_channel(address) as channel:
        add: Any = channel.unary_unary("/com.example.shoppingcart.ShoppingCart/AddItem")
        for user, product in (("ann", "pen"), ("ann", "ink"), ("ann", "pen"), ("ann", "cap"), ("bob", "pen")):
            add(AddLineItem(user_id=user, product_id=product, name="X", quantity=1).SerializeToString(), timeout=10)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A journal that a runtime has open."""
    address = f"sqlite:{tmp_path_factory.mktemp('j')}/carts.db"
    with server(cart(address)) as (_, where):
        fill(where)
        yield address


def test_types_and_entities(live: str) -> None:
    assert rows("ls", PROJECT, "--journal", live) == [{"type": "shopping-cart", "entities": 2}]
    assert rows("ls", PROJECT, "shopping-cart", "--journal", live) == [
        {"type": "shopping-cart", "id": "ann", "sequence": 4},
        {"type": "shopping-cart", "id": "bob", "sequence": 1},
    ]


def test_events_are_decoded(live: str) -> None:
    events = rows("events", PROJECT, "shopping-cart", "ann", "--journal", live)
    assert [(it["sequence"], it["event"], it["data"]["item"]["productId"]) for it in events] == [
        (1, ADDED, "pen"),
        (2, ADDED, "ink"),
        (3, ADDED, "pen"),
        (4, ADDED, "cap"),
    ]


def quantities(live: str, *at: str) -> dict[str, int]:
    [row] = rows("state", PROJECT, "shopping-cart", "ann", "--journal", live, *at)
    return {item["productId"]: item["quantity"] for item in row["state"]["items"]}


def test_states_of_the_past(live: str) -> None:
    assert quantities(live) == {"pen": 2, "ink": 1, "cap": 1}
    assert quantities(live, "--at", "2") == {"pen": 1, "ink": 1}
    time = rows("events", PROJECT, "shopping-cart", "ann", "--journal", live)[3]["time"]
    assert quantities(live, "--at", "2100-01-01T00:00:00Z") == quantities(live)
    assert len(quantities(live, "--at", time.replace(time[:4], "2101"))) == 3


def test_a_difference(live: str) -> None:
    _, output, _ = journal("diff", PROJECT, "shopping-cart", "ann", "--from", "2", "--journal", live)
    assert output.startswith("--- shopping-cart ann after 2 events\n+++ shopping-cart ann after 4 events\n")
    assert '+      "productId": "cap",' in output


def test_export_and_import(live: str, tmp_path: Path) -> None:
    _, exported, _ = journal("export", PROJECT, "--journal", live)
    file, other = tmp_path / "all.jsonl", f"sqlite:{tmp_path}/other.db"
    file.write_text(exported)
    assert journal("import", PROJECT, str(file), "--journal", other)[1] == "5 rows written, 0 were there\n"
    assert journal("import", PROJECT, str(file), "--journal", other)[1] == "0 rows written, 5 were there\n"
    assert quantities(other) == quantities(live)
    with server(cart(other)) as (_, where):
        fill(where)
    assert quantities(other) == {"pen": 4, "ink": 2, "cap": 2}


def test_what_is_wrong_is_found(live: str, tmp_path: Path) -> None:
    assert rows("verify", PROJECT, "--journal", live) == []
    other = f"sqlite:{tmp_path}/bad.db"

    async def spoil() -> None:
        made = open_journal(other, SystemClock())
        await made.open()
        good = f"type.googleapis.com/{ADDED}"
        payloads = Payload(good, b"\xff"), Payload("type.googleapis.com/gone.Event", b"")
        await made.append(AppendEvents(EntityKey("shopping-cart", "eve"), 0, payloads))
        await made.close()

    asyncio.run(spoil())
    code, output, errors = journal("verify", PROJECT, "--journal", other)
    problems = [json.loads(line) for line in output.splitlines()]
    assert (code, errors) == (1, "2 problems\n")
    assert [(it["id"], it["sequence"], it["problem"].rpartition(": ")[2]) for it in problems] == [
        ("eve", 1, "it is damaged"),
        ("eve", 2, "the service does not know its type"),
    ]


def test_dead_letters(tmp_path: Path) -> None:
    address = f"sqlite:{tmp_path}/letters.db"

    async def bury() -> None:
        made = open_journal(address, SystemClock())
        await made.open()
        dead = DeadLetters(made, "shop.Mail/log/cart")
        await dead.load()
        for number in range(2):
            await dead.bury(CloudEvent(f"ann/{number}", "cart", "shop.Added", Payload("t", b"")), "no post", 5)
        await made.close()

    asyncio.run(bury())
    listed = rows("dead-letters", PROJECT, "ls", "--journal", address)
    assert [(it["group"], it["number"], it["id"], it["reason"], it["attempts"]) for it in listed] == [
        ("shop.Mail/log/cart", 1, "ann/0", "no post", 5),
        ("shop.Mail/log/cart", 2, "ann/1", "no post", 5),
    ]
    asked = journal("dead-letters", PROJECT, "retry", "shop.Mail/log/cart", "2", "--journal", address)
    assert asked[:2] == (0, "1 dead letters will be tried again by the consumer\n")


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("ls", PROJECT, "--journal", "sqlite:/nowhere/j.db"), 3, "there is no journal `/nowhere/j.db`"),
        (("ls", "specs/none"), 1, "there is no specs/none/service.yaml"),
        (
            ("state", PROJECT, "x", "1", "--at", "soon", "--journal", "memory:"),
            1,
            "neither a number of events nor a time",
        ),
        (("dead-letters", PROJECT, "retry", "--journal", "memory:"), 1, "whose dead letters are to be tried again?"),
        (("import", PROJECT, "/nowhere.jsonl", "--journal", "memory:"), 3, "/nowhere.jsonl: No such file"),
    ],
)
def test_mistakes(arguments: tuple[str, ...], code: int, text: str) -> None:
    got, _, errors = journal(*arguments)
    assert (got, text in errors) == (code, True), errors
