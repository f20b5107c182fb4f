"""HTTP/2 by hand: frames that no library would send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self, cast

from ngh2 import Configuration, Connection, ResponseReceived, Role

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
ACK = END_STREAM = 1
END_HEADERS = 4
GRPC = ((":method", "POST"), (":scheme", "http"), (":authority", "h"), ("content-type", "application/grpc"))


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _length(value: int) -> bytes:
    """A string length in HPACK: seven bits, then continuation bytes."""
    if value < 127:
        return bytes([value])
    rest, parts = value - 127, [127]
    while rest >= 128:
        parts.append(rest % 128 + 128)
        rest //= 128
    return bytes([*parts, rest])


def literal(name: str, value: str, *, index: bool = False) -> bytes:
    """A header field, written out in full; with ``index`` the peer has to remember it."""
    raw_name, raw_value = name.encode(), value.encode()
    return (b"\x40" if index else b"\x00") + _length(len(raw_name)) + raw_name + _length(len(raw_value)) + raw_value


def fields(*headers: tuple[str, str]) -> bytes:
    """A header block without any compression."""
    return b"".join(literal(name, value) for name, value in headers)


def request(stream: int, path: str, *extra: tuple[str, str], flags: int = END_HEADERS) -> bytes:
    """The head of a gRPC request."""
    return frame(HEADERS, flags, stream, fields((":path", path), *GRPC, *extra))


def settings(**values: int) -> bytes:
    """A SETTINGS frame; keys like ``s4`` name the setting by number."""
    payload = b"".join(int(key[1:]).to_bytes(2, "big") + value.to_bytes(4, "big") for key, value in values.items())
    return frame(SETTINGS, 0, 0, payload)


@dataclass(frozen=True)
class Received:
    """A frame that the server sent."""

    kind: int
    flags: int
    stream: int
    payload: bytes


class RawConnection:
    """A connection that says exactly what a test wants."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port: int, start: bytes = PREFACE + settings()) -> Self:
        """Connect and say the start."""
        connection = cls(*await asyncio.open_connection("127.0.0.1", port))
        await connection.send(start)
        if start.startswith(PREFACE + settings()):
            await connection.until(SETTINGS)
        return connection

    async def send(self, data: bytes) -> None:
        """Send, as far as the server takes it."""
        try:
            self.writer.write(data)
            await self.writer.drain()
        except ConnectionError:
            return

    async def frame(self) -> Received | None:
        """The next frame, or None when the server has closed."""
        try:
            head = await asyncio.wait_for(self.reader.readexactly(9), 10)
            payload = await asyncio.wait_for(self.reader.readexactly(int.from_bytes(head[:3], "big")), 10)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        if head[3] == SETTINGS and not head[4] & ACK:
            await self.send(frame(SETTINGS, ACK, 0))
        return Received(head[3], head[4], int.from_bytes(head[5:], "big"), payload)

    async def until(self, kind: int, *, ack: bool = False) -> Received:
        """Skip frames up to one of a kind."""
        while True:
            got = await self.frame()
            assert got is not None, "the server closed the connection"
            if got.kind == kind and (not ack or got.flags & ACK):
                return got

    async def upload(self, stream: int, size: int) -> Received:  # the window is that of the settings
        """Send a body as the server's windows allow, until all is sent or the server answers; its answer."""
        window, piece = 256 * 1024, 16_000
        while True:
            while size > 0 and window >= piece:
                await self.send(frame(DATA, 0 if size > piece else END_STREAM, stream, bytes(piece)))
                window -= piece
                size -= piece
            got = await self.frame()
            assert got is not None, "the server closed the connection"
            if got.kind == HEADERS:
                return got
            if got.kind == WINDOW_UPDATE and got.stream == stream:
                window += int.from_bytes(got.payload, "big")

    async def closed(self) -> int | None:
        """Wait until the server closes; the error code of its GOAWAY, if there was one."""
        error: int | None = None
        while True:
            got = await self.frame()
            if got is None:
                return error
            if got.kind == GOAWAY:
                error = int.from_bytes(got.payload[4:8], "big")

    def stop_reading(self) -> None:
        """Leave what the server sends in the socket."""
        cast("asyncio.Transport", self.writer.transport).pause_reading()

    async def alive(self) -> bool:
        """Whether the server answers a ping."""
        await self.send(frame(PING, 0, 0, b"12345678"))
        while True:
            got = await self.frame()
            if got is None or (got.kind == PING and got.flags & ACK):
                return got is not None

    def close(self) -> None:
        """Leave."""
        self.writer.close()


@asynccontextmanager
async def raw(port: int, start: bytes = PREFACE + settings()) -> AsyncIterator[RawConnection]:
    """A connection for the length of a block."""
    connection = await RawConnection.open(port, start)
    try:
        yield connection
    finally:
        connection.close()


def response_fields(head: Received) -> dict[bytes, bytes]:
    """The header fields of the first response on a connection, decoded by a client that asked for something."""
    client = Connection(Role.CLIENT, Configuration())
    client.initiate_connection()
    stream = client.send_request([(name.encode(), value.encode()) for name, value in ((":path", "/"), *GRPC)])
    client.data_to_send()
    client.receive_data(settings() + frame(HEADERS, head.flags, stream, head.payload))
    [fields] = [event.headers for event in client.events() if isinstance(event, ResponseReceived)]
    return dict(fields)
