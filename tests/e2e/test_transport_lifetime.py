"""How connections and calls end: drain, keepalive, lost peers, deadlines, and what the other side sees of it."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import grpc.aio
import pytest
from tests.e2e.raw_http2 import ACK, GOAWAY, PING, WINDOW_UPDATE, frame, raw, request
from tests.e2e.transport_service import OurService, order, path

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.transport import (
    CLIENT_LIMITS,
    CallFailed,
    Channel,
    Limits,
    Method,
    Server,
    StreamCall,
    StreamMethod,
    UnaryCall,
    UnaryMethod,
)

T = TypeVar("T")


async def soon(awaitable: Awaitable[T]) -> T:
    """Tests end, even when what they wait for does not come."""
    return await asyncio.wait_for(awaitable, 10)


async def until(condition: Callable[[], bool]) -> None:
    """Let the event loop turn until something is so."""
    for _ in range(100_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never became so")


WIDE_OPEN = frame(WINDOW_UPDATE, 0, 0, (0x7FFF_0000).to_bytes(4, "big"))


class Waiting:
    """A service whose calls a test answers itself."""

    def __init__(self) -> None:
        self.calls: asyncio.Queue[UnaryCall] = asyncio.Queue()
        self.streams: asyncio.Queue[StreamCall] = asyncio.Queue()
        self.go_on = asyncio.Event()
        self.methods: dict[str, Method] = {
            "/s/Unary": UnaryMethod(self.unary),
            "/s/Stream": StreamMethod(self.stream),
        }

    def find(self, wanted: str) -> Method | None:
        return self.methods.get(wanted)

    def unary(self, call: UnaryCall, payload: bytes) -> None:
        self.calls.put_nowait(call)

    async def stream(self, call: StreamCall) -> None:
        self.streams.put_nowait(call)
        await self.go_on.wait()
        await call.send(b"last words")


@pytest.fixture
def waiting() -> Waiting:
    return Waiting()


@pytest.fixture
async def server(waiting: Waiting) -> AsyncIterator[Server]:
    server = Server(waiting.find, lambda exchange: exchange.respond(404), Limits(idle_timeout=60))
    yield server
    await server.drain(0)


@pytest.fixture
async def port(server: Server) -> int:
    return await server.listen("127.0.0.1", 0)


@pytest.fixture
async def channel(port: int) -> AsyncIterator[Channel]:
    channel = await Channel.connect(f"127.0.0.1:{port}")
    yield channel
    await channel.close()


async def test_drain_lets_running_calls_finish(server: Server, port: int, channel: Channel, waiting: Waiting) -> None:
    unary = asyncio.ensure_future(channel.unary("/s/Unary", b""))
    stream = channel.stream("/s/Stream")
    call = await soon(waiting.calls.get())
    await soon(waiting.streams.get())
    draining = asyncio.ensure_future(server.drain(10))
    await until(lambda: not channel.usable)
    with pytest.raises(CallFailed) as caught:
        await soon(channel.unary("/s/Unary", b"too late"))
    assert caught.value.status is StatusCode.UNAVAILABLE
    with pytest.raises(OSError, match=r"."):
        await Channel.connect(f"127.0.0.1:{port}")
    assert not draining.done()
    call.reply(b"answer")
    waiting.go_on.set()
    assert (await soon(unary)).payload == b"answer"
    assert [reply async for reply in stream] == [b"last words"]
    await soon(draining)


async def test_the_last_answer_before_a_drained_connection_ends(
    server: Server, channel: Channel, waiting: Waiting, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer and the end of the connection arrive together; the answer still counts."""
    unary = asyncio.ensure_future(channel.unary("/s/Unary", b""))
    call = await soon(waiting.calls.get())
    draining = asyncio.ensure_future(server.drain(10))
    await until(lambda: not channel.usable)
    call.reply(bytes(100_000))
    assert (await soon(unary)).payload == bytes(100_000)
    await soon(draining)
    assert caplog.records == []


async def test_drain_cuts_what_does_not_finish(server: Server, channel: Channel, waiting: Waiting) -> None:
    cancelled: list[str] = []
    unary = asyncio.ensure_future(channel.unary("/s/Unary", b""))
    stream = channel.stream("/s/Stream")
    call = await soon(waiting.calls.get())
    call.on_cancel = lambda: cancelled.append(call.path)
    await soon(waiting.streams.get())
    await soon(server.drain(0.05))
    for failing in (unary, anext(stream)):
        with pytest.raises(CallFailed) as caught:
            await soon(failing)
        assert caught.value.status is StatusCode.UNAVAILABLE
    assert cancelled == ["/s/Unary"]
    call.reply(b"nobody listens")


async def test_a_foreign_client_survives_a_drain(server: Server, port: int, waiting: Waiting) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        method: Any = channel.unary_unary("/s/Unary")
        unary = method(b"")
        call = await soon(waiting.calls.get())
        draining = asyncio.ensure_future(server.drain(10))
        await asyncio.sleep(0)
        call.reply(b"answer")
        assert await soon(unary) == b"answer"
        await soon(draining)


async def test_a_lost_client_cancels_its_calls(port: int, waiting: Waiting) -> None:
    channel = await Channel.connect(f"127.0.0.1:{port}")
    unary = asyncio.ensure_future(channel.unary("/s/Unary", b""))
    call = await soon(waiting.calls.get())
    gone = asyncio.Event()
    call.on_cancel = gone.set
    await channel.close()
    await soon(gone.wait())
    assert call.done
    with pytest.raises(CallFailed) as caught:
        await soon(unary)
    assert caught.value.status is StatusCode.UNAVAILABLE
    with pytest.raises(CallFailed) as caught:
        await channel.unary("/s/Unary", b"")
    assert caught.value.status is StatusCode.UNAVAILABLE


async def test_a_lost_client_cancels_its_streams(port: int, waiting: Waiting) -> None:
    async with raw(port) as peer:
        await peer.send(request(1, "/s/Stream"))
        call = await soon(waiting.streams.get())
        assert not call.done
    await until(lambda: call.done)


async def test_the_handler_sees_the_deadline(channel: Channel, waiting: Waiting) -> None:
    unary = asyncio.ensure_future(channel.unary("/s/Unary", b"", timeout=50))
    call = await soon(waiting.calls.get())
    assert call.deadline is not None
    assert 40 < call.deadline - asyncio.get_running_loop().time() <= 50.1
    call.reply(b"")
    await soon(unary)


@pytest.mark.parametrize("timeout", [0.0, -1.0])
async def test_a_deadline_that_has_passed_already(channel: Channel, timeout: float) -> None:
    with pytest.raises(CallFailed) as caught:
        await soon(channel.unary("/s/Unary", b"", timeout=timeout))
    assert caught.value.status is StatusCode.DEADLINE_EXCEEDED


async def test_cancelling_at_once_is_fine(channel: Channel, waiting: Waiting) -> None:
    outcomes: list[object] = []
    for _ in range(300):
        channel.start_unary("/s/Unary", b"", (), None, outcomes.append).cancel()
    assert [outcome.status for outcome in outcomes if isinstance(outcome, CallFailed)] == [StatusCode.CANCELLED] * 300
    unary = asyncio.ensure_future(channel.unary("/s/Unary", b"real"))
    call = await soon(waiting.calls.get())
    while call.done:
        call = await soon(waiting.calls.get())
    call.reply(b"answer")
    assert (await soon(unary)).payload == b"answer"


async def test_only_the_first_answer_counts(channel: Channel, waiting: Waiting) -> None:
    unary = asyncio.ensure_future(channel.unary("/s/Unary", b""))
    call = await soon(waiting.calls.get())
    call.reply(b"first")
    call.reply(b"second")
    assert (await soon(unary)).payload == b"first"


async def test_metadata_that_cannot_be_sent_fails_the_call(channel: Channel, waiting: Waiting) -> None:
    unary = asyncio.ensure_future(channel.unary("/s/Unary", b""))
    (await soon(waiting.calls.get())).reply(b"", (("Not A Key", "x"),))
    with pytest.raises(CallFailed) as caught:
        await soon(unary)
    assert caught.value.status is StatusCode.INTERNAL
    with pytest.raises(ValueError, match="metadata"):
        await channel.unary("/s/Unary", b"", (("grpc-status", "0"),))


async def test_closing_does_not_wait_for_a_peer_that_does_not_read() -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x7f\xff\xff\xff" + WIDE_OPEN)
        cast("asyncio.Transport", writer.transport).pause_reading()
        await gone.wait()
        writer.close()

    gone = asyncio.Event()
    server = await asyncio.start_server(deaf, "127.0.0.1", 0)
    channel = await Channel.connect(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    unary = asyncio.ensure_future(channel.unary("/s/Unary", bytes(50_000_000)))
    await asyncio.wait([unary], timeout=0.3)  # until the sockets are full
    await soon(channel.close())
    with pytest.raises(CallFailed, match="UNAVAILABLE"):
        await soon(unary)
    gone.set()
    server.close()
    await server.wait_closed()


# -- keepalive and idle connections


LIVELY = Limits(keepalive_interval=0.2, keepalive_timeout=0.2, idle_timeout=0.6)


@pytest.fixture
async def lively(waiting: Waiting) -> AsyncIterator[int]:
    server = Server(waiting.find, lambda exchange: exchange.respond(404), LIVELY)
    yield await server.listen("127.0.0.1", 0)
    await server.drain(0)


async def test_quiet_peers_are_pinged(lively: int) -> None:
    async with raw(lively) as peer:
        await soon(peer.until(PING))


async def test_peers_that_do_not_answer_are_closed(lively: int) -> None:
    async with raw(lively) as peer:
        await peer.send(request(1, "/s/Stream"))
        assert await soon(peer.closed()) == 0xB


async def test_quiet_calls_live_on_when_pings_are_answered(lively: int, waiting: Waiting) -> None:
    channel = await Channel.connect(f"127.0.0.1:{lively}")
    unary = asyncio.ensure_future(channel.unary("/s/Unary", b""))
    call = await soon(waiting.calls.get())
    await asyncio.wait([unary], timeout=1.2)  # twice the idle time, three times the keepalive time
    call.reply(b"late")
    assert (await soon(unary)).payload == b"late"
    await channel.close()


async def test_idle_connections_are_told_to_leave(lively: int) -> None:
    async with raw(lively) as peer:
        while (got := await soon(peer.frame())) is not None and got.kind != GOAWAY:
            if got.kind == PING:
                await peer.send(frame(PING, ACK, 0, got.payload))
        assert got is not None
        assert got.payload[4:8] == bytes(4)


async def test_a_server_that_does_not_answer_pings_is_given_up() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    limits = dataclasses.replace(CLIENT_LIMITS, keepalive_interval=0.1, keepalive_timeout=0.1)
    channel = await Channel.connect(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", limits)
    with pytest.raises(CallFailed) as caught:
        await soon(channel.unary("/s/Unary", b""))
    assert caught.value.status is StatusCode.UNAVAILABLE
    await channel.close()
    server.close()
    await server.wait_closed()


# -- other roads


async def test_unix_sockets(tmp_path: Path) -> None:
    service = OurService()
    server = Server(service.find, service.http)
    where = os.fspath(tmp_path / "socket")
    await server.listen_unix(where)
    channel = await Channel.connect(f"unix:{where}")
    assert (await soon(channel.unary(path("Unary"), order(size=5)))).payload == bytes(5)
    await channel.close()
    async with grpc.aio.insecure_channel(f"unix:{where}") as foreign:
        echo: Any = foreign.unary_unary(path("Echo"))
        assert await soon(echo(b"x")) == b"x"
    await server.drain(1)


@pytest.mark.parametrize("target", ["nonsense", "host:", "host:port"])
async def test_targets_that_are_none(target: str) -> None:
    with pytest.raises(ValueError, match="target"):
        await Channel.connect(target)


async def test_both_loops() -> None:
    """The same under uvloop, which is what a server uses where it installs."""
    uvloop = pytest.importorskip("uvloop")

    async def calls() -> None:
        service = OurService()
        server = Server(service.find, service.http)
        port = await server.listen("127.0.0.1", 0)
        channel = await Channel.connect(f"127.0.0.1:{port}")
        assert (await soon(channel.unary(path("Echo"), bytes(1_000_000)))).payload == bytes(1_000_000)
        call = channel.stream(path("Output"))
        await call.send(order(sizes=[100_000] * 50))
        await call.end()
        assert sum([len(reply) async for reply in call]) == 5_000_000
        with pytest.raises(CallFailed, match="DEADLINE"):
            await channel.unary(path("Never"), b"", timeout=0.05)
        await channel.close()
        await server.drain(1)

    def run() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(calls())

    await asyncio.to_thread(run)
