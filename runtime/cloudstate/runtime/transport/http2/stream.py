"""The server's side of a call that streams in either direction; it runs in a task of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.payload import Metadata
from cloudstate.runtime.transport.deadlines import Slot
from cloudstate.runtime.transport.http2.inbox import Inbox
from cloudstate.runtime.transport.http2.unary import BAD_METADATA, BROKEN, EXPIRED
from cloudstate.runtime.transport.wire.framing import compress, frame
from cloudstate.runtime.transport.wire.head import GZIP, IDENTITY, REPLY_HEAD
from cloudstate.runtime.transport.wire.metadata import Field, encode_metadata
from cloudstate.runtime.transport.wire.status import CallFailed, Status, status_headers

if TYPE_CHECKING:
    from cloudstate.runtime.transport.http2.server import ServerSession

log = logging.getLogger("cloudstate.runtime.transport")

_OK = Status(StatusCode.OK)
_STOPPED = Status(StatusCode.UNAVAILABLE, "the server is shutting down")


class StreamCall:
    """A call whose requests are iterated and whose replies are sent one by one.

    Iterating gives the client's window back message by message, so a client cannot run ahead of the handler. The
    handler's task is cancelled when the client goes away or the deadline passes.

    Attributes:
        path: ``/package.Service/Method``.
        deadline: loop time after which the caller does not wait any more, or None.
        done: the status has been sent, or the client has gone.
    """

    returns_window_at_once = False  # but as messages are consumed

    def __init__(
        self,
        session: ServerSession,
        stream_id: int,
        path: str,
        fields: tuple[Field, ...],
        handle: Callable[[StreamCall], Awaitable[None]],
    ) -> None:
        self.path = path
        self.deadline: float | None = None
        self.done = False
        self._session = session
        self._stream_id = stream_id
        self._fields = fields
        self.slot: Slot | None = None
        self._handle = handle
        self.encoding = IDENTITY
        self.gzip = False
        self._inbox = Inbox(session, stream_id)
        self._initial: list[Field] = []
        self._trailers: list[Field] = []
        self._started = False
        self._task: asyncio.Task[None] | None = None

    @property
    def metadata(self) -> Metadata:
        """The caller's custom metadata.

        Raises:
            CallFailed: when it is malformed. A handler lets this pass: it is answered with its status.
        """
        return self._session.metadata(self.path, self._fields)

    @property
    def peer(self) -> str:
        """The address of the caller's connection."""
        return self._session.peer

    def __aiter__(self) -> StreamCall:
        return self

    async def __anext__(self) -> bytes:
        try:
            message = await self._inbox.next()
        except CallFailed as failure:
            self._session.refused(self.path, str(failure))
            raise
        if message is None:
            raise StopAsyncIteration
        return message

    def set_initial_metadata(self, metadata: Metadata) -> None:
        """Metadata that leaves before the first reply.

        Raises:
            ValueError: when it cannot be sent.
        """
        self._initial = encode_metadata(metadata)

    def set_trailers(self, metadata: Metadata) -> None:
        """Metadata that leaves with the status.

        Raises:
            ValueError: when it cannot be sent.
        """
        self._trailers = encode_metadata(metadata)

    async def send_initial_metadata(self) -> None:
        """Send the initial metadata now, without waiting for the first reply."""
        if not self.done:
            self._start()
            self._session.flush_soon()

    async def send(self, payload: bytes) -> None:
        """Send one reply. Waits while too much is queued; does nothing once the client has gone."""
        if self.done:
            return
        self._start()
        if self._session.say(self._session.h2.send_data, self._stream_id, self._framed(payload)):
            await self._session.drained(self._stream_id)

    def _framed(self, payload: bytes) -> bytes:
        threshold = self._session.limits.gzip_threshold
        if self.gzip and threshold is not None and len(payload) >= threshold:
            return frame(compress(payload), compressed=True)
        return frame(payload)

    def _start(self) -> None:
        if self._started:
            return
        self._started = True
        head = [*REPLY_HEAD, *self._initial]
        if self.gzip:
            head.append(GZIP)
        self._session.try_respond(self._stream_id, head)

    # -- for the transport only

    def begin(self) -> None:
        """Run the handler."""
        self._inbox.encoding = self.encoding
        self._task = self._session.context.spawn(self._run())

    async def _run(self) -> None:
        try:
            await self._handle(self)
        except CallFailed as failure:
            self._fail(failure.status_value, failure.trailers)
        except asyncio.CancelledError:
            self._finish(_STOPPED)  # does nothing when the cancellation came from the client
        except Exception:
            log.exception("stream handler failed", extra={"path": self.path})
            self._finish(BROKEN)
        else:
            self._finish(_OK)

    def _fail(self, status: Status, trailers: Metadata) -> None:
        try:
            self._trailers.extend(encode_metadata(trailers))
        except ValueError as error:
            log.error("trailers refused: %s", error, extra={"path": self.path})
            status = BAD_METADATA
        self._finish(status)

    def _finish(self, status: Status) -> None:
        if self.done:
            return
        self._close()
        tail = [*status_headers(status), *self._trailers]
        if self._started:
            self._session.try_end(self._stream_id, tail)
        else:
            self._session.try_respond(self._stream_id, [*REPLY_HEAD, *self._initial, *tail], end=True)
        if not self._inbox.ended:
            self._session.reset_when_answered(self._stream_id)

    def received(self, data: bytes, ended: bool) -> None:
        """A part of the requests."""
        if self.done:
            self._session.release(len(data), self._stream_id)
            return
        try:
            self._inbox.feed(data, ended)
        except CallFailed as failure:
            if not self.done:
                self._session.refused(self.path, str(failure))
            self._stop(failure.status_value)

    def gone(self) -> None:
        """The client cancelled or the connection is lost."""
        if not self.done:
            self._close()
            self._cancel()

    def expire(self) -> None:
        """The deadline has passed."""
        self._stop(EXPIRED)

    def _stop(self, status: Status) -> None:
        if not self.done:
            self._finish(status)
            self._cancel()

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _close(self) -> None:
        self.done = True
        if self.slot is not None:
            self.slot.pop(self, None)
        self._inbox.discard()
