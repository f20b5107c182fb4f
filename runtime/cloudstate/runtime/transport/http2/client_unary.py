"""The client's side of a call with one request and one reply; its outcome goes to a callback, without a task."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.payload import Metadata
from cloudstate.runtime.transport.deadlines import Slot
from cloudstate.runtime.transport.http2.client import ClientSession
from cloudstate.runtime.transport.wire.framing import PREFIX, PREFIX_SIZE, Deframer, Frame, unpack
from cloudstate.runtime.transport.wire.head import CONTENT_TYPE, IDENTITY, OK_200, STATUS_OK, response_failure
from cloudstate.runtime.transport.wire.metadata import Field, decode_metadata
from cloudstate.runtime.transport.wire.status import CallFailed, Status, parse_status, status_of_reset

log = logging.getLogger("cloudstate.runtime.transport")

EXPIRED = Status(StatusCode.DEADLINE_EXCEEDED, "the deadline has passed")
CANCELLED = Status(StatusCode.CANCELLED, "cancelled by the caller")
NO_STATUS = Status(StatusCode.UNKNOWN, "the server ended the call without a status")
_ONE_REPLY = Status(StatusCode.INTERNAL, "the server did not send exactly one reply")


class Reply:
    """A reply that came with status OK. Metadata is decoded when it is asked for.

    Attributes:
        payload: the reply message.
    """

    __slots__ = ("_head", "_tail", "payload")

    def __init__(self, payload: bytes, head: Sequence[Field], tail: Sequence[Field]) -> None:
        self.payload = payload
        self._head = head
        self._tail = tail

    @property
    def metadata(self) -> Metadata:
        """Custom metadata that came before the reply."""
        return decode_metadata(self._head)

    @property
    def trailers(self) -> Metadata:
        """Custom metadata that came with the status."""
        return decode_metadata(self._tail)


Outcome = Reply | CallFailed
Done = Callable[[Outcome], None]


class OutgoingUnary:
    """A unary call that is under way."""

    returns_window_at_once = True  # what arrives is held until the reply is complete, at most one message
    stream_id = 0
    _slot: Slot | None = None
    _head: Sequence[Field] = ()
    _message: bytes | None = None
    _frame: Frame | None = None
    _reader: Deframer | None = None

    def __init__(self, session: ClientSession, done: Done) -> None:
        self._session = session
        self._done: Done | None = done

    def cancel(self) -> None:
        """Stop waiting: the outcome is CANCELLED, at once. Does nothing when there is an outcome already."""
        self._give_up(CANCELLED)

    # -- for the transport only

    def expire_in(self, seconds: float) -> None:
        """The call has a deadline."""
        _, self._slot = self._session.deadlines.add(self, seconds)

    def expire(self) -> None:
        """The deadline has passed."""
        self._give_up(EXPIRED)

    def _give_up(self, status: Status) -> None:
        if self._done is not None:
            if self.stream_id:
                self._session.cancel(self.stream_id)
            self.finish(CallFailed(status))

    def head(self, fields: Sequence[Field], ended: bool) -> None:
        """The response's headers; trailers as well when it ends here."""
        if ended:
            self.tail(fields)
            return
        self._head = fields
        if OK_200 in fields and CONTENT_TYPE in fields:
            return
        failure = response_failure(dict(fields))
        if failure is not None:
            self._give_up(failure)

    def received(self, data: bytes, ended: bool) -> None:
        """A part of the reply; mostly all of it."""
        if self._message is None and self._reader is None and len(data) >= PREFIX_SIZE:
            flags, length = PREFIX.unpack_from(data)
            if flags == 0 and length == len(data) - PREFIX_SIZE and length <= self._session.limits.max_message:
                self._message = data[PREFIX_SIZE:]
                return
        if data:
            self._collect(data)

    def _collect(self, data: bytes) -> None:
        if self._reader is None:
            self._reader = Deframer(self._session.limits.max_message)
        try:
            for item in self._reader.feed(data):
                if self._frame is not None or self._message is not None:
                    raise CallFailed(_ONE_REPLY)
                self._frame = item
        except CallFailed as failure:
            self._give_up(failure.status_value)

    def tail(self, fields: Sequence[Field]) -> None:
        """The trailers."""
        if STATUS_OK in fields:
            self._succeed(fields)
            return
        values = dict(fields)
        status = parse_status(values) or response_failure(values) or NO_STATUS
        self._fail(status, fields)

    def _fail(self, status: Status, fields: Sequence[Field]) -> None:
        try:
            trailers = decode_metadata(fields)
        except CallFailed as malformed:
            self.finish(malformed)
            return
        self.finish(CallFailed(status, trailers))

    def _succeed(self, fields: Sequence[Field]) -> None:
        message = self._message
        try:
            if message is None:
                message = self._unpacked()
        except CallFailed as failure:
            self.finish(failure)
            return
        self.finish(Reply(message, self._head, fields))

    def _unpacked(self) -> bytes:
        if self._reader is not None:
            self._reader.finish()
        if self._frame is None:
            raise CallFailed(_ONE_REPLY)
        encoding = dict(self._head).get(b"grpc-encoding", IDENTITY)
        return unpack(self._frame, encoding, self._session.limits.max_message)

    def closed(self, error_code: int) -> None:
        """The stream is closed."""
        if self._done is not None:
            self.finish(CallFailed(status_of_reset(error_code) if error_code else NO_STATUS))

    def lost(self, status: Status) -> None:
        """The connection is gone."""
        self.finish(CallFailed(status))

    def finish(self, outcome: Outcome) -> None:
        """Report the outcome, once."""
        done, self._done = self._done, None
        if done is None:
            return
        if self._slot is not None:
            self._slot.pop(self, None)
        try:
            done(outcome)
        except Exception:
            log.exception("the callback of a unary call failed")
