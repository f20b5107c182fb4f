"""One HTTP/2 connection on one socket: what client and server have in common.

Bytes go into ngh2, events come out, and whatever ngh2 wants to send is written once per turn of the event loop. Nothing
is taken from ngh2 while the socket's buffer is full, so queued output stays in ngh2, bounded per stream by its sender.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from ngh2 import (
    Configuration,
    Connection,
    ConnectionClosed,
    Event,
    NGH2Error,
    Role,
    Setting,
)

from cloudstate.runtime.transport.limits import KIB, MIB, Limits

log = logging.getLogger("cloudstate.runtime.transport")

_WRITE_SIZE = 256 * KIB
ENHANCE_YOUR_CALM = 0xB
#: After a connection error the peer gets this long, and may send this much, to notice that we said goodbye.
LINGER = 2.0
_MAX_DISCARDED = 4 * MIB
_IN_FLIGHT = 64 * KIB
# Large enough that one oversized request is answered by itself; beyond it the whole connection goes.
_HARD_HEADER_LIST = 64 * KIB


def configuration(limits: Limits) -> Configuration:
    """ngh2's limits from ours."""
    return Configuration(
        auto_window_update=False,
        stream_reset_rate_limit=(limits.reset_burst, limits.reset_rate),
        max_inbound_header_list_size=max(_HARD_HEADER_LIST, 2 * limits.max_header_list),
        max_inbound_header_count=512,
    )


class Session(asyncio.Protocol):
    """The asyncio protocol around one ngh2 connection.

    Subclasses handle the events of streams (``_dispatch``) and say what the end of the connection means (``_ended``).
    """

    def __init__(self, role: Role, limits: Limits, loop: asyncio.AbstractEventLoop) -> None:
        self.h2 = Connection(role, configuration(limits))
        self.limits = limits
        self.loop = loop
        self.peer = ""
        self.closed = False
        self._transport: asyncio.Transport | None = None
        self.flush_scheduled = False  # or the events of one read are being handled: a flush follows anyway
        self._paused = False
        self._closing = False
        self._discarded = 0
        #: Received bytes whose window has not been given back, because nobody has consumed them yet.
        self.unreleased = 0
        self._leaked = 0
        self._heard = True  # something complete arrived since the last look
        self._unfinished = 0  # reads since then: what arrived last is the beginning of something
        self._blocked: dict[asyncio.Future[None], int] = {}
        self._lingering: list[int] = []

    # -- the socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send our settings."""
        self._transport = transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        transport.set_write_buffer_limits(high=self.limits.write_buffer)
        self.h2.initiate_connection(self._settings())
        if self.limits.connection_window > 65_535:
            self.h2.set_local_window_size(self.limits.connection_window)
        self._flush()  # settings come first, even when the next thing we say is goodbye

    def _settings(self) -> dict[int, int]:
        return {
            Setting.INITIAL_WINDOW_SIZE: self.limits.stream_window,
            Setting.MAX_HEADER_LIST_SIZE: self.limits.max_header_list,
        }

    def data_received(self, data: bytes) -> None:
        """Handle everything that arrived, then write everything it caused."""
        if self._closing:
            self._discard(data)
            return
        self.flush_scheduled = True
        try:
            self.h2.receive_data(data)
        except NGH2Error as error:
            self.flush_scheduled = False
            self.abandon(str(error))
            return
        events = self.h2.events()
        if events:
            self._heard = True
            self._unfinished = 0
            self._dispatch(events)
        else:
            self._unfinished += 1
        self._flush()

    def _discard(self, data: bytes) -> None:
        self._discarded += len(data)
        if self._discarded > _MAX_DISCARDED:
            self.abort()

    def eof_received(self) -> bool:
        """The peer will send nothing more; without its window updates and pings nothing useful can follow."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever still waits is told."""
        if self.closed:
            return
        self.closed = True
        self._closing = True
        for waiter in self._blocked:
            if not waiter.done():
                waiter.set_result(None)
        self._blocked.clear()
        self._ended()

    def pause_writing(self) -> None:
        """The socket is full: output stays in ngh2 from now on."""
        self._paused = True

    def resume_writing(self) -> None:
        """The socket takes more."""
        self._paused = False
        self._flush()

    # -- output

    def flush_soon(self) -> None:
        """Write what is ready at the end of this turn of the event loop."""
        if not self.flush_scheduled:
            self.flush_scheduled = True
            self.loop.call_soon(self._flush)

    def _flush(self) -> None:
        self.flush_scheduled = False
        transport = self._transport
        if self._closing or transport is None:
            return
        try:
            while not self._paused:
                data = self.h2.data_to_send(_WRITE_SIZE)
                if data:
                    transport.write(data)
                if len(data) < _WRITE_SIZE:
                    break
        except NGH2Error as error:
            self.abandon(str(error))
            return
        events = self.h2.events()
        if events:
            self._dispatch(events)
        if self._blocked:
            self._wake_senders()
        if self._lingering and not self._paused:
            self._reset_lingering()

    async def drained(self, stream_id: int) -> None:
        """Wait until the stream may queue more. Returns at once when it may, or when the connection has gone."""
        while not self.closed and self.h2.queued_body_size(stream_id) >= self.limits.send_buffer:
            waiter = self.loop.create_future()
            self._blocked[waiter] = stream_id
            try:
                await waiter
            finally:
                self._blocked.pop(waiter, None)

    def _wake_senders(self) -> None:
        low = self.limits.send_buffer // 2
        for waiter, stream_id in self._blocked.items():
            if not waiter.done() and self.h2.queued_body_size(stream_id) <= low:
                waiter.set_result(None)

    def reset_when_answered(self, stream_id: int) -> None:
        """Reset the stream once its response has left: the peer is still sending a request that nobody reads.

        The reset must not be queued earlier: ngh2 drops what is queued on a stream that is being reset.
        """
        self._lingering.append(stream_id)
        self.flush_soon()

    def _reset_lingering(self) -> None:
        lingering, self._lingering = self._lingering, []
        for stream_id in lingering:
            try:
                sent = self.h2.queued_body_size(stream_id) == 0 and self.h2.stream_remote_window_size(stream_id) > 0
                if sent and self.h2.remote_window_size > 0:
                    self.h2.reset_stream(stream_id, 0)
                    self.flush_soon()
                else:
                    self._lingering.append(stream_id)
            except NGH2Error:
                continue  # closed by the peer in the meantime

    def release(self, amount: int, stream_id: int) -> None:
        """Give window back for data that was consumed (or is not wanted)."""
        if amount and not self._closing:
            self.acknowledge(amount, stream_id)
            self.flush_soon()

    def acknowledge(self, amount: int, stream_id: int) -> None:
        """The same, for use while events are dispatched: a flush follows anyway."""
        try:
            self.h2.acknowledge_received_data(amount, stream_id)
        except (NGH2Error, ValueError):
            return  # the connection ended with the bytes that brought this data

    def say(self, send: Callable[..., None], *arguments: object) -> bool:
        """Queue a frame; False when the connection or the stream is not there any more."""
        if self._closing:
            return False
        try:
            send(*arguments)
        except NGH2Error:
            return False
        self.flush_soon()
        return True

    def repair_window(self) -> bool:
        """Make up for window that ngh2 has lost; False when it has lost so much that the connection should end.

        When a stream is reset in the middle of a DATA frame, ngh2 (0.3.0) forgets the part that it had collected, and
        that part is never given back to the peer. Enough of them would stall every upload of a long-lived connection.
        """
        target = self.limits.connection_window
        try:
            lost = target // 2 - _IN_FLIGHT - self.unreleased - self.h2.local_window_size
            if lost > 0:
                self._leaked += lost + _IN_FLIGHT
                self.h2.set_local_window_size(target + self._leaked)
                self.flush_soon()
        except NGH2Error:
            return True
        # ngh2 sends updates for half of the nominal window at a time; beyond this it would wait for more than is left.
        return self._leaked <= target // 2

    def take(self, amount: int) -> bool:
        """Account for memory that an unfinished message needs; a server says False when all its peers need too much."""
        return True

    def reset(self, stream_id: int, error_code: int) -> None:
        """Reset a stream, if it is still there."""
        self.say(self.h2.reset_stream, stream_id, error_code)

    # -- the end

    def abandon(self, reason: str, error_code: int = ENHANCE_YOUR_CALM) -> None:
        """Close the connection because of what the peer did; logged once."""
        if self._closing:
            return
        log.warning("http/2 connection closed: %s", reason, extra={"peer": self.peer, "reason": reason})
        if self._transport is not None and not self._paused:
            self._transport.write(goaway_frame(error_code))
            self._linger()
        else:
            self._closing = True
            self.abort()

    def _linger(self) -> None:
        """Say that nothing more follows and read on for a moment: closing over unread bytes would lose the reason."""
        self._closing = True
        transport = self._transport
        if transport is not None and not transport.is_closing():
            if transport.can_write_eof():
                transport.write_eof()
            else:
                transport.close()

    def abort(self) -> None:
        """Drop the connection now."""
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Close in good order: what is queued in the socket still leaves."""
        self._closing = True
        if self._transport is not None:
            self._transport.close()

    def _dispatch(self, events: list[Event]) -> None:
        raise NotImplementedError

    def _ended(self) -> None:
        raise NotImplementedError

    def _connection_closed(self, event: ConnectionClosed) -> None:
        """ngh2 is done with the connection, its last bytes have been written."""
        if self._closing:
            return
        if event.error_code:
            reason = event.debug_data.decode("ascii", "replace")[:200] or "no reason"
            log.warning(
                "http/2 connection closed with error code %d: %s",
                event.error_code,
                reason,
                extra={"peer": self.peer, "reason": reason},
            )
            self._linger()
        else:
            self.close()


def goaway_frame(error_code: int) -> bytes:
    """A GOAWAY by hand, for when ngh2 has failed and can no longer make one."""
    return b"\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00" + error_code.to_bytes(4, "big")
