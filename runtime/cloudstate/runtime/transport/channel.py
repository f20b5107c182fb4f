"""The client: calls to one server over one connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Self

from cloudstate.runtime.payload import Metadata
from cloudstate.runtime.transport.http2.client import ClientSession
from cloudstate.runtime.transport.http2.client_duplex import Duplex
from cloudstate.runtime.transport.http2.client_stream import ClientStream
from cloudstate.runtime.transport.http2.client_unary import Done, Outcome, OutgoingUnary, Reply
from cloudstate.runtime.transport.limits import Limits
from cloudstate.runtime.transport.wire.framing import compress, frame
from cloudstate.runtime.transport.wire.head import GZIP
from cloudstate.runtime.transport.wire.metadata import Field, encode_metadata
from cloudstate.runtime.transport.wire.status import CallFailed, Status
from cloudstate.runtime.transport.wire.timeout import format_timeout

#: Servers of other makes treat pings more often than every five minutes as abuse.
CLIENT_LIMITS = Limits(keepalive_interval=330.0)

_TICK = 1.0
_LINGER = 1.0


class Channel:
    """Calls to one server. A channel does not reconnect: once the connection is gone, calls fail as UNAVAILABLE."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session
        self._loop = session.loop
        self._timer = self._loop.call_later(_TICK, self._tick)

    @classmethod
    async def connect(cls, target: str, limits: Limits = CLIENT_LIMITS) -> Self:
        """Connect to ``host:port`` or ``unix:PATH``.

        Raises:
            OSError: when nobody listens there.
            ValueError: when the target is neither.
        """
        loop = asyncio.get_running_loop()
        if target.startswith("unix:"):
            session = ClientSession("localhost", limits, loop)
            await loop.create_unix_connection(lambda: session, target.removeprefix("unix:"))
            return cls(session)
        host, colon, port = target.rpartition(":")
        if not colon or not port.isdigit():
            raise ValueError(f"target {target!r} is neither host:port nor unix:PATH")
        session = ClientSession(target, limits, loop)
        await loop.create_connection(lambda: session, host.strip("[]"), int(port))
        return cls(session)

    async def unary(self, path: str, payload: bytes, metadata: Metadata = (), timeout: float | None = None) -> Reply:
        """One request, one reply. Cancelling the awaiting task cancels the call.

        Raises:
            CallFailed: for every status other than OK.
            ValueError: for metadata that cannot be sent.
        """
        waiter: asyncio.Future[Outcome] = self._loop.create_future()
        call = self.start_unary(path, payload, metadata, timeout, partial(_settle, waiter))
        try:
            outcome = await waiter
        except asyncio.CancelledError:
            call.cancel()
            raise
        if isinstance(outcome, CallFailed):
            raise outcome
        return outcome

    def start_unary(
        self, path: str, payload: bytes, metadata: Metadata, timeout: float | None, done: Done
    ) -> OutgoingUnary:
        """One request, one reply, no task: ``done`` gets the reply or the failure, never before this returns.

        Raises:
            ValueError: for metadata that cannot be sent.
        """
        session = self._session
        call = OutgoingUnary(session, done)
        extra = self._extra(metadata, timeout) if metadata or timeout is not None else []
        threshold = session.limits.gzip_threshold
        zipped = threshold is not None and len(payload) >= threshold
        if zipped:
            extra.append(GZIP)
        try:
            call.stream_id = session.open(call, path, extra)
        except CallFailed as failure:
            self._loop.call_soon(call.finish, failure)
            return call
        session.send(call.stream_id, frame(compress(payload), True) if zipped else frame(payload), end=True)
        if timeout is not None:
            call.expire_in(timeout)
        return call

    def stream(self, path: str, metadata: Metadata = (), timeout: float | None = None) -> ClientStream:
        """A call that streams in either direction. A call that cannot start fails when it is used.

        Raises:
            ValueError: for metadata that cannot be sent.
        """
        session = self._session
        call = ClientStream(session)
        extra = self._extra(metadata, timeout)
        if session.limits.gzip_threshold is not None:
            extra.append(GZIP)
        try:
            call.opened(session.open(call, path, extra))
        except CallFailed as failure:
            call.lost(failure.status_value)
            return call
        session.flush_soon()
        if timeout is not None:
            call.expire_in(timeout)
        return call

    def duplex(self, path: str, received: Callable[[bytes], None], ended: Callable[[Status | None], None]) -> Duplex:
        """A call that streams both ways and costs no task: see ``Duplex`` for what is told to whom.

        Raises:
            CallFailed: UNAVAILABLE or RESOURCE_EXHAUSTED, when it cannot start; nothing was sent.
        """
        call = Duplex(self._session, received, ended)
        call.stream_id = self._session.open(call, path, ())
        self._session.flush_soon()
        return call

    async def gone(self) -> None:
        """Wait until the connection is lost or closed."""
        await self._session.gone()

    async def close(self) -> None:
        """Close the connection; calls that still run fail as UNAVAILABLE."""
        self._timer.cancel()
        self._session.shut()
        try:
            await asyncio.wait_for(self._session.gone(), _LINGER)
        except TimeoutError:
            self._session.abort()  # the server does not read what is left to say
            await self._session.gone()

    @property
    def usable(self) -> bool:
        """Whether new calls can start."""
        return self._session.usable

    @staticmethod
    def _extra(metadata: Metadata, timeout: float | None) -> list[Field]:
        extra = encode_metadata(metadata)
        if timeout is not None:
            extra.append((b"grpc-timeout", format_timeout(timeout)))
        return extra

    def _tick(self) -> None:
        self._session.tick(self._loop.time())
        if not self._session.closed:
            self._timer = self._loop.call_later(_TICK, self._tick)


def _settle(waiter: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not waiter.done():
        waiter.set_result(outcome)
