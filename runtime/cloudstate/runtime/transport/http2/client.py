"""The client's end of an HTTP/2 connection."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from ngh2 import (
    ConnectionClosed,
    DataReceived,
    Event,
    GoAwayReceived,
    NGH2Error,
    ResponseReceived,
    Role,
    Setting,
    StreamClosed,
    TrailersReceived,
)

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.transport.deadlines import Deadlines
from cloudstate.runtime.transport.http2.session import LINGER, Session
from cloudstate.runtime.transport.http2.watch import Watch
from cloudstate.runtime.transport.limits import Limits
from cloudstate.runtime.transport.wire.head import request_head
from cloudstate.runtime.transport.wire.metadata import Field
from cloudstate.runtime.transport.wire.status import CallFailed, Status

CANCEL = 0x8
_MAX_HEADS = 1024
_LOST = Status(StatusCode.UNAVAILABLE, "the connection to the server is lost")
_CLOSED = Status(StatusCode.UNAVAILABLE, "the channel is closed")
_LEAVING = Status(StatusCode.UNAVAILABLE, "this connection takes no new calls")
_TOO_MANY = Status(StatusCode.RESOURCE_EXHAUSTED, "too many calls wait on this channel")


class OutgoingCall(Protocol):
    """What the connection tells a call about its stream.

    Attributes:
        returns_window_at_once: whether what arrives counts as consumed; otherwise the call gives window back itself.
    """

    returns_window_at_once: bool

    def head(self, fields: Sequence[Field], ended: bool) -> None:
        """The response's headers."""
        ...

    def received(self, data: bytes, ended: bool) -> None:
        """A part of the response's messages."""
        ...

    def tail(self, fields: Sequence[Field]) -> None:
        """The trailers; the response is complete."""
        ...

    def closed(self, error_code: int) -> None:
        """The stream is closed, mostly after ``tail``."""
        ...

    def lost(self, status: Status) -> None:
        """The connection is gone."""
        ...


class ClientSession(Session):
    """One connection to a server. Calls beyond the server's stream limit wait in ngh2, at most ``max_pending``."""

    def __init__(self, authority: str, limits: Limits, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(Role.CLIENT, limits, loop)
        self.peer = authority
        self.deadlines = Deadlines(loop)
        self._authority = authority
        self._heads: dict[str, tuple[Field, ...]] = {}
        self._streams: dict[int, OutgoingCall] = {}
        self._watch = Watch(loop.time())
        self._gone = _LOST
        self._retired = False
        self._lost = asyncio.Event()

    def _settings(self) -> dict[int, int]:
        return {**super()._settings(), Setting.ENABLE_PUSH: 0}

    def open(self, call: OutgoingCall, path: str, extra: Sequence[Field]) -> int:
        """Queue the head of a request and return its stream.

        Raises:
            CallFailed: UNAVAILABLE or RESOURCE_EXHAUSTED, when the call cannot start; nothing was sent.
        """
        if self._closing:
            raise CallFailed(self._gone)
        if self._retired:
            raise CallFailed(_LEAVING)
        if len(self._streams) >= self.limits.max_pending:
            raise CallFailed(_TOO_MANY)
        head = self._heads.get(path) or self._head(path)
        try:
            stream_id = self.h2.send_request((*head, *extra) if extra else head)
        except NGH2Error as error:
            raise CallFailed(_LEAVING) from error
        self._streams[stream_id] = call
        return stream_id

    def _head(self, path: str) -> tuple[Field, ...]:
        if len(self._heads) >= _MAX_HEADS:
            self._heads.clear()
        head = self._heads[path] = request_head(self._authority, path)
        return head

    def send(self, stream_id: int, data: bytes, *, end: bool) -> None:
        """Queue a part of a request, unless its stream has gone."""
        try:
            self.h2.send_data(stream_id, data, end_stream=end)
        except NGH2Error:
            return
        self.flush_soon()

    def cancel(self, stream_id: int) -> None:
        """Tell the server that nobody waits any more."""
        self._streams.pop(stream_id, None)
        self.reset(stream_id, CANCEL)

    # -- events

    def _dispatch(self, events: list[Event]) -> None:
        streams = self._streams
        for event in events:
            if isinstance(event, DataReceived):
                self._data(event.stream_id, event.data, event.end_stream)
            elif isinstance(event, StreamClosed):
                call = streams.pop(event.stream_id, None)
                if call is not None:
                    call.closed(event.error_code)
            elif isinstance(event, ResponseReceived):
                call = streams.get(event.stream_id)
                if call is not None:
                    call.head(event.headers, event.end_stream)
            elif isinstance(event, TrailersReceived):
                call = streams.get(event.stream_id)
                if call is not None:
                    call.tail(event.headers)
            else:
                self._rare(event)

    def _data(self, stream_id: int, data: bytes, ended: bool) -> None:
        call = self._streams.get(stream_id)
        if call is None:
            self.release(len(data), stream_id)
            return
        if data and call.returns_window_at_once:
            self.acknowledge(len(data), stream_id)
        call.received(data, ended)

    def _rare(self, event: Event) -> None:
        match event:
            case GoAwayReceived():
                self._gone = Status(StatusCode.UNAVAILABLE, f"the server said goodbye (error code {event.error_code})")
            case ConnectionClosed():
                self._connection_closed(event)
            case _:
                pass

    # -- the life of the connection

    def tick(self, now: float) -> None:
        """Ping a server that was quiet while calls wait for it; give the connection up when it stays quiet."""
        if self._closing:
            if now - self._watch.closing_since(now) > LINGER:
                self.abort()
            return
        watch, limits = self._watch, self.limits
        waiting = bool(self._streams)
        heard = self._heard or not waiting
        watch.observe(now, heard=heard, unfinished=False, paused=self._paused, busy=waiting, seen=0)
        self._heard = False
        if not self.repair_window():
            self.say(self.h2.send_goaway, 0)
            self._retired = True
        if now - watch.quiet_since > limits.keepalive_interval + limits.keepalive_timeout:
            self.abandon("the server does not answer pings")
        elif now - watch.quiet_since > limits.keepalive_interval and not watch.pinged:
            watch.pinged = True
            self.say(self.h2.ping, b"keepaliv")

    @property
    def usable(self) -> bool:
        """Whether new calls can start."""
        return not self._closing and not self._retired and self.h2.can_send_request

    async def gone(self) -> None:
        """Wait until the connection is closed."""
        await self._lost.wait()

    def shut(self) -> None:
        """Close the connection; calls that still run fail as UNAVAILABLE."""
        if self._closing:
            return
        self._gone = _CLOSED
        self.say(self.h2.terminate_connection, 0)
        self._flush()
        self.close()

    def _ended(self) -> None:
        self.deadlines.close()
        self._lost.set()
        streams, self._streams = self._streams, {}
        for call in streams.values():
            call.lost(self._gone)
