"""One HTTP/1.1 connection: requests are answered one after the other, in the order in which they came."""

from __future__ import annotations

import asyncio
import logging
from typing import cast

from cloudstate.runtime.transport.context import ServerContext
from cloudstate.runtime.transport.exchange import HttpExchange, serve
from cloudstate.runtime.transport.http1.reader import SLICE, Incoming, Refusal, RequestReader
from cloudstate.runtime.transport.http1.response import CONTINUE, LAST_CHUNK, chunk, has_no_body, response_head
from cloudstate.runtime.transport.limits import KIB

log = logging.getLogger("cloudstate.runtime.transport")

_FLUSH_SIZE = 64 * KIB
_LINGER = 2.0


class Http1Connection(asyncio.Protocol):
    """The asyncio protocol around one reader, and the sink of the response that is being sent."""

    def __init__(self, context: ServerContext) -> None:
        self.peer = ""
        self._context = context
        self._limits = context.limits
        self._loop = context.loop
        self._transport: asyncio.Transport | None = None
        self._reader = RequestReader(context.limits)
        self._unread = b""
        self._held = 0
        self._reading_paused = False
        self._current: Incoming | None = None
        self._exchange: HttpExchange | None = None
        self._chunked = False
        self._serving = False
        self._closing = False
        self._closing_since = 0.0
        self._draining = False
        self._output: list[bytes] = []
        self._output_size = 0
        self._flush_scheduled = False
        self._paused = False
        self._resumed: asyncio.Future[None] | None = None
        self._paused_since = 0.0
        self._heard_at = self._waiting_since = self._loop.time()

    # -- the socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is ours."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=self._limits.write_buffer)

    def data_received(self, data: bytes) -> None:
        """Parse what there is room for, answer what is complete."""
        if self._closing:
            return
        self._heard_at = self._loop.time()
        self._unread += data
        self._proceed()

    def eof_received(self) -> bool:
        """The client has closed. That it might only have finished sending cannot be told apart, and is rare."""
        self._flush()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever still works for the client is told."""
        if not self._closing and (self._reader.in_head or self._reader.in_body):
            log.info("the peer left in the middle of an HTTP/1.1 request", extra={"peer": self.peer})
        self._closing = True
        self._context.lost(self)
        self._wake_writer()
        self._reader.requests.clear()
        self._reader.held = 0
        self._account()
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.cancel()

    def pause_writing(self) -> None:
        """The client does not read: nothing new is started for it."""
        self._paused = True
        self._paused_since = self._loop.time()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._paused = False
        self._wake_writer()
        self._proceed()

    # -- requests

    def _proceed(self) -> None:
        """Parse and serve until nothing more is there, or something is not ours to hurry."""
        if self._serving or self._closing:
            return
        self._serving = True
        try:
            while self._step():
                pass
        finally:
            self._serving = False
        self._regulate_reading()

    def _step(self) -> bool:
        """Parse one piece or serve one request; False when there is nothing to do."""
        if self._closing:
            return False
        reader = self._reader
        if self._current is None and not self._paused:
            if reader.requests:
                self._serve(reader.take())
                return True
            if reader.refusal is not None:
                self._refuse(reader.refusal)
                return False
            if reader.expects_continue:
                reader.expects_continue = False
                self._write(CONTINUE)
        if self._unread and reader.refusal is None and self._has_room():
            piece, self._unread = self._unread[:SLICE], self._unread[SLICE:]
            self._parse(piece)
            return True
        return False

    def _has_room(self) -> bool:
        """Whether more may be parsed: a request ahead of its turn waits when it is one of many, or large."""
        waiting = len(self._reader.requests)
        return waiting == 0 or (waiting < self._limits.max_pipelined and self._reader.held < SLICE)

    def _account(self) -> None:
        """Bodies share the server's memory for unfinished requests."""
        more, self._held = self._reader.held - self._held, self._reader.held
        if not self._context.take(more):
            self._held -= more
            self._reader.refusal = Refusal(503, "too many unfinished requests are held")

    def _parse(self, piece: bytes) -> None:
        reader = self._reader
        if not (reader.in_head or reader.in_body):
            self._waiting_since = self._loop.time()
        reader.feed(piece)
        self._account()

    def _serve(self, incoming: Incoming) -> None:
        self._current = incoming
        self._account()
        self._chunked = False
        self._exchange = HttpExchange(incoming.request, self)
        serve(self._context.http, self._exchange)

    def _regulate_reading(self) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        full = bool(self._unread) and not self._closing
        if full is not self._reading_paused:
            self._reading_paused = full
            if full:
                transport.pause_reading()
            else:
                transport.resume_reading()

    def _refuse(self, refusal: Refusal) -> None:
        log.warning("http/1.1 request refused: %s", refusal.reason, extra={"peer": self.peer, "reason": refusal.reason})
        self._write(response_head(refusal.status, [("content-length", "0"), ("connection", "close")]))
        self._linger()

    def _close(self) -> None:
        """Close after what is written has left."""
        self._closing = True
        self._closing_since = self._loop.time()
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def _linger(self) -> None:
        """Say that nothing more follows, and read on for a moment: closing over unread bytes would lose the answer."""
        self._closing = True
        self._closing_since = self._loop.time()
        self._unread = b""
        self._flush()
        if self._transport is not None and not self._transport.is_closing():
            self._regulate_reading()
            if self._transport.can_write_eof():
                self._transport.write_eof()
            else:
                self._transport.close()

    # -- the response (ResponseSink)

    def respond(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Send a whole response."""
        if self._current is None:
            return
        if not has_no_body(status):
            headers.append(("content-length", str(len(body))))
        self._write(response_head(status, self._with_connection(headers)))
        if body and not has_no_body(status) and self._current.request.method != "HEAD":
            self._write(body)
        self._finished()

    def start(self, status: int, headers: list[tuple[str, str]]) -> None:
        """Send the head of a streamed response: chunked, or until the connection closes for HTTP/1.0."""
        current = self._current
        if current is None:
            return
        if not has_no_body(status):
            if current.request.version == "1.1":
                self._chunked = True
                headers.append(("transfer-encoding", "chunked"))
            else:
                self._current = Incoming(current.request, keep_alive=False)
        self._write(response_head(status, self._with_connection(headers)))
        if has_no_body(status) or current.request.method == "HEAD":
            self._chunked = False

    async def write(self, data: bytes) -> None:
        """Send a part of the body; waits while the client is slow."""
        current = self._current
        if current is None or self._closing:
            return
        if current.request.method != "HEAD":
            self._write(chunk(data) if self._chunked else data)
        if self._output_size >= _FLUSH_SIZE:
            self._flush()
        while self._paused and not self._closing:
            if self._resumed is None:
                self._resumed = self._loop.create_future()
            await asyncio.shield(self._resumed)

    def end(self) -> None:
        """End the response."""
        if self._current is None:
            return
        if self._chunked:
            self._write(LAST_CHUNK)
        self._finished()

    def abort(self) -> None:
        """Cut the response short: the connection closes without the last chunk."""
        self._exchange = None
        self._current = None
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    def _with_connection(self, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        if not self._stays_open():
            headers.append(("connection", "close"))
        elif self._current is not None and self._current.request.version == "1.0":
            headers.append(("connection", "keep-alive"))
        return headers

    def _stays_open(self) -> bool:
        return self._current is not None and self._current.keep_alive and not self._draining

    def _finished(self) -> None:
        stays_open = self._stays_open()
        self._current = None
        self._exchange = None
        self._heard_at = self._waiting_since = self._loop.time()
        if stays_open:
            self._proceed()
        elif self._unread or self._reader.in_head or self._reader.in_body:
            self._linger()
        else:
            self._close()

    # -- output

    def _write(self, data: bytes) -> None:
        self._output.append(data)
        self._output_size += len(data)
        if not self._flush_scheduled:
            self._flush_scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_scheduled = False
        if not self._output:
            return
        data = b"".join(self._output)
        self._output.clear()
        self._output_size = 0
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _wake_writer(self) -> None:
        resumed, self._resumed = self._resumed, None
        if resumed is not None:
            resumed.set_result(None)

    # -- the life of the connection

    def tick(self, now: float) -> None:
        """Close what is idle, slow or stuck."""
        limits, reader = self._limits, self._reader
        if self._closing:
            if now - self._closing_since > _LINGER:
                self.cut()
        elif self._paused and now - self._paused_since > limits.stall_timeout:
            log.warning("http/1.1 connection closed: the client does not read", extra={"peer": self.peer})
            self.cut()
        elif self._current is not None:
            return
        elif reader.in_head and now - self._waiting_since > limits.header_timeout:
            self._refuse(Refusal(408, "the head did not arrive in time"))
        elif reader.in_body and now - self._heard_at > limits.body_timeout:
            self._refuse(Refusal(408, "the body does not arrive"))
        elif not (reader.in_head or reader.in_body) and now - self._heard_at > limits.idle_timeout:
            self._close()

    def drain(self) -> None:
        """Answer what is being answered, then close."""
        self._draining = True
        if self._current is None and not self._closing:
            self._close()

    def cut(self) -> None:
        """Close now."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()
