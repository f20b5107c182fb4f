"""A connection whose protocol is not known yet: its first bytes decide."""

from __future__ import annotations

import asyncio
import logging
from typing import cast

from cloudstate.runtime.transport.context import ServerContext
from cloudstate.runtime.transport.http1.connection import Http1Connection
from cloudstate.runtime.transport.http2.server import ServerSession

log = logging.getLogger("cloudstate.runtime.transport")

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Sniffer(asyncio.Protocol):
    """Waits for enough bytes to tell HTTP/2 from HTTP/1.1, then hands the socket over and is gone."""

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._opened_at = context.loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Turn away what is too much, watch the rest."""
        self._transport = transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        if self._context.draining or not self._context.admit():
            transport.abort()
            return
        self._context.opened(self)

    def data_received(self, data: bytes) -> None:
        """Decide as soon as the bytes allow."""
        self._received += data
        if self._received.startswith(PREFACE):
            self._hand_over(ServerSession(self._context))
        elif not PREFACE.startswith(self._received):
            self._hand_over(Http1Connection(self._context))

    def _hand_over(self, protocol: ServerSession | Http1Connection) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._context.opened(protocol)
        self._context.lost(self)
        protocol.peer = peer_name(transport)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.data_received(self._received)

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer left before its protocol was known."""
        self._context.lost(self)
        if self._received and self._transport is not None:
            log.info("the peer left before its protocol was known", extra={"peer": peer_name(self._transport)})

    def tick(self, now: float) -> None:
        """Close a peer that says nothing."""
        if now - self._opened_at > self._context.limits.header_timeout and self._transport is not None:
            peer = peer_name(self._transport)
            log.warning("connection closed: nothing was said in time", extra={"peer": peer, "reason": "silence"})
            self.cut()

    def drain(self) -> None:
        """Nothing runs here."""
        self.cut()

    def cut(self) -> None:
        """Close now."""
        self._received = b""
        if self._transport is not None:
            self._transport.abort()


def peer_name(transport: asyncio.Transport) -> str:
    """The peer's address in gRPC's notation."""
    address = transport.get_extra_info("peername")
    if isinstance(address, tuple):
        return f"ipv6:[{address[0]}]:{address[1]}" if ":" in address[0] else f"ipv4:{address[0]}:{address[1]}"
    return "unix:"
