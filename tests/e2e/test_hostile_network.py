"""Peers that are broken or mean: each gets a clear answer or a closed connection, and everybody else is served on.

A bystander calls the server all the time; a test fails when one of its calls fails or takes long.
"""

from __future__ import annotations

import asyncio
import logging
import resource
from collections.abc import AsyncIterator, Awaitable
from typing import TypeVar

import pytest
from tests.e2e.raw_http2 import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GRPC,
    HEADERS,
    PING,
    PREFACE,
    RST_STREAM,
    WINDOW_UPDATE,
    RawConnection,
    fields,
    frame,
    literal,
    raw,
    request,
    settings,
)
from tests.e2e.transport_service import OurService, order, path

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.transport import CallFailed, Channel, Limits, Server

T = TypeVar("T")

MIB = 1 << 20
PATIENCE = 5.0  # how long a bystander's call may take on a busy machine

LIMITS = Limits(
    max_concurrent_streams=100,
    header_timeout=0.5,
    body_timeout=1.0,
    idle_timeout=60,
    keepalive_interval=2.0,
    keepalive_timeout=1.0,
    stall_timeout=1.0,
)


async def soon(awaitable: Awaitable[T]) -> T:
    """Tests end, even when what they wait for does not come."""
    return await asyncio.wait_for(awaitable, 20)


class Bystander:
    """A well-behaved client beside the hostile one."""

    def __init__(self, channel: Channel) -> None:
        self.calls = 0
        self._channel = channel
        self._task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        while True:
            reply = await asyncio.wait_for(self._channel.unary(path("Echo"), b"still here"), PATIENCE)
            assert reply.payload == b"still here"
            self.calls += 1
            await asyncio.sleep(0.001)

    async def check(self) -> None:
        """Every call so far went well, and so does one more."""
        before = self.calls
        while self.calls == before:
            assert not self._task.done(), self._task.exception()
            await asyncio.sleep(0.001)

    async def leave(self) -> None:
        await self.check()
        self._task.cancel()
        await self._channel.close()


@pytest.fixture
def service() -> OurService:
    return OurService()


@pytest.fixture
async def server(service: OurService) -> AsyncIterator[Server]:
    server = Server(service.find, service.http, LIMITS)
    yield server
    await server.drain(0.1)


@pytest.fixture
async def port(server: Server) -> int:
    return await server.listen("127.0.0.1", 0)


@pytest.fixture(autouse=True)
async def bystander(port: int) -> AsyncIterator[Bystander]:
    bystander = Bystander(await Channel.connect(f"127.0.0.1:{port}"))
    yield bystander
    await bystander.leave()


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.WARNING, "cloudstate.runtime.transport")
    return caplog


def assert_logged(log: pytest.LogCaptureFixture, times: int = 1) -> None:
    """Warnings with a peer and a reason, never a traceback."""
    assert [(record.levelname, record.exc_info) for record in log.records] == [("WARNING", None)] * times
    assert all("reason" in record.__dict__ for record in log.records)


# -- before anything is understood


async def test_a_connection_that_says_nothing_is_closed(port: int, log: pytest.LogCaptureFixture) -> None:
    async with raw(port, b"") as peer:
        assert await soon(peer.closed()) is None
    assert_logged(log)


@pytest.mark.parametrize("start", [PREFACE[:1], PREFACE[:-1]])
async def test_half_a_preface_is_not_waited_for_long(port: int, log: pytest.LogCaptureFixture, start: bytes) -> None:
    async with raw(port, start) as peer:
        assert await soon(peer.closed()) is None
    assert_logged(log)


@pytest.mark.parametrize(
    "garbage",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x00" * 100, b"SSH-2.0-x\r\n", b"PRI * HTTP/1.1\r\n\r\n"],
)
async def test_garbage_instead_of_a_preface(port: int, log: pytest.LogCaptureFixture, garbage: bytes) -> None:
    async with raw(port, garbage) as peer:
        answer = await soon(peer.reader.read())
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 408 "))
    assert_logged(log)


async def test_a_preface_without_settings(port: int, log: pytest.LogCaptureFixture) -> None:
    async with raw(port, PREFACE) as peer:
        assert (await soon(peer.reader.read()))[-4:] == b"\x00\x00\x00\x04"  # SETTINGS_TIMEOUT
    assert_logged(log)


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nhost: h\r\n\r\n" * 20,
        b"\xff" * 2000,
        settings() + frame(DATA, 0, 1, b"x"),
        settings() + frame(HEADERS, END_HEADERS, 2, b"\x82"),
        settings() + frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff"),
        settings() + frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff"),
        settings() + frame(WINDOW_UPDATE, 0, 0, b"\x00\x00\x00\x00"),
        settings() + frame(PING, 0, 0, b"short"),
        settings() + frame(HEADERS, 0, 1, fields(*GRPC)) + frame(PING, 0, 0, b"12345678"),
        settings() + b"\xff\xff\xff" + frame(DATA, 0, 1)[3:],
        settings() + frame(CONTINUATION, END_HEADERS, 1, b""),
    ],
)
async def test_garbage_after_the_preface(port: int, log: pytest.LogCaptureFixture, garbage: bytes) -> None:
    async with raw(port, PREFACE + garbage) as peer:
        assert await soon(peer.closed()) not in (0, None)
    assert_logged(log)


async def test_many_half_open_connections(port: int, server: Server, bystander: Bystander) -> None:
    starts = (b"", PREFACE[:5], PREFACE, b"GET / HTTP/1.1\r\n", PREFACE + settings() + frame(HEADERS, 0, 1, b"\x82"))
    peers = [await RawConnection.open(port, starts[number % len(starts)]) for number in range(300)]
    await bystander.check()
    await soon(asyncio.gather(*(peer.reader.read() for peer in peers)))
    for peer in peers:
        peer.close()
    while server.connections > 1:
        await bystander.check()


async def test_connections_over_the_limit_are_closed(service: OurService, log: pytest.LogCaptureFixture) -> None:
    server = Server(service.find, service.http, Limits(max_connections=5))
    port = await server.listen("127.0.0.1", 0)
    channel = await Channel.connect(f"127.0.0.1:{port}")
    await soon(channel.unary(path("Echo"), b""))
    peers = [await RawConnection.open(port, PREFACE) for _ in range(50)]
    refused = await soon(asyncio.gather(*(peer.reader.read() for peer in peers[4:])))
    assert refused == [b""] * 46
    assert (await soon(channel.unary(path("Echo"), b"served on"))).payload == b"served on"
    assert_logged(log)
    for peer in peers:
        peer.close()
    await channel.close()
    await server.drain(0)


# -- headers


async def test_a_large_header_list_fails_its_call_only(port: int) -> None:
    async with raw(port) as peer:
        await peer.send(request(1, path("Echo"), ("x", "y" * 15_000), flags=0))
        await peer.send(frame(CONTINUATION, END_HEADERS, 1, fields(("z", "y" * 5000))))
        answer = await soon(peer.until(HEADERS))
        assert answer.flags & END_STREAM
        assert await soon(peer.alive())


async def test_a_header_bomb_closes_the_connection(port: int, log: pytest.LogCaptureFixture) -> None:
    """One large field that the server must remember, then thousands of one-byte references to it."""
    bomb = fields((":path", path("Echo")), *GRPC) + literal("x-bomb", "y" * 3900, index=True) + b"\xbe" * 10_000
    async with raw(port, PREFACE + settings() + frame(HEADERS, END_HEADERS, 1, bomb)) as peer:
        assert await soon(peer.closed()) not in (0, None)
    assert_logged(log)


async def test_a_flood_of_continuations(port: int, log: pytest.LogCaptureFixture) -> None:
    async with raw(port) as peer:
        await peer.send(frame(HEADERS, 0, 1, fields((":path", path("Echo")), *GRPC)))
        for _ in range(1000):
            await peer.send(frame(CONTINUATION, 0, 1, fields(("x", "y"))))
        assert await soon(peer.closed()) not in (0, None)
    assert_logged(log)


async def test_a_header_block_that_never_ends(port: int, log: pytest.LogCaptureFixture) -> None:
    """A peer inside a header block cannot answer pings, so keepalive finds it."""
    async with raw(port) as peer:
        await peer.send(frame(HEADERS, 0, 1, b"\x82"))
        assert await soon(peer.closed()) not in (0, None)
    assert_logged(log)


async def test_a_slow_upload_is_not_cut(port: int) -> None:
    """A message may take longer than a head, also within one frame: a slow link is no attack."""
    message = b"\x00" + (4000).to_bytes(4, "big") + bytes(4000)
    async with raw(port) as peer:
        await peer.send(request(1, path("Echo")))
        whole = frame(DATA, END_STREAM, 1, message)
        for start in range(0, len(whole), 250):
            await peer.send(whole[start : start + 250])
            await asyncio.sleep(0.1)  # the slowness of the link
        assert (await soon(peer.until(DATA))).payload == message


async def test_an_upload_that_stops_in_a_frame(port: int, log: pytest.LogCaptureFixture) -> None:
    async with raw(port) as peer:
        await peer.send(request(1, path("Echo")) + frame(DATA, END_STREAM, 1, bytes(4000))[:1000])
        assert await soon(peer.closed()) not in (0, None)
    assert_logged(log)


@pytest.mark.parametrize(
    "extra",
    [("Upper", "x"), ("connection", "close"), (":path", "/twice"), ("x", "a\x00b"), ("transfer-encoding", "chunked")],
)
async def test_malformed_headers_reset_their_stream_only(port: int, extra: tuple[str, str]) -> None:
    async with raw(port) as peer:
        await peer.send(request(1, path("Echo"), extra))
        assert (await soon(peer.until(RST_STREAM))).stream == 1
        assert await soon(peer.alive())


@pytest.mark.parametrize("extra", [("grpc-timeout", "soon"), ("grpc-encoding", "snappy"), ("x-bin", "!!!"), ("x", "é")])
async def test_headers_that_make_no_sense_fail_their_call_only(port: int, extra: tuple[str, str]) -> None:
    async with raw(port) as peer:
        body = order(size=1)
        data = frame(DATA, END_STREAM, 1, b"\x00" + len(body).to_bytes(4, "big") + body)
        await peer.send(request(1, path("Unary"), extra) + data)
        assert (await soon(peer.until(HEADERS))).flags & END_STREAM
        assert await soon(peer.alive())


# -- floods


async def test_ten_thousand_resets(port: int, log: pytest.LogCaptureFixture, service: OurService) -> None:
    async with raw(port) as peer:
        for start in range(1, 20_001, 200):
            await peer.send(
                b"".join(
                    request(stream, path("Never")) + frame(RST_STREAM, 0, stream, b"\x00\x00\x00\x08")
                    for stream in range(start, start + 200, 2)
                )
            )
        assert await soon(peer.closed()) in (0x2, 0xB)
    assert_logged(log)


async def test_a_thousand_cancelled_calls_are_forgotten(port: int, service: OurService) -> None:
    async with raw(port) as peer:
        body = b"\x00\x00\x00\x00\x00"
        for stream in range(1, 1000, 2):
            await peer.send(request(stream, path("Never")) + frame(DATA, END_STREAM, stream, body))
            await peer.send(frame(RST_STREAM, 0, stream, b"\x00\x00\x00\x08"))
        for _ in range(500):
            assert await soon(service.cancelled.get()) == path("Never")
        assert await soon(peer.alive())


@pytest.mark.parametrize("flood", [settings(s4=65_535), frame(PING, 0, 0, b"12345678")])
async def test_a_flood_of_frames_that_want_answers(
    port: int, log: pytest.LogCaptureFixture, bystander: Bystander, flood: bytes
) -> None:
    """The peer does not read its answers; they must not pile up."""
    async with raw(port) as peer:
        peer.stop_reading()
        before = _memory()
        try:
            for _ in range(400):
                peer.writer.write(flood * 5000)
                await asyncio.wait_for(peer.writer.drain(), 3)
                await bystander.check()
        except (ConnectionError, TimeoutError):
            pass
        assert _memory() - before < 64 * MIB
    assert_logged(log)


async def test_a_flood_of_pings_whose_answers_are_read(port: int, log: pytest.LogCaptureFixture) -> None:
    async with raw(port) as peer:
        closed = asyncio.ensure_future(peer.closed())
        while not closed.done():
            await peer.send(frame(PING, 0, 0, b"12345678") * 500)
            await asyncio.sleep(0)
        assert await closed in (0xB, None)
    assert_logged(log)


async def test_streams_over_the_limit_close_the_connection(port: int, log: pytest.LogCaptureFixture) -> None:
    async with raw(port) as peer:
        assert await soon(peer.alive())  # by now the server knows that its settings are known
        await peer.send(b"".join(request(stream, path("Never")) for stream in range(1, 301, 2)))
        assert await soon(peer.closed()) == 0x1
    assert_logged(log)


async def test_a_channel_keeps_to_the_stream_limit(port: int) -> None:
    channel = await Channel.connect(f"127.0.0.1:{port}")
    replies = await soon(asyncio.gather(*(channel.unary(path("Echo"), b"%d" % number) for number in range(1000))))
    assert [reply.payload for reply in replies] == [b"%d" % number for number in range(1000)]
    await channel.close()


async def test_a_peer_that_ignores_flow_control(port: int, log: pytest.LogCaptureFixture) -> None:
    async with raw(port) as peer:
        await peer.send(request(1, path("Slow")))
        chunk = frame(DATA, 0, 1, bytes(16_384))
        for _ in range(200):
            await peer.send(chunk)
        assert await soon(peer.closed()) == 0x3
    assert_logged(log)


# -- large and slow


async def test_a_body_of_20_megabytes_is_refused(port: int) -> None:
    head = fields((":method", "POST"), (":scheme", "http"), (":authority", "h"), (":path", "/up"))
    async with raw(port) as peer:
        await peer.send(frame(HEADERS, END_HEADERS, 1, head))
        answer = await soon(peer.upload(1, 20 * MIB))
        assert answer.flags & END_STREAM
        assert (await soon(peer.until(RST_STREAM))).payload == b"\x00\x00\x00\x00"
        assert await soon(peer.alive())


async def test_a_client_that_announces_20_megabytes(port: int) -> None:
    async with raw(port) as peer:
        await peer.send(request(1, path("Echo")) + frame(DATA, 0, 1, b"\x00" + (20 * MIB).to_bytes(4, "big")))
        assert (await soon(peer.until(HEADERS))).flags & END_STREAM
        assert (await soon(peer.until(RST_STREAM))).payload == b"\x00\x00\x00\x00"
        assert await soon(peer.alive())


async def test_unfinished_requests_share_a_budget(service: OurService) -> None:
    server = Server(service.find, service.http, Limits(max_buffered=MIB))
    port = await server.listen("127.0.0.1", 0)
    async with raw(port) as peer:
        prefix = b"\x00" + (10 * MIB).to_bytes(4, "big")
        for stream in range(1, 21, 2):
            await peer.send(request(stream, path("Echo")) + frame(DATA, 0, stream, prefix))
            await peer.send(frame(DATA, 0, stream, bytes(16_000)) * 8)
        assert (await soon(peer.until(HEADERS))).flags & END_STREAM
        channel = await Channel.connect(f"127.0.0.1:{port}")
        assert (await soon(channel.unary(path("Echo"), b"small"))).payload == b"small"
        await channel.close()
    await server.drain(0)


async def test_a_reader_that_never_opens_its_window(port: int, bystander: Bystander) -> None:
    before = _memory()
    async with raw(port, PREFACE + settings(s4=0)) as peer:
        for stream in range(1, 101, 2):
            body = order(sizes=[MIB] * 64)
            data = frame(DATA, END_STREAM, stream, b"\x00" + len(body).to_bytes(4, "big") + body)
            await peer.send(request(stream, path("Output")) + data)
        assert await soon(peer.alive())
        await bystander.check()
        assert _memory() - before < 50 * 2 * MIB + 32 * MIB
        await bystander.check()


async def test_a_reader_that_does_not_read_its_socket(
    port: int, bystander: Bystander, log: pytest.LogCaptureFixture
) -> None:
    before = _memory()
    start = PREFACE + settings(s4=0x7FFF_FFFF) + frame(WINDOW_UPDATE, 0, 0, (0x7FFF_0000).to_bytes(4, "big"))
    async with raw(port, start) as peer:
        body = order(sizes=[MIB] * 64)
        data = frame(DATA, END_STREAM, 1, b"\x00" + len(body).to_bytes(4, "big") + body)
        peer.stop_reading()
        await peer.send(request(1, path("Output")) + data)
        while not log.records:
            await bystander.check()
        assert _memory() - before < 32 * MIB
    assert_logged(log)


async def test_a_consumer_that_does_not_consume(port: int, service: OurService, bystander: Bystander) -> None:
    """64 MiB for a handler that is not listening yet: the client has to wait, its other calls do not."""
    channel = await Channel.connect(f"127.0.0.1:{port}")
    before = _memory()
    call = channel.stream(path("Slow"))
    sent = 0

    async def upload() -> None:
        nonlocal sent
        while sent < 64:
            await call.send(bytes(MIB))
            sent += 1
        await call.end()

    uploading = asyncio.ensure_future(upload())
    for _ in range(50):
        assert (await soon(channel.unary(path("Echo"), b"beside"))).payload == b"beside"
    assert sent < 3
    assert _memory() - before < 16 * MIB
    service.go_on.set()
    assert await soon(anext(call)) == str(64 * MIB).encode()
    await uploading
    assert _memory() - before < 64 * MIB
    await bystander.check()
    await channel.close()


async def test_a_stream_of_64_mebibytes_beside_other_calls(port: int, bystander: Bystander) -> None:
    channel = await Channel.connect(f"127.0.0.1:{port}")
    before = _memory()
    call = channel.stream(path("Output"))
    await call.send(order(sizes=[MIB] * 64))
    await call.end()
    total = 0
    async for reply in call:
        total += len(reply)
        if total % (8 * MIB) == 0:
            assert (await soon(channel.unary(path("Echo"), b"beside"))).payload == b"beside"
    assert total == 64 * MIB
    assert _memory() - before < 48 * MIB
    await channel.close()


def _memory() -> int:
    """Resident bytes now."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


# -- our client and a hostile server


async def _serve_bytes(answer: bytes) -> tuple[asyncio.Server, int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        try:
            await reader.read()
        except ConnectionError:
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
        b"\xff" * 100,
        settings() + frame(DATA, 0, 1, b"x"),
        settings() + frame(7, 0, 0, bytes(8)),
        settings() + frame(RST_STREAM, 0, 1, b"\x00\x00\x00\x07"),
    ],
)
async def test_a_server_that_makes_no_sense(answer: bytes) -> None:
    server, port = await _serve_bytes(answer)
    channel = await Channel.connect(f"127.0.0.1:{port}")
    with pytest.raises(CallFailed) as caught:
        await soon(channel.unary(path("Echo"), b""))
    assert caught.value.status is StatusCode.UNAVAILABLE
    await channel.close()
    server.close()
    await server.wait_closed()
