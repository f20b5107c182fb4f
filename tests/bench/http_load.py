"""HTTP/1.1 load: keep-alive connections, one request in flight on each, every body checked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from tests.bench.load import Figures


class _Connection(asyncio.Protocol):
    """Sends the next request when the reply to the last one is complete. Understands Content-Length only."""

    def __init__(self, run: _HttpRun) -> None:
        self.run = run
        self.buffer = b""
        self.number = 0
        self.started = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.next()

    def next(self) -> None:
        self.number = self.run.take()
        if self.number < 0:
            self.transport.close()
            return
        self.started = time.perf_counter()
        self.transport.write(self.run.request(self.number))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(rest) < length:
            return
        self.buffer = b""
        self.run.record(self.number, time.perf_counter() - self.started, head, rest)
        self.next()

    def connection_lost(self, exc: Exception | None) -> None:
        self.run.lost()


class _HttpRun:
    def __init__(self, request: Callable[[int], bytes], check: Callable[[int, bytes], bool], calls: int) -> None:
        self.request = request
        self.check = check
        self.calls = calls
        self.taken = 0
        self.latencies: list[float] = []
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(self) -> int:
        if self.taken >= self.calls:
            return -1
        self.taken += 1
        return self.taken - 1

    def record(self, number: int, latency: float, head: bytes, body: bytes) -> None:
        if self.over.done():
            return
        if not head.startswith(b"HTTP/1.1 200") or not self.check(number, body):
            self.over.set_exception(AssertionError(f"request {number}: {head!r} {body!r}"))
            return
        self.latencies.append(latency)
        if len(self.latencies) == self.calls:
            self.over.set_result(None)

    def lost(self) -> None:
        if not self.over.done() and self.taken < self.calls:
            self.over.set_exception(ConnectionError("the server closed a connection"))


async def run_http_load(
    host: str,
    port: int,
    request: Callable[[int], bytes],
    check: Callable[[int, bytes], bool],
    *,
    calls: int,
    connections: int,
) -> Figures:
    """Make ``calls`` requests over ``connections`` keep-alive connections.

    Raises:
        AssertionError: a reply was not 200, or not what ``check`` wanted.
        ConnectionError: the server closed a connection.
    """
    loop = asyncio.get_running_loop()
    run = _HttpRun(request, check, calls)
    started = time.perf_counter()
    for _ in range(connections):
        await loop.create_connection(lambda: _Connection(run), host, port)
    async with asyncio.timeout(300):
        await run.over
    return Figures(calls, time.perf_counter() - started, run.latencies)
