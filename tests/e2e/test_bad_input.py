"""What the running service does about bad input: a clear status or a closed connection, one line in the log, and
everyone else is served on.

One real process serves all of it. A bystander, a stock gRPC client, fills a cart meanwhile and checks every answer.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import suppress

import grpc
import pytest
from tests.e2e.live_cart import ADD, PATIENCE, Service, memory, served
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
    response_fields,
    settings,
)

MIB = 1 << 20
SLOW_LIMIT = 15.0  # seconds: a head, or a frame, may take 10, and connections are looked at once a second
JSON = b"POST /cart/eve/items/add HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-type: application/json\r\n"
EMPTY = bytes(5)  # a gRPC message without content


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with served(tmp_path_factory.mktemp("journal")) as service:
        yield service


@pytest.fixture(autouse=True)
def _everyone_else_is_served(service: Service) -> Iterator[None]:
    yield
    service.check()


def logged_once(lines: list[str], text: str) -> None:
    """One event, and no traceback."""
    assert len(lines) == 1, "".join(lines)
    assert text in lines[0]


# -- well-formed gRPC


def call(port: int, path: str, payload: bytes) -> grpc.RpcError:
    """The failure of a gRPC call."""
    options = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        method: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
        with pytest.raises(grpc.RpcError) as failed:
            method(payload, timeout=PATIENCE)
    return failed.value


@pytest.mark.parametrize(
    ("path", "payload", "code", "text"),
    [
        pytest.param(ADD, b"\xff\xff\xff", "INVALID_ARGUMENT", "not valid protobuf", id="malformed protobuf"),
        pytest.param(ADD, b"\x0a\x03eve\xff", "INVALID_ARGUMENT", "not valid protobuf", id="a broken tail"),
        pytest.param(ADD, b"\x0a\x02\xff\xfe", "INVALID_ARGUMENT", "bad UTF-8", id="a key that is no text"),
        pytest.param(ADD, b"", "INVALID_ARGUMENT", "names no entity", id="no key"),
        pytest.param(ADD + "s", b"", "UNIMPLEMENTED", "unknown method /com", id="wrong method"),
        pytest.param("/a.B/C", b"", "UNIMPLEMENTED", "unknown method /a.B/C", id="wrong service"),
        pytest.param("/" + "a" * 9000, b"", "UNIMPLEMENTED", "unknown method /aaa", id="a long path"),
        pytest.param(ADD, bytes(20 * MIB), "RESOURCE_EXHAUSTED", "limit of 12582912 bytes", id="20 MB"),
    ],
)
def test_grpc(service: Service, path: str, payload: bytes, code: str, text: str) -> None:
    with service.log.lines(service.port) as lines:
        failure = call(service.port, path, payload)
    assert isinstance(failure, grpc.Call)
    assert failure.code() is grpc.StatusCode[code]
    assert text in (failure.details() or "")
    # The client may close its connection before it has sent all that is refused: that is a line of its own.
    logged_once([line for line in lines if "the peer left" not in line], text)
    assert len(lines[0]) < 1000


# -- HTTP/1.1


def exchange(port: int, data: bytes, *, leave: bool = False) -> bytes:
    """Everything that the server says to some bytes until it closes; with ``leave`` nothing follows them."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        answer = b""
        with suppress(ConnectionError):  # it closed before it had read everything
            connection.sendall(data)
            if leave:
                connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                answer += part
        return answer


def body(data: bytes) -> bytes:
    """A JSON request."""
    return JSON + b"content-length: %d\r\n\r\n%b" % (len(data), data)


def bare(start: bytes) -> bytes:
    """A request without a body."""
    return start + b" HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "status", "text"),
    [
        pytest.param(body(b"{nope"), 400, "line 1 column 2", id="broken JSON"),
        pytest.param(body(b'{"quantity": "two"}'), 400, "quantity", id="a value of the wrong type"),
        pytest.param(body(b'{"colour": "red"}'), 400, "colour", id="an unknown field"),
        pytest.param(body(b'{"name": "\xff"}'), 400, "is not the JSON", id="JSON that is no text"),
        pytest.param(body(b"[" * 100_000), 400, "is not the JSON", id="deep JSON"),
        pytest.param(body(b"{}").replace(b"application/json", b"text/plain"), 415, "text/plain", id="content type"),
        pytest.param(JSON + b"content-length: 20971520\r\n\r\n{", 413, "20971520 bytes", id="20 MB announced"),
        pytest.param(
            JSON + b"transfer-encoding: chunked\r\n\r\n" + b"100000\r\n%b\r\n" % bytes(MIB) * 20,
            413,
            "too large",
            id="20 MB in chunks",
        ),
        pytest.param(bare(b"GET /nope"), 404, "/nope", id="wrong path"),
        pytest.param(bare(b"DELETE /carts/a"), 405, "GET", id="wrong method"),
        pytest.param(bare(b"GET /%zz"), 400, "%zz", id="broken escape"),
        pytest.param(b"GET / HTTP/1.1\r\nh:" + b"x" * 20_000 + b"\r\n\r\n", 431, "head is too large", id="large head"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"a:b\r\n" * 5000, 431, "head is too large", id="many headers"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 400, "host", id="no host"),
        pytest.param(b"GET / HTTP/1.1\r\nhost: h\r\na b: c\r\n\r\n", 400, "malformed", id="malformed header"),
        pytest.param(
            JSON + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n", 400, "malformed", id="two lengths"
        ),
        pytest.param(JSON + b"transfer-encoding: chunked\r\n\r\nzz\r\n", 400, "malformed", id="malformed chunk"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "malformed", id="TLS"),
        pytest.param(bytes(range(256)), 400, "malformed", id="garbage"),
        pytest.param(b"garbage" + PREFACE + settings(), 400, "malformed", id="garbage before the preface"),
    ],
)
def test_http(service: Service, data: bytes, status: int, text: str) -> None:
    with service.log.lines(service.port) as lines:
        answer = exchange(service.port, data)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer
    logged_once(lines, text)


# -- HTTP/2: one call is refused, its connection serves on


def message(payload: bytes = b"", flags: int = 0) -> bytes:
    """A gRPC message."""
    return bytes([flags]) + len(payload).to_bytes(4, "big") + payload


def add(*extra: tuple[str, str], data: bytes = EMPTY) -> bytes:
    """A gRPC request for AddItem."""
    return request(1, ADD, *extra) + frame(DATA, END_STREAM, 1, data)


def web(*headers: tuple[str, str], flags: int = END_STREAM) -> bytes:
    """The head of a request that is not gRPC."""
    return frame(HEADERS, END_HEADERS | flags, 1, fields((":scheme", "http"), (":authority", "h"), *headers))


DOCUMENT = frame(DATA, END_STREAM, 1, b"{}")


def typed(content_type: str) -> bytes:
    """A request for AddItem with another content type."""
    return web((":method", "POST"), (":path", ADD), ("content-type", content_type), flags=0) + DOCUMENT


@pytest.mark.parametrize(
    ("data", "status", "text"),
    [
        pytest.param(add(("grpc-timeout", "soon")), "13", "grpc-timeout", id="a timeout in words"),
        pytest.param(add(("grpc-timeout", "1x")), "13", "grpc-timeout", id="a timeout without a unit"),
        pytest.param(add(("grpc-timeout", "-1S")), "13", "grpc-timeout", id="a timeout in the past"),
        pytest.param(add(("grpc-timeout", "123456789S")), "13", "grpc-timeout", id="a timeout of nine digits"),
        pytest.param(add(("grpc-encoding", "snappy")), "12", "snappy", id="unknown encoding"),
        pytest.param(add(("x-bin", "!!!")), "13", "x-bin", id="metadata that is not base64"),
        pytest.param(add(("x", "\xe9")), "13", "printable ASCII", id="metadata that is not ASCII"),
        pytest.param(add(data=message(b"hello")[:-2]), "13", "ended inside", id="a message cut short"),
        pytest.param(add(data=b"\0\0"), "13", "ended inside", id="a prefix cut short"),
        pytest.param(add(data=b""), "12", "exactly one", id="no message"),
        pytest.param(add(data=message() * 2), "12", "exactly one", id="two messages"),
        pytest.param(add(data=message(flags=7)), "13", "flags 0x7", id="unknown flags"),
        pytest.param(add(data=message(b"x", 1)), "13", "grpc-encoding", id="compressed, nobody says how"),
        pytest.param(add(("grpc-encoding", "gzip"), data=message(b"x", 1)), "13", "gzip", id="broken gzip"),
        pytest.param(add(data=b"\0" + b"\xff" * 4), "8", "4294967295 bytes", id="4 GiB announced"),
        pytest.param(
            request(1, ADD, ("x", "y" * 15_000), flags=0) + frame(CONTINUATION, 4, 1, fields(("z", "y" * 5000))),
            "8",
            "headers are larger",
            id="20 KB of headers",
        ),
        pytest.param(
            frame(HEADERS, 5, 1, fields((":path", ADD), (":method", "GET"), *GRPC[1:])), "13", "POST", id="GET"
        ),
        pytest.param(typed("application/grpc+json"), "415", "415", id="gRPC with JSON"),
        pytest.param(typed("text/plain"), "415", "text/plain", id="text"),
        pytest.param(typed(""), "415", "content-type", id="no content type"),
        pytest.param(web((":method", "GET"), (":path", "/nope")), "404", "/nope", id="wrong path"),
        pytest.param(web((":method", "DELETE"), (":path", "/carts/a")), "405", "DELETE", id="wrong method"),
        pytest.param(
            frame(HEADERS, 5, 1, fields((":method", "CONNECT"), (":authority", "h"))), "501", "501", id="CONNECT"
        ),
        pytest.param(
            web((":method", "PUT"), (":path", "/"), ("content-length", "20971520"), flags=0),
            "413",
            "413",
            id="20 MB announced",
        ),
    ],
)
async def test_a_refused_call(service: Service, data: bytes, status: str, text: str) -> None:
    with service.log.lines(service.port) as lines:
        async with raw(service.port) as peer:
            await peer.send(data)
            answer = response_fields(await peer.until(HEADERS))
            assert await peer.alive()
    assert answer.get(b"grpc-status", answer[b":status"]) == status.encode()
    logged_once(lines, text)


async def test_20_megabytes_for_http_2(service: Service) -> None:
    with service.log.lines(service.port) as lines:
        async with raw(service.port) as peer:
            await peer.send(web((":method", "POST"), (":path", "/cart/eve/items/add"), flags=0))
            assert response_fields(await peer.upload(1, 20 * MIB))[b":status"] == b"413"
            assert await peer.alive()
    logged_once(lines, "413")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(add(("Upper", "x")), id="upper case"),
        pytest.param(add((":path", "/twice")), id="a pseudo header behind the others"),
        pytest.param(add(("x", "a\0b")), id="a NUL"),
        pytest.param(add(("transfer-encoding", "chunked")), id="transfer-encoding"),
        pytest.param(request(1, "/a\nb"), id="a line break in the path"),
        pytest.param(add(("content-length", "x")), id="a length in words"),
        pytest.param(add(("content-length", "3")), id="a wrong length"),
        pytest.param(request(1, ADD) + frame(HEADERS, 5, 1, fields((":path", "/x"))), id="malformed trailers"),
    ],
)
async def test_a_malformed_request(service: Service, data: bytes) -> None:
    with service.log.lines(service.port) as lines:
        async with raw(service.port) as peer:
            await peer.send(data)
            assert (await peer.until(RST_STREAM)).payload == b"\0\0\0\1"  # PROTOCOL_ERROR
            assert await peer.alive()
    logged_once(lines, "malformed")


# -- HTTP/2: the connection is closed

LONG = frame(DATA, 0, 1, message(bytes(1000))[:100])
BOMB = fields((":path", ADD), *GRPC) + literal("x-bomb", "y" * 3900, index=True) + b"\xbe" * 10_000


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(b"garbage " * 10, 1, id="garbage after the preface"),
        pytest.param(settings() + b"\xff" * 1000, 6, id="garbage after the settings"),
        pytest.param(settings() + frame(DATA, 0, 1, b"x"), 1, id="data of no stream"),
        pytest.param(settings() + frame(PING, 0, 0, b"short") + bytes(9), 6, id="a ping cut short"),
        pytest.param(settings() + request(1, ADD) + LONG[:-50] + b"\xff" * 99, 6, id="a frame cut short"),
        pytest.param(settings() + frame(HEADERS, 0, 1, fields(*GRPC)) + frame(PING, 0, 0, bytes(8)), 1, id="no end"),
        pytest.param(settings() + frame(HEADERS, END_HEADERS, 1, b"\xff" * 6), 9, id="headers that are no HPACK"),
        pytest.param(settings() + frame(HEADERS, END_HEADERS, 1, BOMB), 11, id="a header bomb"),
        pytest.param(settings() + add(*[(f"x{n}", "y") for n in range(600)]), 11, id="600 headers"),
        pytest.param(
            settings() + request(1, ADD, flags=0) + frame(CONTINUATION, 0, 1, fields(("x", "y"))) * 1000,
            11,
            id="a header block in a thousand pieces",
        ),
        pytest.param(settings() + request(1, ADD) + frame(WINDOW_UPDATE, 0, 1, bytes(4)), 1, id="no window"),
        pytest.param(settings() + request(2, ADD), 1, id="a stream of the server's"),
    ],
)
async def test_a_broken_connection(service: Service, data: bytes, code: int) -> None:
    with service.log.lines(service.port) as lines:
        async with raw(service.port, PREFACE + data) as peer:
            assert await peer.closed() == code
    logged_once(lines, "connection closed")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(PREFACE[:10], id="in the preface"),
        pytest.param(bare(b"GET /")[:-10], id="in a head"),
        pytest.param(body(b'{"name": "Pen"}')[:-3], id="in a body"),
        pytest.param(JSON + b"transfer-encoding: chunked\r\n\r\n10\r\nabc", id="in a chunk"),
    ],
)
def test_a_peer_that_leaves(service: Service, data: bytes) -> None:
    with service.log.lines(service.port) as lines:
        assert exchange(service.port, data, leave=True) == b""
    logged_once(lines, "the peer left")


async def test_a_peer_that_leaves_in_a_frame(service: Service) -> None:
    with service.log.lines(service.port) as lines:
        async with raw(service.port) as peer:
            await peer.send(request(1, ADD))
            assert await peer.alive()  # so what follows is read by itself
            await peer.send(LONG[:-2])
            peer.writer.write_eof()
            assert await peer.closed() is None
    logged_once(lines, "the peer left")


# -- many and slow


async def test_ten_thousand_resets(service: Service) -> None:
    with service.log.lines(service.port) as lines:
        async with raw(service.port) as peer:
            closed = asyncio.create_task(peer.closed())
            for first in range(1, 20_001, 200):
                streams = range(first, first + 200, 2)
                await peer.send(
                    b"".join(request(stream, ADD) + frame(RST_STREAM, 0, stream, b"\0\0\0\x08") for stream in streams)
                )
            error = await asyncio.wait_for(closed, PATIENCE)
    assert error in (None, 2)  # libnghttp2 says INTERNAL_ERROR; None: the connection was cut before it was read
    logged_once(lines, "closed")


HEAD = b"GET /carts/eve HTTP/1.1\r\nhost: h\r\nx: " + bytes(range(97, 123)) * 4
BLOCK = PREFACE + settings() + request(1, ADD, ("x", "y" * 100))
# How a peer begins, and what it goes on with, a byte at a time, as long as the server listens.
SLOW = {
    "says nothing": (b"", b""),
    "half a preface": (PREFACE[:10], b""),
    "a preface and nothing else": (PREFACE, b""),
    "half a head": (HEAD[:30], b""),
    "a slow head": (HEAD[:30], HEAD[30:]),
    "a slow header block": (BLOCK[:50], BLOCK[50:]),
}


async def linger(peer: RawConnection, rest: bytes) -> None:
    """Send the rest, a byte every half a second, until the server closes; no answer for half a second is the signal."""
    with suppress(ConnectionError):
        while True:
            try:
                while await asyncio.wait_for(peer.reader.read(65536), 0.5):
                    pass
                return
            except TimeoutError:
                peer.writer.write(rest[:1])
                rest = rest[1:]


async def test_half_open_connections_and_slow_heads(service: Service) -> None:
    """Twenty of each, all at once: they are closed soon after the time that a head may take (10 seconds)."""
    with service.log.lines(service.port) as lines:
        peers = [(await RawConnection.open(service.port, start), rest) for start, rest in [*SLOW.values()] * 20]
        await asyncio.wait_for(asyncio.gather(*(linger(peer, rest) for peer, rest in peers)), SLOW_LIMIT)
        names = [f"127.0.0.1:{peer.writer.get_extra_info('sockname')[1]}" for peer, _ in peers]
        for peer, _ in peers:
            peer.close()
    assert sorted(name for name in names for line in lines if f"{name} " in line or f"{name})" in line) == sorted(names)
    assert len(lines) == len(names)


def test_memory_is_bounded(service: Service) -> None:
    """Whatever came before this, and large messages again and again."""
    for _ in range(20):
        call(service.port, ADD, bytes(20 * MIB))
        exchange(service.port, body(b"[" * 100_000))
    assert memory(service.process) - service.resting < 40 * MIB
    assert memory(service.process, "VmHWM") - service.resting < 80 * MIB
