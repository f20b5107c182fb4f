"""An HTTP request that is not gRPC, over HTTP/2."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from cloudstate.runtime.transport.exchange import HttpExchange, HttpRequest, serve
from cloudstate.runtime.transport.wire.metadata import Field

if TYPE_CHECKING:
    from cloudstate.runtime.transport.http2.server import ServerSession

_INTERNAL_ERROR = 0x2


class WebStream:
    """Collects the body, then is the sink of the response.

    Attributes:
        done: the response is complete, or the client has gone.
    """

    returns_window_at_once = True  # what arrives is held until the body is complete

    def __init__(self, session: ServerSession, stream_id: int, headers: tuple[Field, ...]) -> None:
        self.done = False
        self._session = session
        self._stream_id = stream_id
        self._headers = headers
        self._chunks: list[bytes] = []
        self._size = 0
        self._complete = False
        self._head_only = (b":method", b"HEAD") in headers
        self._exchange: HttpExchange | None = None

    # -- the request

    def received(self, data: bytes, ended: bool) -> None:
        """A part of the body."""
        if self.done:
            return
        if self._size + len(data) > self._session.limits.max_body:
            self.refuse(413)
            return
        if not self._session.take(len(data)):
            self.refuse(503)
            return
        self._size += len(data)
        self._chunks.append(data)
        if ended:
            self._serve()

    def _serve(self) -> None:
        self._complete = True
        request = web_request(self._headers, b"".join(self._chunks))
        self._forget()
        self._exchange = HttpExchange(request, self)
        serve(self._session.context.http, self._exchange)

    @property
    def path(self) -> str:
        """The target of the request; empty when it has none."""
        return next((value for name, value in self._headers if name == b":path"), b"").decode("latin-1")

    def refuse(self, status: int) -> None:
        """Answer without asking the application."""
        self._session.refused(self.path, f"HTTP status {status}")
        self.respond(status, [], b"")

    def gone(self) -> None:
        """The client reset the stream, or the connection is lost."""
        self._finish()
        if self._exchange is not None:
            self._exchange.cancel()

    def _finish(self) -> None:
        self.done = True
        self._forget()

    def _forget(self) -> None:
        self._session.take(-self._size)
        self._size = 0
        self._chunks.clear()

    # -- the response (ResponseSink)

    def respond(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Send a whole response."""
        if self.done:
            return
        self._finish()
        head = response_head(status, [*headers, ("content-length", str(len(body)))])
        bodiless = self._head_only or not body
        self._session.try_respond(self._stream_id, head, end=bodiless)
        if not bodiless:
            self._try_send(body, end=True)
        if not self._complete:
            self._session.reset_when_answered(self._stream_id)

    def start(self, status: int, headers: list[tuple[str, str]]) -> None:
        """Send the head of a streamed response."""
        if not self.done:
            self._session.try_respond(self._stream_id, response_head(status, headers), end=self._head_only)

    async def write(self, data: bytes) -> None:
        """Send a part of the body; waits while the client is slow."""
        if not self.done and not self._head_only:
            self._try_send(data)
            await self._session.drained(self._stream_id)

    def end(self) -> None:
        """End the response."""
        if not self.done:
            self._finish()
            if not self._head_only:
                self._try_send(b"", end=True)

    def abort(self) -> None:
        """Cut the response short."""
        if not self.done:
            self._finish()
            self._session.reset(self._stream_id, _INTERNAL_ERROR)

    def _try_send(self, data: bytes, *, end: bool = False) -> None:
        self._session.say(partial(self._session.h2.send_data, self._stream_id, data, end_stream=end))


def web_request(headers: tuple[Field, ...], body: bytes) -> HttpRequest:
    """The request that HTTP/2 header fields and a body make."""
    pseudo = {name: value for name, value in headers if name[:1] == b":"}
    fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers if name[:1] != b":"]
    authority = pseudo.get(b":authority")
    if authority is not None and all(name != "host" for name, _ in fields):
        fields.insert(0, ("host", authority.decode("latin-1")))
    path, _, query = pseudo.get(b":path", b"").decode("latin-1").partition("?")
    return HttpRequest(pseudo.get(b":method", b"").decode("latin-1"), path, query, tuple(fields), body, "2")


def response_head(status: int, headers: list[tuple[str, str]]) -> list[Field]:
    """HTTP/2 fields for a status and headers."""
    head = [(b":status", b"%d" % status)]
    head.extend((name.encode("ascii"), value.encode("latin-1")) for name, value in headers)
    return head
