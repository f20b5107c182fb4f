"""The server's side of a call with one request and one reply; it lives without a task."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ngh2 import NGH2Error

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.payload import Metadata
from cloudstate.runtime.transport.deadlines import Slot
from cloudstate.runtime.transport.wire.framing import (
    CONGESTED,
    PREFIX,
    PREFIX_SIZE,
    Deframer,
    Frame,
    compress,
    frame,
    unpack,
)
from cloudstate.runtime.transport.wire.head import GZIP, IDENTITY, REPLY_HEAD, REPLY_OK
from cloudstate.runtime.transport.wire.metadata import Field, encode_metadata
from cloudstate.runtime.transport.wire.status import CallFailed, Status

if TYPE_CHECKING:
    from cloudstate.runtime.transport.http2.server import ServerSession

log = logging.getLogger("cloudstate.runtime.transport")

EXPIRED = Status(StatusCode.DEADLINE_EXCEEDED, "the deadline has passed")
BROKEN = Status(StatusCode.UNKNOWN, "internal error")
BAD_METADATA = Status(StatusCode.INTERNAL, "the reply's metadata cannot be sent")
ONE_REQUEST = Status(StatusCode.UNIMPLEMENTED, "the method takes exactly one request message")


class UnaryCall:
    """One request, one reply. Answer with ``reply`` or ``fail``, at once or later; only the first answer counts.

    Attributes:
        path: ``/package.Service/Method``.
        deadline: loop time after which the caller does not wait any more, or None.
        on_cancel: set by the handler; called once when the client cancels, the connection is lost or the deadline
            passes. The transport itself answers DEADLINE_EXCEEDED.
        done: answered or cancelled; nothing more can be sent.
    """

    # Most calls keep these defaults. Instances hold only what differs, which makes a call cheaper to create than slots.
    deadline: float | None = None
    on_cancel: Callable[[], None] | None = None
    done = False
    encoding = IDENTITY
    gzip = False
    returns_window_at_once = True  # what arrives is held by the call until it is complete, at most one message
    slot: Slot | None = None
    _reader: Deframer | None = None
    _frame: Frame | None = None
    _held = 0
    _metadata: Metadata | None = None
    _complete = False

    def __init__(
        self,
        session: ServerSession,
        stream_id: int,
        path: str,
        fields: tuple[Field, ...],
        handle: Callable[[UnaryCall, bytes], None],
    ) -> None:
        self.path = path
        self._session = session
        self._stream_id = stream_id
        self._fields = fields
        self._handle = handle

    @property
    def metadata(self) -> Metadata:
        """The caller's custom metadata; decoded when it is first asked for.

        Raises:
            CallFailed: when it is malformed. A handler lets this pass: it is answered with its status.
        """
        if self._metadata is None:
            self._metadata = self._session.metadata(self.path, self._fields)
        return self._metadata

    @property
    def peer(self) -> str:
        """The address of the caller's connection."""
        return self._session.peer

    def reply(self, payload: bytes, metadata: Metadata = (), trailers: Metadata = ()) -> None:
        """Answer with OK. Does nothing when the call is done."""
        if self.done:
            return
        head: Sequence[Field] = REPLY_HEAD
        tail: Sequence[Field] = REPLY_OK
        if metadata or trailers or self.gzip:
            try:
                head, tail, body = self._dressed(payload, metadata, trailers)
            except ValueError as error:
                log.error("reply refused: %s", error, extra={"path": self.path})
                self.fail(BAD_METADATA)
                return
        else:
            body = PREFIX.pack(0, len(payload)) + payload
        self.done = True
        self.on_cancel = None  # it leads back here: a cycle would leave every call to the garbage collector
        if self.slot is not None:
            self.slot.pop(self, None)
        session, stream_id = self._session, self._stream_id
        h2 = session.h2
        try:
            h2.send_response(stream_id, head)
            h2.send_data(stream_id, body)
            h2.send_trailers(stream_id, tail)
        except NGH2Error:
            return  # the caller has gone in this very turn
        if not session.flush_scheduled:
            session.flush_soon()

    def _dressed(
        self, payload: bytes, metadata: Metadata, trailers: Metadata
    ) -> tuple[list[Field], list[Field], bytes]:
        head = [*REPLY_HEAD, *encode_metadata(metadata)]
        tail = [*REPLY_OK, *encode_metadata(trailers)]
        threshold = self._session.limits.gzip_threshold
        if not self.gzip or threshold is None or len(payload) < threshold:
            return head, tail, frame(payload)
        head.append(GZIP)
        return head, tail, frame(compress(payload), compressed=True)

    def fail(self, status: Status, trailers: Metadata = ()) -> None:
        """Answer with a status other than OK. Does nothing when the call is done."""
        if self.done:
            return
        self._finish()
        self._session.send_status(self._stream_id, status, trailers, unread=not self._complete)

    # -- for the transport only

    def received(self, data: bytes, ended: bool) -> None:
        """A part of the request; mostly all of it."""
        if ended and self._reader is None and len(data) >= PREFIX_SIZE:
            flags, length = PREFIX.unpack_from(data)
            if flags == 0 and length == len(data) - PREFIX_SIZE and length <= self._session.limits.max_message:
                if not self.done:
                    self._run(data[PREFIX_SIZE:])
                return
        if not self.done:
            self._collect(data, ended)

    def _collect(self, data: bytes, ended: bool) -> None:
        limit = self._session.limits.max_message
        if self._reader is None:
            self._reader = Deframer(limit)
        try:
            if not self._session.take(len(data)):
                raise CallFailed(CONGESTED)
            self._held += len(data)
            for item in self._reader.feed(data):
                if self._frame is not None:
                    raise CallFailed(ONE_REQUEST)
                self._frame = item
            if ended:
                self._reader.finish()
                if self._frame is None:
                    raise CallFailed(ONE_REQUEST)
                self._run(unpack(self._frame, self.encoding, limit))
        except CallFailed as failure:
            self._complete = ended
            self._session.refused(self.path, str(failure))
            self.fail(failure.status_value)

    def _run(self, payload: bytes) -> None:
        self._complete = True
        if self._held:
            self._forget()
        try:
            self._handle(self, payload)
        except CallFailed as failure:
            self.fail(failure.status_value, failure.trailers)
        except Exception:
            log.exception("unary handler failed", extra={"path": self.path})
            self.fail(BROKEN)

    def gone(self) -> None:
        """The client cancelled or the connection is lost."""
        if not self.done:
            on_cancel = self.on_cancel
            self._finish()
            self._cancelled(on_cancel)

    def expire(self) -> None:
        """The deadline has passed."""
        if not self.done:
            on_cancel = self.on_cancel
            self.fail(EXPIRED)
            self._cancelled(on_cancel)

    def _cancelled(self, on_cancel: Callable[[], None] | None) -> None:
        if on_cancel is not None:
            try:
                on_cancel()
            except Exception:
                log.exception("on_cancel failed", extra={"path": self.path})

    def _finish(self) -> None:
        self.done = True
        self.on_cancel = None
        if self.slot is not None:
            self.slot.pop(self, None)
        self._forget()

    def _forget(self) -> None:
        self._session.take(-self._held)
        self._held = 0
        self._reader = None
        self._frame = None
