"""One HTTP request and its response, the same over HTTP/1.1 and HTTP/2."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

Headers = Iterable[tuple[str, str]]

log = logging.getLogger("cloudstate.runtime.transport")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A complete request.

    Attributes:
        method: as sent, for example ``GET``.
        path: raw, up to the question mark, still percent-encoded.
        query: raw, after the question mark.
        headers: lower-case names; over HTTP/2 the authority is given as ``host``.
        body: the body, without any transfer encoding.
        version: the protocol that carried it.
    """

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    version: Literal["1.0", "1.1", "2"]


class ResponseSink(Protocol):
    """Where a response goes; implemented by each protocol version. Calls after the peer has gone do nothing."""

    def respond(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Send a whole response."""
        ...

    def start(self, status: int, headers: list[tuple[str, str]]) -> None:
        """Send the head of a streamed response."""
        ...

    async def write(self, data: bytes) -> None:
        """Send a part of the body; waits while the peer is slow."""
        ...

    def end(self) -> None:
        """End a streamed response."""
        ...

    def abort(self) -> None:
        """Cut a streamed response short, in a way that the peer notices."""
        ...


class HttpExchange:
    """A request, and the one response that it gets: either ``respond``, or ``start``, ``write``..., ``end``.

    Attributes:
        request: the request.
        on_cancel: set by the handler; called once when the peer goes away before the response is complete.
        done: the response is complete, or nobody waits for it any more.
        always: headers that every response to it has, whoever gives it.
    """

    __slots__ = ("_sink", "_started", "always", "done", "on_cancel", "request")

    def __init__(self, request: HttpRequest, sink: ResponseSink) -> None:
        self.request = request
        self.on_cancel: Callable[[], None] | None = None
        self.done = False
        self.always: tuple[tuple[str, str], ...] = ()
        self._sink = sink
        self._started = False

    def respond(self, status: int, headers: Headers = (), body: bytes = b"") -> None:
        """Send the whole response; does nothing when it is done or cancelled already.

        Raises:
            ValueError: when a header would break the framing of the response.
        """
        checked = checked_headers((*headers, *self.always) if self.always else headers)
        if self.done or self._started:
            return
        self._finish()
        self._sink.respond(status, checked, body)

    async def start(self, status: int, headers: Headers = ()) -> None:
        """Send status and headers; the body follows with ``write``.

        Raises:
            ValueError: when a header would break the framing of the response.
        """
        checked = checked_headers((*headers, *self.always) if self.always else headers)
        if self.done or self._started:
            return
        self._started = True
        self._sink.start(status, checked)

    async def write(self, chunk: bytes) -> None:
        """Send a part of the body. Waits while too much is queued; does nothing once the peer has gone."""
        if self._started and not self.done and chunk:
            await self._sink.write(chunk)

    async def end(self) -> None:
        """The body is complete."""
        if self._started and not self.done:
            self._finish()
            self._sink.end()

    def cancel(self) -> None:
        """The peer has gone; called by the transport only."""
        if self.done:
            return
        on_cancel = self.on_cancel
        self._finish()
        if on_cancel is not None:
            try:
                on_cancel()
            except Exception:
                log.exception("on_cancel failed", extra={"path": self.request.path})

    def fail(self) -> None:
        """The handler raised: a general answer, or a cut connection when the head has left; transport only."""
        if not self._started:
            self.respond(500, [("content-type", "text/plain; charset=utf-8")], b"internal error\n")
        else:
            self._finish()
            self._sink.abort()

    def _finish(self) -> None:
        self.done = True
        self.on_cancel = None  # it leads back here: a cycle would leave every exchange to the garbage collector


# What frames a message is for the transport to say.
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection", "keep-alive", "upgrade"})


def checked_headers(headers: Headers) -> list[tuple[str, str]]:
    """Headers in lower case, without those that frame the message.

    Raises:
        ValueError: when a name or value has line breaks or other characters that no header may have.
    """
    result = []
    for name, value in headers:
        key = name.lower()
        if not key or not key.isascii() or not key.isprintable() or " " in key or ":" in key:
            raise ValueError(f"malformed header name {name!r}")
        if not _is_field_value(value):
            raise ValueError(f"malformed value of header {name!r}")
        if key not in _FRAMING:
            result.append((key, value.strip(" \t")))
    return result


def _is_field_value(value: str) -> bool:
    return all(" " <= char <= "~" or char == "\t" or "\x80" <= char <= "\xff" for char in value)


def serve(handler: Callable[[HttpExchange], None], exchange: HttpExchange) -> None:
    """Give an exchange to the application; whatever it raises is logged and answered with 500."""
    try:
        handler(exchange)
    except Exception:
        log.exception("http handler failed", extra={"path": exchange.request.path})
        exchange.fail()
