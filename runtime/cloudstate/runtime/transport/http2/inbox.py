"""Messages that arrived on a stream and wait for their consumer; the sender's window opens as they are consumed."""

from __future__ import annotations

import asyncio
from collections import deque

from cloudstate.runtime.transport.http2.session import Session
from cloudstate.runtime.transport.wire.framing import CONGESTED, PREFIX_SIZE, Deframer, Frame, unpack
from cloudstate.runtime.transport.wire.status import CallFailed


class Inbox:
    """Holds at most one stream window of whole messages and one unfinished message.

    Attributes:
        encoding: the peer's ``grpc-encoding``.
        ended: the peer will send no more messages.
    """

    __slots__ = (
        "_deframer",
        "_discarded",
        "_frames",
        "_held",
        "_session",
        "_stream_id",
        "_unreleased",
        "_waiter",
        "encoding",
        "ended",
    )

    def __init__(self, session: Session, stream_id: int) -> None:
        self.encoding = b"identity"
        self.ended = False
        self._session = session
        self._stream_id = stream_id
        self._deframer = Deframer(session.limits.max_message)
        self._frames: deque[Frame] = deque()
        self._unreleased = 0
        self._held = 0
        self._waiter: asyncio.Future[None] | None = None
        self._discarded = False

    def feed(self, data: bytes, ended: bool) -> None:
        """Take what arrived.

        Raises:
            CallFailed: when it is not a sequence of messages within the limit.
        """
        self._unreleased += len(data)
        self._session.unreleased += len(data)
        if data:
            self._frames.extend(self._deframer.feed(data))
            self._hold(self._deframer.buffered)
        if ended:
            self._deframer.finish()
            self.ended = True
        if self._waiter is not None:
            if self._frames or ended:
                self.wake()
            else:
                self._release(self._unreleased)  # the consumer waits for the rest of a large message

    def _hold(self, amount: int) -> None:
        """Account for the unfinished message; whole messages are bounded by the window already."""
        more, self._held = amount - self._held, amount
        if not self._session.take(more):
            self._held -= more
            raise CallFailed(CONGESTED)

    async def next(self) -> bytes | None:
        """The next message, or None when there are no more.

        Raises:
            CallFailed: when the message cannot be decompressed.
        """
        while not self._frames:
            if self.ended or self._discarded:
                return None
            self._release(self._unreleased)
            self._waiter = self._session.loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        item = self._frames.popleft()
        self._release(min(PREFIX_SIZE + len(item[1]), self._unreleased))
        return unpack(item, self.encoding, self._session.limits.max_message)

    def wake(self) -> None:
        """Let the consumer look again."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def end(self) -> None:
        """No more messages will come; those that are here can still be consumed, but need no window any more."""
        self.ended = True
        self._release(self._unreleased)
        self.wake()

    def discard(self) -> None:
        """Nobody will consume what is here."""
        self._discarded = True
        self._frames.clear()
        self._hold(0)
        self._release(self._unreleased)
        self.wake()

    def _release(self, amount: int) -> None:
        if amount:
            self._unreleased -= amount
            self._session.unreleased -= amount
            self._session.release(amount, self._stream_id)
