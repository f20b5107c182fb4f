"""The example services behind the front door: real entities, a journal in memory, JSON and gRPC from outside."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from cloudstate.runtime.app.loading import load_functions
from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.description import ServiceDescription, load
from cloudstate.runtime.host import EntityHost, Router
from cloudstate.runtime.journal.memory import MemoryJournal
from cloudstate.runtime.proxy import FrontDoor
from cloudstate.runtime.transport import Server

ROOT = Path(__file__).parents[2]


class Client:
    """JSON by the standard library, gRPC by grpcio with messages made from the service's descriptors."""

    def __init__(self, port: int, description: ServiceDescription) -> None:
        self.port = port
        self.schema = description.schema
        self.channel: Any = grpc.aio.insecure_channel(f"127.0.0.1:{port}")

    async def json(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        return await asyncio.to_thread(self._json, method, path, body, headers)

    def _json(self, method: str, path: str, body: object, headers: dict[str, str]) -> tuple[int, Any]:
        with contextlib.closing(HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            if body is not None:
                headers["content-type"] = "application/json"
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            documents = [json.loads(line) for line in response.read().splitlines()]
            return response.status, documents[0] if len(documents) == 1 else documents

    async def grpc(self, service: str, method: str, **fields: Any) -> Any:
        described = self.schema.method(service, method)
        request = self.schema.message_class(described.input_type.full_name)(**fields)
        reply = await self.channel.unary_unary(f"/{service}/{method}")(request.SerializeToString())
        return self.schema.message_class(described.output_type.full_name).FromString(reply)


@contextlib.asynccontextmanager
async def serving(name: str) -> AsyncIterator[Client]:
    description = load(ROOT / "generated" / name)
    functions = load_functions(description, ROOT / "generated" / name, ROOT / "specs" / name)
    journal = MemoryJournal(SystemClock())
    await journal.open()
    router = Router([EntityHost(function, journal) for function in functions.entities], functions.actions)
    door = FrontDoor(description, router)
    server = Server(door.methods, door.http)
    client = Client(await server.listen("127.0.0.1", 0), description)
    try:
        yield client
    finally:
        await client.channel.close()
        await server.drain(1.0)
        await router.drain()
        await journal.close()


async def test_a_cart_filled_with_json_and_read_with_grpc() -> None:
    async with serving("shopping-cart") as client:
        cart = "com.example.shoppingcart.ShoppingCart"
        apples = {"productId": "a", "name": "Apples", "quantity": 2}
        assert await client.json("POST", "/cart/me%2Fyou/items/add", apples) == (200, {})
        assert await client.json("POST", f"/{cart}/AddItem", {"userId": "me/you", **apples}) == (200, {})

        assert await client.json("GET", "/carts/me%2Fyou") == (200, {"items": [{**apples, "quantity": 4}]})
        assert await client.json("GET", "/carts/me%2Fyou/items") == (200, [{**apples, "quantity": 4}])
        (item,) = (await client.grpc(cart, "GetCart", user_id="me/you")).items
        assert (item.product_id, item.quantity) == ("a", 4)

        assert await client.json("POST", "/cart/me%2Fyou/items/a/remove") == (200, {})
        assert await client.json("GET", "/carts/me%2Fyou") == (200, {"items": []})


async def test_what_an_entity_refuses() -> None:
    async with serving("shopping-cart") as client:
        text = "cannot add 0 of item a: the quantity must be at least 1"
        expected = (400, {"code": "INVALID_ARGUMENT", "message": text})
        assert await client.json("POST", "/cart/me/items/add", {"productId": "a"}) == expected
        status, failure = await client.json("POST", "/cart/me/items/x/remove")
        assert (status, failure["code"]) == (404, "NOT_FOUND")
        status, failure = await client.json("GET", "/carts/")
        assert (status, failure["code"]) == (400, "INVALID_ARGUMENT")

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.grpc("com.example.shoppingcart.ShoppingCart", "AddItem", user_id="me", product_id="a")
        assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.INVALID_ARGUMENT, text)


async def test_an_action_in_every_shape() -> None:
    async with serving("converter") as client:
        assert await client.json("POST", "/convert", {"degrees": 100}) == (200, {"degrees": 212.0})
        status, replies = await client.json("GET", "/convert/-1/to/1")
        assert (status, [reply["degrees"] for reply in replies]) == (200, [30.2, 32.0, 33.8])
        converter = "/com.example.conversion.Converter"
        assert await client.json("POST", f"{converter}/ConvertMean", {"degrees": 5}) == (200, {"degrees": 41.0})
        assert await client.json("POST", f"{converter}/ConvertEach", {"degrees": 5}) == (200, {"degrees": 41.0})

        counted = {"degrees": 0, "wait": True}
        assert await client.json("POST", "/counters/c/convert", counted) == (200, {"degrees": 32.0})
        assert await client.json("GET", "/counters/c/conversions") == (200, {"value": "1"})

        each = client.channel.stream_stream(f"{converter}/ConvertEach")
        celsius = client.schema.message_class("com.example.conversion.Celsius")
        fahrenheit = client.schema.message_class("com.example.conversion.Fahrenheit")
        replies = each(iter([celsius(degrees=d).SerializeToString() for d in (0.0, 100.0)]))
        assert [fahrenheit.FromString(reply) for reply in [reply async for reply in replies]] == [
            fahrenheit(degrees=32.0),
            fahrenheit(degrees=212.0),
        ]
