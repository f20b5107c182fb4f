"""What the running service does about bad input: a clear status or a closed connection, one line in the log, and
everyone else is served on.

One real process serves all of it. A bystander, a stock gRPC client, fills a cart meanwhile and checks every answer.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import count
from pathlib import Path

import grpc
import pytest
from tests.e2e.raw_http2 import DATA, END_STREAM, HEADERS, PREFACE, RST_STREAM, RawConnection, frame, request, settings
from tests.processes import ROOT, cart, server

sys.path.insert(0, str(ROOT / "generated" / "shopping-cart"))

MIB = 1 << 20
ADD = "/com.example.shoppingcart.ShoppingCart/AddItem"
JSON = b"POST /cart/eve/items/add HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-type: application/json\r\n"
PATIENCE = 20.0  # seconds after which a test gives up waiting


class Log:
    """The lines that the process writes, as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._lines: list[str] = []
        self._news = threading.Condition()
        self._fences = count()
        self._thread = threading.Thread(target=self._read, args=(process,), daemon=True)
        self._thread.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            with self._news:
                self._lines.append(line)
                self._news.notify_all()

    @contextmanager
    def lines(self, port: int) -> Iterator[list[str]]:
        """What is logged while the block runs; a request that marks the end of it goes in after it."""
        with self._news:
            start = len(self._lines)
        found: list[str] = []
        yield found
        fence = f"/fence/{next(self._fences)}/end"
        assert get(port, fence) == 404
        with self._news:
            assert self._news.wait_for(lambda: any(fence in line for line in self._lines[start:]), PATIENCE)
            found += [line for line in self._lines[start:] if "/fence/" not in line]


def get(port: int, path: str) -> int:
    """The status of a well-formed GET."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


class Bystander:
    """Puts pens into a cart, one after the other, and sees each of them arrive."""

    def __init__(self, address: str) -> None:
        self.calls = 0
        self.failure: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(address,), daemon=True)
        self._thread.start()

    def _run(self, address: str) -> None:
        from google.protobuf.empty_pb2 import Empty

        from shoppingcart.shoppingcart_pb2 import AddLineItem, Cart, GetShoppingCart

        service = ADD.removesuffix("AddItem")
        try:
            with grpc.insecure_channel(address) as channel:
                add = channel.unary_unary(
                    ADD, request_serializer=AddLineItem.SerializeToString, response_deserializer=Empty.FromString
                )
                read = channel.unary_unary(
                    service + "GetCart",
                    request_serializer=GetShoppingCart.SerializeToString,
                    response_deserializer=Cart.FromString,
                )
                while not self._stop.is_set():
                    add(AddLineItem(user_id="bystander", product_id="pen", name="Pen", quantity=1), timeout=5)
                    self.calls += 1
                    [line] = read(GetShoppingCart(user_id="bystander"), timeout=5).items
                    assert line.quantity == self.calls
        except BaseException as failure:
            self.failure = failure

    def leave(self) -> None:
        """Stop, and fail if anything went wrong."""
        self._stop.set()
        self._thread.join(PATIENCE)
        if self.failure is not None:
            raise self.failure


@dataclass(frozen=True)
class Service:
    """The process under test."""

    process: subprocess.Popen[str]
    port: int
    log: Log
    bystander: Bystander

    def memory(self) -> int:
        """Resident bytes of the process."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        [line] = [line for line in status.splitlines() if line.startswith("VmRSS")]
        return int(line.split()[1]) * 1024


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    journal = f"sqlite:{tmp_path_factory.mktemp('journal')}/carts.db"
    with server(cart(journal)) as (process, address):
        bystander = Bystander(address)
        yield Service(process, int(address.rpartition(":")[2]), Log(process), bystander)
        bystander.leave()


@pytest.fixture(autouse=True)
def _everyone_else_is_served(service: Service) -> Iterator[None]:
    yield
    before = service.bystander.calls
    assert get(service.port, "/carts/bystander") == 200
    while service.bystander.calls == before:  # ends: its calls have deadlines
        assert service.bystander.failure is None, service.bystander.failure
    assert service.process.poll() is None


def logged_once(lines: list[str], text: str) -> None:
    """One event, and no traceback."""
    assert len(lines) == 1, "".join(lines)
    assert text in lines[0]


def exchange(port: int, data: bytes) -> bytes:
    """Everything that the server says to some bytes until it closes; empty if it closes without a word."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        answer = b""
        try:
            connection.sendall(data)
            while part := connection.recv(65536):
                answer += part
        except ConnectionError:
            pass  # it closed before it had read everything
        return answer


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
        pytest.param(ADD, bytes(20 * MIB), "RESOURCE_EXHAUSTED", "limit of 12582912 bytes", id="20 MB"),
    ],
)
def test_grpc(service: Service, path: str, payload: bytes, code: str, text: str) -> None:
    with service.log.lines(service.port) as lines:
        failure = call(service.port, path, payload)
    assert isinstance(failure, grpc.Call)
    assert failure.code() is grpc.StatusCode[code]
    assert text in (failure.details() or "")
    logged_once(lines, text)


def body(data: bytes) -> bytes:
    """The rest of a JSON request."""
    return JSON + b"content-length: %d\r\n\r\n%b" % (len(data), data)


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
        pytest.param(b"GET /nope HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n", 404, "/nope", id="wrong path"),
        pytest.param(
            b"DELETE /carts/a HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n", 405, "GET", id="wrong method"
        ),
        pytest.param(b"GET /%zz HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n", 400, "%zz", id="broken escape"),
        pytest.param(b"GET / HTTP/1.1\r\nh:" + b"x" * 20_000 + b"\r\n\r\n", 431, "head is too large", id="large head"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 400, "host", id="no host"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "malformed", id="TLS"),
        pytest.param(bytes(range(256)), 400, "malformed", id="garbage"),
    ],
)
def test_http(service: Service, data: bytes, status: int, text: str) -> None:
    with service.log.lines(service.port) as lines:
        answer = exchange(service.port, data)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer
    logged_once(lines, text)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param(b"garbage " * 10, "connection closed", id="garbage after the preface"),
        pytest.param(settings() + b"\xff" * 1000, "connection closed", id="garbage after the settings"),
        pytest.param(settings() + frame(DATA, 0, 1, b"x"), "connection closed", id="data of no stream"),
        pytest.param(settings() + frame(DATA, 0, 1, b"x")[:-1] + b"\0" * 9, "closed", id="a frame cut short"),
    ],
)
def test_http2(service: Service, data: bytes, text: str) -> None:
    with service.log.lines(service.port) as lines:
        exchange(service.port, PREFACE + data)  # returns when the server has closed
    logged_once(lines, text)


async def test_ten_thousand_resets(service: Service) -> None:
    with service.log.lines(service.port) as lines:
        connection = await RawConnection.open(service.port)
        closed = asyncio.create_task(connection.closed())
        for first in range(1, 20_001, 200):
            streams = range(first, first + 200, 2)
            await connection.send(
                b"".join(request(stream, ADD) + frame(RST_STREAM, 0, stream, b"\0\0\0\x08") for stream in streams)
            )
        error = await asyncio.wait_for(closed, PATIENCE)
        connection.close()
    assert error in (None, 2)  # libnghttp2 says INTERNAL_ERROR; None: the connection was cut before it was read
    logged_once(lines, "closed")


@pytest.mark.parametrize("timeout", ["soon", "1x", "-1S", "123456789S"])
async def test_deadlines_that_are_none(service: Service, timeout: str) -> None:
    with service.log.lines(service.port) as lines:
        connection = await RawConnection.open(service.port)
        await connection.send(request(1, ADD, ("grpc-timeout", timeout)))
        assert (await connection.until(HEADERS)).flags & END_STREAM  # a status and nothing else
        connection.close()
    logged_once(lines, "timeout")


def say_nothing(connection: socket.socket) -> None:
    """Leave a connection half open."""


def half_a_preface(connection: socket.socket) -> None:
    """Begin HTTP/2."""
    connection.sendall(PREFACE[:10])


def preface_only(connection: socket.socket) -> None:
    """Begin HTTP/2, without settings."""
    connection.sendall(PREFACE)


def slow_head(connection: socket.socket) -> None:
    """Begin an HTTP/1.1 head."""
    connection.sendall(b"GET /carts/eve HTTP/1.1\r\nhost:")


SLOW: tuple[Callable[[socket.socket], None], ...] = (say_nothing, half_a_preface, preface_only, slow_head)


def test_half_open_connections_and_slow_heads(service: Service) -> None:
    """25 of each, all at once: they are closed within the time that a head may take (10 seconds)."""
    with service.log.lines(service.port) as lines:
        connections = []
        for number in range(100):
            connection = socket.create_connection(("127.0.0.1", service.port), timeout=PATIENCE)
            SLOW[number % 4](connection)
            connections.append(connection)
        peers = [f"127.0.0.1:{connection.getsockname()[1]}" for connection in connections]
        for connection in connections:
            with connection:
                drain(connection)
    assert sorted(peer for peer in peers for line in lines if f"{peer} " in line or f"{peer})" in line) == sorted(peers)


def drain(connection: socket.socket) -> None:
    """Read until the server closes."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        pass


def test_memory_is_bounded(service: Service) -> None:
    for _ in range(3):
        call(service.port, ADD, bytes(20 * MIB))
        exchange(service.port, body(b"[" * 100_000))
    before = service.memory()
    for _ in range(20):
        call(service.port, ADD, bytes(20 * MIB))
        exchange(service.port, body(b"[" * 100_000))
    assert service.memory() - before < 40 * MIB
