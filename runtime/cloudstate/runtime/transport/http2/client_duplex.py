"""The client's side of a call that streams both ways for a long time, told by callbacks: such calls cost no task."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.transport.deadlines import Slot
from cloudstate.runtime.transport.http2.client import ClientSession
from cloudstate.runtime.transport.http2.client_unary import EXPIRED, NO_STATUS
from cloudstate.runtime.transport.wire.framing import PREFIX, PREFIX_SIZE, Deframer, frame, unpack
from cloudstate.runtime.transport.wire.head import IDENTITY, response_failure
from cloudstate.runtime.transport.wire.metadata import Field
from cloudstate.runtime.transport.wire.status import CallFailed, Status, parse_status, status_of_reset

log = logging.getLogger("cloudstate.runtime.transport")


class Duplex:
    """Requests are queued by ``send``; replies and the end are told to callbacks.

    Nothing here waits. Whoever sends more than one request without a reply in between bounds that by ``drained``.

    Args:
        received: told each reply, in order.
        ended: told once how the call ended: None for OK. Not told after ``cancel``.
    """

    __slots__ = ("_ended", "_reader", "_received", "_sent_all", "_session", "_slot", "encoding", "stream_id")

    returns_window_at_once = True  # a reply is handled when it arrives

    def __init__(
        self,
        session: ClientSession,
        received: Callable[[bytes], None],
        ended: Callable[[Status | None], None],
    ) -> None:
        self.stream_id = 0
        self.encoding = IDENTITY
        self._session = session
        self._received: Callable[[bytes], None] | None = received
        self._ended: Callable[[Status | None], None] | None = ended
        self._reader: Deframer | None = None
        self._slot: Slot | None = None
        self._sent_all = False

    @property
    def over(self) -> bool:
        """The call has ended, or was cancelled."""
        return self._ended is None

    def send(self, payload: bytes) -> None:
        """Queue one request; does nothing when the call is over."""
        if self._ended is not None and not self._sent_all:
            self._session.send(self.stream_id, frame(payload), end=False)

    async def drained(self) -> None:
        """Wait until the server has taken most of what is queued, or the call is over."""
        if self._ended is not None:
            await self._session.drained(self.stream_id)

    def end(self) -> None:
        """No more requests follow; replies may."""
        if self._ended is not None and not self._sent_all:
            self._sent_all = True
            self._session.send(self.stream_id, b"", end=True)

    def cancel(self) -> None:
        """Give the call up without being told anything more."""
        if self._ended is not None:
            self._forget()
            self._session.cancel(self.stream_id)

    def expire_in(self, seconds: float) -> None:
        """Give the call up, as DEADLINE_EXCEEDED, unless ``wait_on`` is called or it ends before."""
        self.wait_on()
        if self._ended is not None:
            _, self._slot = self._session.deadlines.add(self, seconds)

    def wait_on(self) -> None:
        """Drop the time limit."""
        if self._slot is not None:
            self._slot.pop(self, None)
            self._slot = None

    # -- for the transport only

    def expire(self) -> None:
        """The time limit has passed."""
        if self._ended is not None:
            self._session.cancel(self.stream_id)
            self._end(EXPIRED)

    def head(self, fields: Sequence[Field], ended: bool) -> None:
        """The response's headers; trailers as well when it ends here."""
        if ended:
            self.tail(fields)
            return
        values = dict(fields)
        failure = response_failure(values)
        if failure is not None:
            self._give_up(failure)
        self.encoding = values.get(b"grpc-encoding", IDENTITY)

    def received(self, data: bytes, ended: bool) -> None:
        """A part of the replies; mostly exactly one."""
        if self._reader is None and len(data) >= PREFIX_SIZE:
            flags, length = PREFIX.unpack_from(data)
            if flags == 0 and length == len(data) - PREFIX_SIZE and length <= self._session.limits.max_message:
                self._tell(data[PREFIX_SIZE:])
                return
        if data:
            self._collect(data)

    def _collect(self, data: bytes) -> None:
        limit = self._session.limits.max_message
        if self._reader is None:
            self._reader = Deframer(limit)
        try:
            for item in self._reader.feed(data):
                self._tell(unpack(item, self.encoding, limit))
        except CallFailed as failure:
            self._give_up(failure.status_value)
            return
        if not self._reader.buffered:
            self._reader = None

    def _tell(self, message: bytes) -> None:
        if self._received is None:
            return
        try:
            self._received(message)
        except Exception:
            log.exception("the callback of a streamed call failed")

    def tail(self, fields: Sequence[Field]) -> None:
        """The trailers."""
        values = dict(fields)
        if not self._sent_all:
            # Requests that nobody reads any more must not keep the stream open.
            self._session.cancel(self.stream_id)
        self._end(parse_status(values) or response_failure(values) or NO_STATUS)

    def closed(self, error_code: int) -> None:
        """The stream is closed."""
        self._end(status_of_reset(error_code) if error_code else NO_STATUS)

    def lost(self, status: Status) -> None:
        """The connection is gone."""
        self._end(status)

    def _give_up(self, status: Status) -> None:
        self._session.cancel(self.stream_id)
        self._end(status)

    def _end(self, status: Status) -> None:
        ended = self._ended
        if ended is None:
            return
        self._forget()
        try:
            ended(None if status.code is StatusCode.OK else status)
        except Exception:
            log.exception("the callback of a streamed call failed")

    def _forget(self) -> None:
        self._received = self._ended = None
        self.wait_on()
