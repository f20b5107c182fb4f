"""The cases of gRPC's interop suite, in both directions: grpcio against our server, our channel against grpc.aio."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable
from typing import Any, TypeVar

import grpc
import grpc.aio
import pytest
from tests.e2e.transport_service import (
    ECHO_INITIAL,
    ECHO_TRAILING,
    SPECIAL_MESSAGE,
    ForeignService,
    OurService,
    order,
    path,
)

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.transport import CLIENT_LIMITS, CallFailed, Channel, Limits, Reply, Server

T = TypeVar("T")

LARGE_REQUEST = 271_828
LARGE_REPLY = 314_159
REQUEST_SIZES = (27_182, 8, 1_828, 45_904)
REPLY_SIZES = [31_415, 9, 2_653, 58_979]
METADATA: tuple[tuple[str, str | bytes], ...] = (
    (ECHO_INITIAL, "test_initial_metadata_value"),
    (ECHO_TRAILING, b"\xab\xab\xab"),
)
LIMITS = Limits(max_message=1_000_000)


def large_order(**wishes: Any) -> bytes:
    """An order padded to the size of the interop suite."""
    return order(**wishes).ljust(LARGE_REQUEST)


async def soon(awaitable: Awaitable[T]) -> T:
    """Tests end, even when what they wait for does not come."""
    return await asyncio.wait_for(awaitable, 10)


async def messages(*items: bytes) -> AsyncIterator[bytes]:
    """A stream of requests."""
    for item in items:
        yield item


class TestForeignClient:
    """grpc.aio calls our server."""

    @pytest.fixture
    def service(self) -> OurService:
        return OurService()

    @pytest.fixture(params=[None, 1000], ids=["plain", "gzip replies"])
    async def port(self, service: OurService, request: pytest.FixtureRequest) -> AsyncIterator[int]:
        limits = dataclasses.replace(LIMITS, gzip_threshold=request.param)
        server = Server(service.find, service.http, limits)
        yield await server.listen("127.0.0.1", 0)
        await server.drain(1)

    @pytest.fixture(params=[grpc.Compression.NoCompression, grpc.Compression.Gzip], ids=["plain", "gzip requests"])
    async def channel(self, port: int, request: pytest.FixtureRequest) -> AsyncIterator[Any]:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", compression=request.param) as channel:
            yield channel

    async def test_empty_unary(self, channel: Any) -> None:
        assert await soon(channel.unary_unary(path("Echo"))(b"")) == b""

    async def test_large_unary(self, channel: Any) -> None:
        assert await soon(channel.unary_unary(path("Unary"))(large_order(size=LARGE_REPLY))) == bytes(LARGE_REPLY)

    async def test_client_streaming(self, channel: Any) -> None:
        call = channel.stream_unary(path("Input"))(messages(*map(bytes, REQUEST_SIZES)))
        assert await soon(call) == str(sum(REQUEST_SIZES)).encode()

    async def test_server_streaming(self, channel: Any) -> None:
        call = channel.unary_stream(path("Output"))(order(sizes=REPLY_SIZES))
        assert [len(reply) async for reply in call] == REPLY_SIZES

    async def test_ping_pong(self, channel: Any) -> None:
        call = channel.stream_stream(path("Duplex"))()
        for size in REPLY_SIZES:
            await call.write(order(sizes=[size]).ljust(1000))
            assert len(await soon(call.read())) == size
        await call.done_writing()
        assert await soon(call.read()) is grpc.aio.EOF
        assert await soon(call.code()) is grpc.StatusCode.OK

    async def test_empty_stream(self, channel: Any) -> None:
        call = channel.stream_stream(path("Duplex"))(messages())
        assert [reply async for reply in call] == []

    async def test_cancel_after_begin(self, channel: Any, service: OurService) -> None:
        call = channel.stream_stream(path("Sleep"))()
        await call.write(b"{}")
        call.cancel()
        assert await soon(call.code()) is grpc.StatusCode.CANCELLED

    async def test_cancel_after_first_response(self, channel: Any, service: OurService) -> None:
        call = channel.stream_stream(path("Duplex"))()
        await call.write(order(sizes=[31_415]))
        assert len(await soon(call.read())) == 31_415
        call.cancel()
        assert await soon(call.code()) is grpc.StatusCode.CANCELLED
        assert await soon(service.cancelled.get()) == path("Duplex")

    async def test_cancelled_unary_call_reaches_the_handler(self, channel: Any, service: OurService) -> None:
        echo = channel.unary_unary(path("Echo"))
        call = channel.unary_unary(path("Never"))(b"")
        await soon(echo(b""))  # the call above has been sent by now
        call.cancel()
        assert await soon(service.cancelled.get()) == path("Never")

    @pytest.mark.parametrize("method", ["Never", "Sleep"])
    async def test_timeout_on_sleeping_server(self, channel: Any, service: OurService, method: str) -> None:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await soon(channel.unary_unary(path(method))(b"", timeout=0.05))
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert await soon(service.cancelled.get()) == path(method)

    async def test_custom_metadata_unary(self, channel: Any) -> None:
        call = channel.unary_unary(path("Unary"))(large_order(size=5), metadata=METADATA)
        assert await soon(call) == bytes(5)
        assert dict(await call.initial_metadata())[ECHO_INITIAL] == METADATA[0][1]
        assert dict(await call.trailing_metadata())[ECHO_TRAILING] == METADATA[1][1]

    async def test_custom_metadata_duplex(self, channel: Any) -> None:
        call = channel.stream_stream(path("Duplex"))(messages(order(sizes=[10])), metadata=METADATA)
        assert [len(reply) async for reply in call] == [10]
        assert dict(await call.initial_metadata())[ECHO_INITIAL] == METADATA[0][1]
        assert dict(await call.trailing_metadata())[ECHO_TRAILING] == METADATA[1][1]

    @pytest.mark.parametrize("text", ["test status message", SPECIAL_MESSAGE])
    async def test_status_code_and_message(self, channel: Any, text: str) -> None:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await soon(channel.unary_unary(path("Unary"))(order(status=[2, text]), metadata=METADATA))
        assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.UNKNOWN, text)
        assert dict(caught.value.trailing_metadata())[ECHO_TRAILING] == METADATA[1][1]
        call = channel.stream_stream(path("Duplex"))(messages(order(status=[5, text])))
        assert (await soon(call.code()), await call.details()) == (grpc.StatusCode.NOT_FOUND, text)

    @pytest.mark.parametrize("wrong", [path("Nothing"), "/test.Nobody/Unary", "/nonsense"])
    @pytest.mark.parametrize("size", [0, 400_000])
    async def test_unimplemented(self, channel: Any, wrong: str, size: int) -> None:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await soon(channel.unary_unary(wrong)(bytes(size)))
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED

    async def test_request_too_large(self, channel: Any) -> None:
        for method in ("Echo", "Input"):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await soon(channel.unary_unary(path(method))(bytes(5_000_000)))
            assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await soon(channel.unary_unary(path("Echo"))(b"still here")) == b"still here"

    @pytest.mark.parametrize("method", ["Broken", "BrokenStream"])
    async def test_a_handler_that_raises(self, channel: Any, method: str) -> None:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await soon(channel.unary_unary(path(method))(b""))
        assert caught.value.code() is grpc.StatusCode.UNKNOWN
        assert "secret" not in (caught.value.details() or "")

    async def test_unary_methods_want_exactly_one_request(self, channel: Any) -> None:
        for requests in ((), (b"a", b"b")):
            call = channel.stream_unary(path("Echo"))(messages(*requests))
            assert await soon(call.code()) is grpc.StatusCode.UNIMPLEMENTED

    async def test_many_calls_at_once(self, channel: Any) -> None:
        echo = channel.unary_unary(path("Echo"))
        payloads = [b"%d" % number for number in range(2000)]
        assert await soon(asyncio.gather(*map(echo, payloads))) == payloads


class TestOurClient:
    """Our channel calls a grpc.aio server."""

    @pytest.fixture
    def service(self) -> ForeignService:
        return ForeignService()

    @pytest.fixture(params=[grpc.Compression.NoCompression, grpc.Compression.Gzip], ids=["plain", "gzip replies"])
    async def port(self, service: ForeignService, request: pytest.FixtureRequest) -> AsyncIterator[int]:
        server = grpc.aio.server(compression=request.param, options=[("grpc.max_receive_message_length", 1_000_000)])
        server.add_generic_rpc_handlers((service.handler(),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        yield port
        await server.stop(1)

    @pytest.fixture(params=[None, 0], ids=["plain", "gzip requests"])
    async def channel(self, port: int, request: pytest.FixtureRequest) -> AsyncIterator[Channel]:
        limits = dataclasses.replace(CLIENT_LIMITS, max_message=1_000_000, gzip_threshold=request.param)
        channel = await Channel.connect(f"127.0.0.1:{port}", limits)
        yield channel
        await channel.close()

    async def test_empty_unary(self, channel: Channel) -> None:
        assert (await soon(channel.unary(path("Echo"), b""))).payload == b""

    async def test_large_unary(self, channel: Channel) -> None:
        assert (await soon(channel.unary(path("Unary"), large_order(size=LARGE_REPLY)))).payload == bytes(LARGE_REPLY)

    async def test_client_streaming(self, channel: Channel) -> None:
        call = channel.stream(path("Input"))
        for size in REQUEST_SIZES:
            await soon(call.send(bytes(size)))
        await call.end()
        assert [reply async for reply in call] == [str(sum(REQUEST_SIZES)).encode()]

    async def test_server_streaming(self, channel: Channel) -> None:
        call = channel.stream(path("Output"))
        await call.send(order(sizes=REPLY_SIZES))
        await call.end()
        assert [len(reply) async for reply in call] == REPLY_SIZES

    async def test_ping_pong(self, channel: Channel) -> None:
        call = channel.stream(path("Duplex"))
        for size in REPLY_SIZES:
            await call.send(order(sizes=[size]))
            assert len(await soon(anext(call))) == size
        await call.end()
        with pytest.raises(StopAsyncIteration):
            await soon(anext(call))

    async def test_empty_stream(self, channel: Channel) -> None:
        call = channel.stream(path("Duplex"))
        await call.end()
        assert [reply async for reply in call] == []

    async def test_cancel_after_begin(self, channel: Channel) -> None:
        call = channel.stream(path("Sleep"))
        call.cancel()
        with pytest.raises(CallFailed) as caught:
            await soon(anext(call))
        assert caught.value.status is StatusCode.CANCELLED

    async def test_cancel_after_first_response(self, channel: Channel, service: ForeignService) -> None:
        call = channel.stream(path("Duplex"))
        await call.send(order(sizes=[31_415]))
        assert len(await soon(anext(call))) == 31_415
        call.cancel()
        with pytest.raises(CallFailed) as caught:
            await soon(anext(call))
        assert caught.value.status is StatusCode.CANCELLED
        assert await soon(service.cancelled.get()) == "Duplex"

    async def test_a_cancelled_task_cancels_its_call(self, channel: Channel, service: ForeignService) -> None:
        task = asyncio.ensure_future(channel.unary(path("Never"), b""))
        await soon(channel.unary(path("Echo"), b""))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await soon(service.cancelled.get()) == "Never"

    async def test_timeout_on_sleeping_server(self, channel: Channel) -> None:
        with pytest.raises(CallFailed) as caught:
            await soon(channel.unary(path("Never"), b"", timeout=0.05))
        assert caught.value.status is StatusCode.DEADLINE_EXCEEDED
        with pytest.raises(CallFailed) as caught:
            await soon(anext(channel.stream(path("Sleep"), timeout=0.05)))
        assert caught.value.status is StatusCode.DEADLINE_EXCEEDED

    async def test_custom_metadata_unary(self, channel: Channel) -> None:
        reply = await soon(channel.unary(path("Unary"), order(size=5), METADATA))
        assert dict(reply.metadata)[ECHO_INITIAL] == METADATA[0][1]
        assert dict(reply.trailers)[ECHO_TRAILING] == METADATA[1][1]

    async def test_custom_metadata_duplex(self, channel: Channel) -> None:
        call = channel.stream(path("Duplex"), METADATA)
        assert dict(await soon(call.initial_metadata()))[ECHO_INITIAL] == METADATA[0][1]
        await call.send(order(sizes=[10]))
        await call.end()
        assert [len(reply) async for reply in call] == [10]
        assert dict(call.trailers)[ECHO_TRAILING] == METADATA[1][1]

    @pytest.mark.parametrize("text", ["test status message", SPECIAL_MESSAGE])
    async def test_status_code_and_message(self, channel: Channel, text: str) -> None:
        with pytest.raises(CallFailed) as caught:
            await soon(channel.unary(path("Unary"), order(status=[2, text]), METADATA))
        assert (caught.value.status, caught.value.status_value.message) == (StatusCode.UNKNOWN, text)
        assert dict(caught.value.trailers)[ECHO_TRAILING] == METADATA[1][1]
        call = channel.stream(path("Duplex"))
        await call.send(order(status=[5, text]))
        with pytest.raises(CallFailed) as caught:
            await soon(anext(call))
        assert (caught.value.status, caught.value.status_value.message) == (StatusCode.NOT_FOUND, text)

    @pytest.mark.parametrize("wrong", [path("Nothing"), "/test.Nobody/Unary", "/nonsense"])
    async def test_unimplemented(self, channel: Channel, wrong: str) -> None:
        with pytest.raises(CallFailed) as caught:
            await soon(channel.unary(wrong, b""))
        assert caught.value.status is StatusCode.UNIMPLEMENTED

    async def test_request_too_large_for_the_server(self, channel: Channel) -> None:
        with pytest.raises(CallFailed) as caught:
            await soon(channel.unary(path("Echo"), bytes(5_000_000)))
        assert caught.value.status is StatusCode.RESOURCE_EXHAUSTED
        assert (await soon(channel.unary(path("Echo"), b"still here"))).payload == b"still here"

    async def test_reply_too_large_for_us(self, channel: Channel) -> None:
        with pytest.raises(CallFailed) as caught:
            await soon(channel.unary(path("Unary"), order(size=2_000_000)))
        assert caught.value.status is StatusCode.RESOURCE_EXHAUSTED
        call = channel.stream(path("Output"))
        await call.send(order(sizes=[2_000_000]))
        with pytest.raises(CallFailed) as caught:
            await soon(anext(call))
        assert caught.value.status is StatusCode.RESOURCE_EXHAUSTED
        assert (await soon(channel.unary(path("Echo"), b"still here"))).payload == b"still here"

    async def test_many_calls_at_once(self, channel: Channel) -> None:
        payloads = [b"%d" % number for number in range(500)]
        replies = await soon(asyncio.gather(*(channel.unary(path("Echo"), payload) for payload in payloads)))
        assert [reply.payload for reply in replies] == payloads

    async def test_calls_without_a_task(self, channel: Channel) -> None:
        outcomes: asyncio.Queue[Reply | CallFailed] = asyncio.Queue()
        for number in range(10):
            channel.start_unary(path("Echo"), b"%d" % number, (), 5.0, outcomes.put_nowait)
        got = {
            outcome.payload for outcome in [await soon(outcomes.get()) for _ in range(10)] if isinstance(outcome, Reply)
        }
        assert got == {b"%d" % number for number in range(10)}
