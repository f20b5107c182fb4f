"""The front door on a real port, for the clients that people have: grpcio, reflection tools, plain HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from tests.front_door.protos import shop, shop_schema
from tests.front_door.router import ScriptedRouter

from cloudstate.runtime.errors import CommandRejected, StatusCode
from cloudstate.runtime.host import Failure, Reply, Request
from cloudstate.runtime.proxy import FrontDoor
from cloudstate.runtime.transport import Server

SHOP = "/test.shop.Shop"


class Running:
    """A served front door and what is behind it."""

    def __init__(self, router: ScriptedRouter) -> None:
        self.router = router
        self.door = FrontDoor(shop(), router)
        self.server = Server(self.door.methods, self.door.http)
        self.port = 0
        self.channel: Any = None

    async def __aenter__(self) -> Running:
        self.port = await self.server.listen("127.0.0.1", 0)
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{self.port}")
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.channel.close()
        await self.server.drain(0.0)

    async def http(self, method: str, target: str, body: object = None) -> HTTPResponse:
        """A plain HTTP/1.1 request by the standard library, which reads and decodes the whole response."""
        return await asyncio.to_thread(self._http, method, target, body)

    def _http(self, method: str, target: str, body: object) -> HTTPResponse:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        data = None if body is None else json.dumps(body)
        connection.request(method, target, data, {"content-type": "application/json"} if data else {})
        response = connection.getresponse()
        response.text = response.read().decode()  # type: ignore[attr-defined]
        connection.close()
        return response


def cart(**fields: Any) -> bytes:
    return shop_schema().message_class("test.shop.Cart")(**fields).SerializeToString()


def key(user_id: str) -> bytes:
    return shop_schema().message_class("test.shop.GetCart")(user_id=user_id).SerializeToString()


async def test_unary_payloads_pass_untouched_with_metadata_both_ways() -> None:
    async with Running(
        ScriptedRouter(Reply(b"\xff\xfe raw", (("x-seen", "1"), ("y-bin", b"\x00"), ("te", "no"))))
    ) as it:
        call = it.channel.unary_unary(f"{SHOP}/Get")(b"\x00not protobuf", metadata=(("ce-id", "7"), ("k-bin", b"\x01")))

        assert await call == b"\xff\xfe raw"
        initial = {key: value for key, value in await call.initial_metadata()}
        assert (initial["x-seen"], initial["y-bin"]) == ("1", b"\x00")
        (request,) = it.router.calls
        assert (request.service, request.command, request.payload) == ("test.shop.Shop", "Get", b"\x00not protobuf")
        assert {("ce-id", "7"), ("k-bin", b"\x01")} <= set(request.metadata)
        assert request.deadline is None


async def test_deadlines_pass_and_a_cancelled_call_is_abandoned() -> None:
    async with Running(ScriptedRouter(hold=True)) as it:
        call = it.channel.unary_unary(f"{SHOP}/Get")(b"", timeout=0.2)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call

        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        (request,) = it.router.calls
        assert request.deadline is not None
        async with asyncio.timeout(5):
            while not it.router.abandoned:
                await it.channel.unary_unary(f"{SHOP}/Nope")(b"", timeout=5).code()


@pytest.mark.parametrize("code", [StatusCode.NOT_FOUND, StatusCode.UNKNOWN, StatusCode.FAILED_PRECONDITION])
async def test_failures_have_their_status_and_text(code: StatusCode) -> None:
    async with Running(ScriptedRouter(Failure("no such cart: „é“\n", code))) as it:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await it.channel.unary_unary(f"{SHOP}/Get")(b"")

        assert (caught.value.code().name, caught.value.details()) == (code.name, "no such cart: „é“\n")


async def test_an_unknown_method() -> None:
    async with Running(ScriptedRouter()) as it:
        assert await it.channel.unary_unary(f"{SHOP}/Nope")(b"").code() is grpc.StatusCode.UNIMPLEMENTED


async def doubled(request: Request, requests: AsyncIterator[bytes]) -> AsyncGenerator[Reply, None]:
    async for payload in requests:
        yield Reply(payload, (("x-first", "1"),))
        yield Reply(payload + payload, (("x-second", "1"),))
    if request.command == "Collect":
        raise CommandRejected("enough", StatusCode.OUT_OF_RANGE)


async def test_streams() -> None:
    async with Running(ScriptedRouter(streaming=doubled)) as it:
        chat = it.channel.stream_stream(f"{SHOP}/Chat")(iter([b"a", b"b"]))
        assert [reply async for reply in chat] == [b"a", b"aa", b"b", b"bb"]
        assert dict(await chat.initial_metadata())["x-first"] == "1"

        watch = it.channel.unary_stream(f"{SHOP}/Watch")(b"w")
        assert [reply async for reply in watch] == [b"w", b"ww"]

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await it.channel.stream_unary(f"{SHOP}/Collect")(iter([]))
        assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.OUT_OF_RANGE, "enough")


async def test_json() -> None:
    async with Running(ScriptedRouter(Reply(cart(total_cents=3), (("x-seen", "1"),)))) as it:
        response: Any = await it.http("GET", "/carts/u%2F1")
        assert (response.status, response.getheader("content-type")) == (200, "application/json")
        assert (response.text, response.getheader("x-seen")) == ('{"items":[],"totalCents":"3","owner":""}', "1")
        assert it.router.calls[0].payload == key("u/1")

        response = await it.http("POST", f"{SHOP}/Get", {"userId": "u"})
        assert response.status == 200
        assert it.router.calls[1].payload == key("u")

        response = await it.http("POST", f"{SHOP}/Get", {"user": "u"})
        assert (response.status, json.loads(response.text)["code"]) == (400, "INVALID_ARGUMENT")
        response = await it.http("DELETE", "/carts/u")
        assert (response.status, response.getheader("allow")) == (405, "GET")
        assert (await it.http("GET", "/")).status == 404


async def test_json_streams_are_chunked() -> None:
    async def carts(request: Request, requests: AsyncIterator[bytes]) -> AsyncGenerator[Reply, None]:
        async for _ in requests:
            yield Reply(cart(owner="a"))
            yield Reply(cart(owner="b"))

    async with Running(ScriptedRouter(streaming=carts)) as it:
        response: Any = await it.http("GET", "/carts/u:watch")

        assert response.getheader("transfer-encoding") == "chunked"
        assert [json.loads(line)["owner"] for line in response.text.splitlines()] == ["a", "b"]


async def test_health() -> None:
    async with Running(ScriptedRouter()) as it:
        stub: Any = health_pb2_grpc.HealthStub(it.channel)
        status = health_pb2.HealthCheckResponse
        for service in ("", "test.shop.Shop"):
            assert (await stub.Check(health_pb2.HealthCheckRequest(service=service))).status == status.SERVING
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Check(health_pb2.HealthCheckRequest(service="nope"))
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        listed = (await stub.List(health_pb2.HealthListRequest())).statuses
        assert sorted(listed) == ["", "test.shop.Shop"]

        watch = stub.Watch(health_pb2.HealthCheckRequest(service="test.shop.Shop"))
        unknown = stub.Watch(health_pb2.HealthCheckRequest(service="nope"))
        assert (await watch.read()).status == status.SERVING
        assert (await unknown.read()).status == status.SERVICE_UNKNOWN

        it.door.draining = True

        assert (await watch.read()).status == status.NOT_SERVING
        assert await watch.read() is grpc.aio.EOF
        assert (await stub.Check(health_pb2.HealthCheckRequest())).status == status.NOT_SERVING


async def test_reflection_tools_rebuild_the_schema() -> None:
    def rebuild(port: int) -> list[str]:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            database = ProtoReflectionDescriptorDatabase(channel)
            pool = DescriptorPool(database)
            service = pool.FindServiceByName("test.shop.Shop")
            assert pool.FindMessageTypeByName("test.shop.Everything").fields_by_name["at"].message_type is not None
            assert [method.name for method in service.methods] == list(shop_methods())
            with pytest.raises(KeyError):
                pool.FindMessageTypeByName("nope.Nope")
            return list(database.get_services())

    async with Running(ScriptedRouter()) as it:
        services = await asyncio.to_thread(rebuild, it.port)

    assert services == ["grpc.reflection.v1alpha.ServerReflection", "test.shop.Shop"]


def shop_methods() -> list[str]:
    return [method.name for method in shop_schema().service("test.shop.Shop").methods]
