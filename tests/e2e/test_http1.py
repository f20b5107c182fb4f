"""HTTP/1.1 on a real socket: order, framing, limits and time."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import pytest

from cloudstate.runtime.transport import HttpExchange, Limits, Server

T = TypeVar("T")

LIMITS = Limits(
    max_body=10_000, max_header_list=2000, header_timeout=0.4, body_timeout=0.4, idle_timeout=2.0, write_buffer=65_536
)


async def soon(awaitable: Awaitable[T]) -> T:
    """Tests end, even when what they wait for does not come."""
    return await asyncio.wait_for(awaitable, 10)


class Client:
    """Bytes out, responses in."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> tuple[int, dict[str, str]]:
        raw = (await soon(self.reader.readuntil(b"\r\n\r\n"))).decode()
        first, *lines = raw[:-4].split("\r\n")
        return int(first.split()[1]), dict(line.split(": ", 1) for line in lines)

    async def response(self, *, head_only: bool = False) -> tuple[int, dict[str, str], bytes]:
        status, headers = await self.head()
        if head_only:
            return status, headers, b""
        if headers.get("transfer-encoding") == "chunked":
            return status, headers, await self._chunks()
        return status, headers, await soon(self.reader.readexactly(int(headers.get("content-length", "0"))))

    async def _chunks(self) -> bytes:
        body = b""
        while True:
            size = int(await soon(self.reader.readline()), 16)
            body += (await soon(self.reader.readexactly(size + 2)))[:-2]
            if size == 0:
                return body

    async def closed(self) -> bytes:
        """What still comes until the server closes."""
        try:
            return await soon(self.reader.read())
        except ConnectionResetError:
            return b""


class Application:
    """What the server serves; ``later`` has the exchanges that a test answers itself."""

    def __init__(self) -> None:
        self.later: asyncio.Queue[HttpExchange] = asyncio.Queue()
        self.cancelled: asyncio.Queue[str] = asyncio.Queue()
        self.written = 0
        self.tasks: set[asyncio.Task[None]] = set()

    def http(self, exchange: HttpExchange) -> None:
        path = exchange.request.path
        exchange.on_cancel = lambda: self.cancelled.put_nowait(path)
        if path.startswith("/later"):
            self.later.put_nowait(exchange)
        elif path.startswith("/stream"):
            self._run(self.stream(exchange))
        elif path == "/flood":
            self._run(self.flood(exchange))
        elif path == "/broken":
            raise RuntimeError("a secret")
        elif path == "/nothing":
            exchange.respond(204)
        else:
            exchange.respond(200, [("x-path", path)], exchange.request.body or path.encode())

    def _run(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def stream(self, exchange: HttpExchange) -> None:
        await exchange.start(200, [("content-type", "text/plain")])
        for number in range(3):
            await exchange.write(b"part %d\n" % number)
        await exchange.end()

    async def flood(self, exchange: HttpExchange) -> None:
        await exchange.start(200)
        while not exchange.done:
            await exchange.write(bytes(65_536))
            self.written += 65_536


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
async def server(application: Application) -> AsyncIterator[Server]:
    server = Server(lambda path: None, application.http, LIMITS)
    yield server
    await server.drain(0)


@pytest.fixture
async def port(server: Server) -> int:
    return await server.listen("127.0.0.1", 0)


Connect = Callable[[], Awaitable[Client]]


@pytest.fixture
async def connect(port: int) -> AsyncIterator[Connect]:
    writers: list[asyncio.StreamWriter] = []

    async def connected() -> Client:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writers.append(writer)
        return Client(reader, writer)

    yield connected
    for writer in writers:
        writer.close()


def get(path: str, *lines: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "host: h", *lines, "", ""]).encode()


def post(path: str, body: bytes, *lines: str) -> bytes:
    head = "\r\n".join([f"POST {path} HTTP/1.1", "host: h", f"content-length: {len(body)}", *lines, "", ""])
    return head.encode() + body


async def test_a_connection_serves_many_requests(connect: Connect) -> None:
    client = await connect()
    for number in range(20):
        await client.send(post("/a", b"%d" % number))
        assert await client.response() == (
            200,
            {"x-path": "/a", "content-length": str(len(str(number)))},
            b"%d" % number,
        )


async def test_pipelined_requests_are_answered_in_order(connect: Connect, application: Application) -> None:
    client = await connect()
    await client.send(get("/later") + b"".join(get(f"/{number}") for number in range(100)))
    exchange = await soon(application.later.get())
    exchange.respond(201, [], b"first")
    assert (await client.response())[2] == b"first"
    for number in range(100):
        assert (await client.response())[2] == b"/%d" % number


async def test_bytes_that_trickle_in(connect: Connect) -> None:
    client = await connect()
    for byte in post("/slow", b"body"):
        await client.send(bytes([byte]))
    assert (await client.response())[2] == b"body"


async def test_a_chunked_request(connect: Connect) -> None:
    client = await connect()
    await client.send(b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
    assert (await client.response())[2] == b"abc"


async def test_a_streamed_response_is_chunked(connect: Connect) -> None:
    client = await connect()
    await client.send(get("/stream") + get("/next"))
    status, headers, body = await client.response()
    assert (status, headers["transfer-encoding"], body) == (200, "chunked", b"part 0\npart 1\npart 2\n")
    assert (await client.response())[2] == b"/next"


async def test_a_streamed_response_for_http_10_ends_with_the_connection(connect: Connect) -> None:
    client = await connect()
    await client.send(b"GET /stream HTTP/1.0\r\n\r\n")
    _, headers = await client.head()
    assert headers["connection"] == "close"
    assert await client.closed() == b"part 0\npart 1\npart 2\n"


@pytest.mark.parametrize("path", ["/a", "/stream"])
async def test_head_gets_no_body(connect: Connect, path: str) -> None:
    client = await connect()
    await client.send(get(path).replace(b"GET", b"HEAD"))
    assert (await client.response(head_only=True))[0] == 200
    await client.send(get("/next"))
    assert (await client.response())[2] == b"/next"


async def test_no_content(connect: Connect) -> None:
    client = await connect()
    await client.send(get("/nothing") + get("/next"))
    status, headers, _ = await client.response()
    assert (status, headers) == (204, {})
    assert (await client.response())[2] == b"/next"


async def test_expect_continue(connect: Connect) -> None:
    client = await connect()
    request = post("/up", b"body", "expect: 100-continue")
    await client.send(request[:-4])
    assert await client.head() == (100, {})
    await client.send(request[-4:])
    assert (await client.response())[2] == b"body"


async def test_expect_continue_waits_for_its_turn(connect: Connect, application: Application) -> None:
    client = await connect()
    await client.send(get("/later") + post("/up", b"body", "expect: 100-continue")[:-4])
    (await soon(application.later.get())).respond(200, [], b"first")
    assert (await client.response())[2] == b"first"
    assert await client.head() == (100, {})
    await client.send(b"body")
    assert (await client.response())[2] == b"body"


async def test_connection_close_is_honoured(connect: Connect) -> None:
    client = await connect()
    await client.send(get("/a", "connection: close"))
    assert (await client.response())[1]["connection"] == "close"
    assert await client.closed() == b""


async def test_a_client_that_has_closed_its_side_still_gets_the_answers_that_are_ready(connect: Connect) -> None:
    client = await connect()
    client.writer.write(get("/a") + get("/b"))
    client.writer.write_eof()
    assert (await client.response())[2] == b"/a"
    assert (await client.response())[2] == b"/b"
    assert await client.closed() == b""


async def test_a_handler_that_raises(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    client = await connect()
    with caplog.at_level(logging.CRITICAL):
        await client.send(get("/broken"))
        status, _, body = await client.response()
    assert (status, b"secret" in body) == (500, False)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x00\x01\x02garbage\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: h\r\nnonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: h\r\nx: " + b"x" * 3000 + b"\r\n\r\n", 431),
        (b"GET /" + b"x" * 100_000, 431),
        (b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 20000000\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nffff\r\n" + b"x" * 0xFFFF, 413),
        (b"PRI * HTTP/2.1\r\n\r\n", 400),
    ],
)
async def test_what_is_refused(connect: Connect, caplog: pytest.LogCaptureFixture, data: bytes, status: int) -> None:
    client, other = await connect(), await connect()
    with caplog.at_level(logging.WARNING):
        await client.send(data)
        assert (await client.head())[0] == status
        assert await client.closed() == b""
    assert [(record.levelname, record.exc_info) for record in caplog.records] == [("WARNING", None)]
    await other.send(get("/fine"))
    assert (await other.response())[2] == b"/fine"


async def test_a_body_of_20_megabytes_that_does_not_stop(connect: Connect) -> None:
    client = await connect()
    client.writer.write(b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 20000000\r\n\r\n" + bytes(20_000_000))
    assert (await client.head())[0] == 413


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\nhost: h\r\nx: ", b"G", post("/", b"body")[:-2]])
async def test_slow_requests_time_out(connect: Connect, start: bytes) -> None:
    client = await connect()
    await client.send(start)
    assert (await client.head())[0] == 408
    assert await client.closed() == b""


async def test_slow_headers_do_not_gain_time_by_trickling(connect: Connect) -> None:
    client = await connect()
    await client.send(b"GET / HTTP/1.1\r\n")

    async def trickle() -> None:
        while True:
            client.writer.write(b"x: y\r\n")
            await asyncio.sleep(0.02)

    trickling = asyncio.ensure_future(trickle())
    assert (await client.head())[0] == 408
    trickling.cancel()


async def test_idle_connections_are_closed(connect: Connect) -> None:
    client = await connect()
    await client.send(get("/a"))
    await client.response()
    assert await client.closed() == b""


async def test_a_client_that_goes_away_cancels(connect: Connect, application: Application) -> None:
    client = await connect()
    await client.send(get("/later"))
    exchange = await soon(application.later.get())
    client.writer.transport.abort()
    assert await soon(application.cancelled.get()) == "/later"
    exchange.respond(200)


async def test_a_client_that_does_not_read_stops_the_stream(connect: Connect, application: Application) -> None:
    client, other = await connect(), await connect()
    await client.send(get("/flood"))
    before = -1
    while application.written != before:
        before = application.written
        await asyncio.sleep(0.05)  # the probe of a steady state, not a wait for an event
        await other.send(get("/fine"))
        assert (await other.response())[2] == b"/fine"
    assert 0 < application.written < 20_000_000
    client.writer.transport.abort()
    assert await soon(application.cancelled.get()) == "/flood"


async def test_drain_answers_what_runs_and_closes(connect: Connect, server: Server, application: Application) -> None:
    busy, idle = await connect(), await connect()
    await idle.send(get("/a"))
    await idle.response()
    await busy.send(get("/later"))
    exchange = await soon(application.later.get())
    draining = asyncio.ensure_future(server.drain(5))
    assert await idle.closed() == b""
    exchange.respond(200, [], b"done")
    status, headers, body = await busy.response()
    assert (status, headers["connection"], body) == (200, "close", b"done")
    assert await busy.closed() == b""
    await soon(draining)
    with pytest.raises(OSError, match=r"."):
        await connect()


async def test_too_many_connections_are_closed(application: Application) -> None:
    server = Server(lambda path: None, application.http, dataclasses.replace(LIMITS, max_connections=3))
    port = await server.listen("127.0.0.1", 0)
    clients = [Client(*await asyncio.open_connection("127.0.0.1", port)) for _ in range(3)]
    for client in clients:
        await client.send(get("/a"))
        await client.response()
    refused = Client(*await asyncio.open_connection("127.0.0.1", port))
    assert await refused.closed() == b""
    await clients[0].send(get("/b"))
    assert (await clients[0].response())[2] == b"/b"
    for client in [*clients, refused]:
        client.writer.close()
    await server.drain(1)
