"""A router that answers by script, and exchanges that remember their response."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

from cloudstate.runtime.host import Reply, Request, Result, Router
from cloudstate.runtime.transport import HttpExchange, HttpRequest

Done = Callable[[Result], None]
Stream = Callable[[Request, AsyncIterator[bytes]], AsyncGenerator[Reply, None]]


class ScriptedRouter(Router):
    """Answers every unary call with ``answer`` (or with its own payload), every stream with ``streaming``."""

    def __init__(self, answer: Result | None = None, *, hold: bool = False, streaming: Stream | None = None) -> None:
        super().__init__(())
        self.answer = answer
        self.hold = hold
        self.calls: list[Request] = []
        self.waiting: list[Done] = []
        self.abandoned = 0
        self._streaming = streaming or echo

    def unary(self, request: Request, done: Done) -> Callable[[], None] | None:
        self.calls.append(request)
        if self.hold:
            self.waiting.append(done)
            return self._abandon
        done(self.answer or Reply(request.payload))
        return None

    def _abandon(self) -> None:
        self.abandoned += 1

    async def stream(self, request: Request, requests: AsyncIterator[bytes]) -> AsyncGenerator[Reply, None]:
        self.calls.append(request)
        async for reply in self._streaming(request, requests):
            yield reply


async def echo(request: Request, requests: AsyncIterator[bytes]) -> AsyncGenerator[Reply, None]:
    """Every request message is a reply."""
    async for payload in requests:
        yield Reply(payload)


class Response:
    """The sink of an exchange: what the client would have received."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.chunks: list[bytes] = []
        self.ended = False
        self.aborted = False
        self.begun = asyncio.Event()
        self.over = asyncio.Event()
        self.full = asyncio.Event()
        #: So many chunks may be written; then ``full`` is set and the next write waits.
        self.room = asyncio.Semaphore(1000)

    def respond(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.start(status, headers)
        self.chunks.append(body)
        self.end()

    def start(self, status: int, headers: list[tuple[str, str]]) -> None:
        assert self.status == 0
        self.status = status
        self.headers = dict(headers)

    async def write(self, chunk: bytes) -> None:
        if self.room.locked():
            self.full.set()
        await self.room.acquire()
        self.chunks.append(chunk)
        self.begun.set()

    def end(self) -> None:
        self.ended = True
        self.over.set()

    def abort(self) -> None:
        self.aborted = True
        self.over.set()

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def exchange(method: str, target: str, body: object = None, **headers: str) -> tuple[HttpExchange, Response]:
    """A request for ``target`` (path and query); a body that is not bytes is sent as JSON."""
    path, _, query = target.partition("?")
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is None:
        data = b""
    elif isinstance(body, bytes):
        data = body
    else:
        data = json.dumps(body).encode()
        sent.setdefault("content-type", "application/json")
    response = Response()
    request = HttpRequest(method, path, query, tuple(sent.items()), data, "1.1")
    return HttpExchange(request, response), response
