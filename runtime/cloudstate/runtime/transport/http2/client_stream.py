"""The client's side of a call that streams in either direction."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.payload import Metadata
from cloudstate.runtime.transport.deadlines import Slot
from cloudstate.runtime.transport.http2.client import ClientSession
from cloudstate.runtime.transport.http2.client_unary import CANCELLED, EXPIRED, NO_STATUS
from cloudstate.runtime.transport.http2.inbox import Inbox
from cloudstate.runtime.transport.wire.framing import compress, frame
from cloudstate.runtime.transport.wire.head import IDENTITY, response_failure
from cloudstate.runtime.transport.wire.metadata import Field, decode_metadata
from cloudstate.runtime.transport.wire.status import CallFailed, Status, parse_status, status_of_reset


class ClientStream:
    """A streamed call: ``send`` requests, ``end`` them, iterate the replies.

    Iteration ends when the server ends the call with OK and raises CallFailed for every other outcome. The server's
    window opens as replies are consumed.
    """

    returns_window_at_once = False  # but as replies are consumed

    def __init__(self, session: ClientSession) -> None:
        self.stream_id = 0
        self._session = session
        self._slot: Slot | None = None
        self._inbox: Inbox | None = None
        self._head: Sequence[Field] | None = None
        self._headed: asyncio.Future[None] | None = None
        self._tail: Sequence[Field] = ()
        self._status: Status | None = None
        self._sent_all = False

    # -- requests

    async def send(self, payload: bytes) -> None:
        """Send one request. Waits while too much is queued.

        Raises:
            CallFailed: when the server has ended the call already.
        """
        if self._status is not None:
            raise CallFailed(self._status, self.trailers)
        threshold = self._session.limits.gzip_threshold
        if threshold is not None and len(payload) >= threshold:
            data = frame(compress(payload), compressed=True)
        else:
            data = frame(payload)
        self._session.send(self.stream_id, data, end=False)
        await self._session.drained(self.stream_id)

    async def end(self) -> None:
        """No more requests follow."""
        if self._status is None and not self._sent_all:
            self._sent_all = True
            self._session.send(self.stream_id, b"", end=True)

    def cancel(self) -> None:
        """Give the call up; whoever iterates gets CANCELLED."""
        self._give_up(CANCELLED)

    # -- replies

    def __aiter__(self) -> ClientStream:
        return self

    async def __anext__(self) -> bytes:
        message = await self._inbox.next() if self._inbox is not None else None
        if message is not None:
            return message
        status = self._status or NO_STATUS
        if status.code is StatusCode.OK:
            raise StopAsyncIteration
        raise CallFailed(status, self.trailers)

    async def initial_metadata(self) -> Metadata:
        """The metadata that came before the first reply; waits for it.

        Raises:
            CallFailed: when the call failed before.
        """
        while self._head is None and self._status is None:
            if self._headed is None:
                self._headed = self._session.loop.create_future()
            await asyncio.shield(self._headed)
        if self._head is None and self._status is not None and self._status.code is not StatusCode.OK:
            raise CallFailed(self._status, self.trailers)
        return decode_metadata(self._head or ())

    @property
    def trailers(self) -> Metadata:
        """The metadata that came with the status; empty before."""
        try:
            return decode_metadata(self._tail)
        except CallFailed:
            return ()

    @property
    def status(self) -> Status | None:
        """How the call ended, or None while it runs."""
        return self._status

    # -- for the transport only

    def opened(self, stream_id: int) -> None:
        """The call got its stream."""
        self.stream_id = stream_id
        self._inbox = Inbox(self._session, stream_id)

    def expire_in(self, seconds: float) -> None:
        """The call has a deadline."""
        _, self._slot = self._session.deadlines.add(self, seconds)

    def expire(self) -> None:
        """The deadline has passed."""
        self._give_up(EXPIRED)

    def _give_up(self, status: Status) -> None:
        if self._status is None:
            self._session.cancel(self.stream_id)
            self.lost(status)

    def head(self, fields: Sequence[Field], ended: bool) -> None:
        """The response's headers; trailers as well when it ends here."""
        if ended:
            self.tail(fields)
            return
        values = dict(fields)
        failure = response_failure(values)
        if failure is not None:
            self._give_up(failure)
            return
        self._head = fields
        if self._inbox is not None:
            self._inbox.encoding = values.get(b"grpc-encoding", IDENTITY)
        self._wake_headed()

    def received(self, data: bytes, ended: bool) -> None:
        """A part of the replies."""
        if self._inbox is None:
            return
        try:
            self._inbox.feed(data, False)
        except CallFailed as failure:
            self._give_up(failure.status_value)

    def tail(self, fields: Sequence[Field]) -> None:
        """The trailers."""
        values = dict(fields)
        self._tail = fields
        self._end(parse_status(values) or response_failure(values) or NO_STATUS)
        if not self._sent_all:
            # Requests that nobody reads any more must not keep the stream open.
            self._session.cancel(self.stream_id)

    def closed(self, error_code: int) -> None:
        """The stream is closed."""
        if self._status is None:
            self._end(status_of_reset(error_code) if error_code else NO_STATUS)

    def lost(self, status: Status) -> None:
        """The call ended without the server saying so; replies that are here are dropped."""
        if self._status is None:
            self._end(status)
            if self._inbox is not None:
                self._inbox.discard()

    def _end(self, status: Status) -> None:
        self._status = status
        if self._slot is not None:
            self._slot.pop(self, None)
        if self._inbox is not None:
            self._inbox.end()
        self._wake_headed()

    def _wake_headed(self) -> None:
        if self._headed is not None and not self._headed.done():
            self._headed.set_result(None)
