"""Serving leaves nothing to the garbage collector, whose pauses would be the slowest calls that users see."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from tests.processes import ROOT

from cloudstate.runtime.app.loading import load_functions
from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.description import load
from cloudstate.runtime.host import EntityHost, Router
from cloudstate.runtime.journal import SqliteJournal
from cloudstate.runtime.proxy import FrontDoor
from cloudstate.runtime.transport import Channel, Server

CALLS = 200
CART = "/com.example.shoppingcart.ShoppingCart"


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    """The shopping cart, durable, so that answers come later than commands."""
    generated = ROOT / "generated" / "shopping-cart"
    description = load(generated)
    functions = load_functions(description, generated, ROOT / "specs" / "shopping-cart")
    journal = SqliteJournal(tmp_path / "cart.db", SystemClock())
    await journal.open()
    router = Router([EntityHost(function, journal) for function in functions.entities])
    door = FrontDoor(description, router)
    server = Server(door.methods, door.http)
    yield await server.listen("127.0.0.1", 0)
    await server.drain(0.0)
    await router.drain()
    await journal.close()


async def garbage_of(call: Callable[[], Awaitable[object]]) -> int:
    """How many objects only the collector could free after CALLS calls."""
    for _ in range(10):
        await call()
    gc.collect()
    gc.disable()
    try:
        for _ in range(CALLS):
            await call()
        return gc.collect()
    finally:
        gc.enable()


async def test_grpc_calls_leave_no_garbage(port: int) -> None:
    from shoppingcart.shoppingcart_pb2 import AddLineItem

    payload = AddLineItem(user_id="alice", product_id="pen", name="Pen", quantity=1).SerializeToString()
    channel = await Channel.connect(f"127.0.0.1:{port}")
    garbage = await garbage_of(lambda: channel.unary(f"{CART}/AddItem", payload, timeout=10))
    await channel.close()
    assert garbage < CALLS


async def test_http_calls_leave_no_garbage(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = b'{"userId": "alice", "productId": "pen", "name": "Pen", "quantity": 1}'
    head = (
        f"POST {CART}/AddItem HTTP/1.1\r\nHost: test\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()

    async def call() -> None:
        writer.write(head + body)
        response = await reader.readuntil(b"\r\n\r\n")
        assert response.startswith(b"HTTP/1.1 200"), response
        length = int(response.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)

    garbage = await garbage_of(call)
    writer.close()
    await writer.wait_closed()
    assert garbage < CALLS
