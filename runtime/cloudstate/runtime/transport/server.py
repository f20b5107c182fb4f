"""The server: one listening port for gRPC and HTTP, and the housekeeping of its connections."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from cloudstate.runtime.transport.context import Method, ServerContext
from cloudstate.runtime.transport.exchange import HttpExchange
from cloudstate.runtime.transport.limits import Limits
from cloudstate.runtime.transport.sniff import Sniffer

log = logging.getLogger("cloudstate.runtime.transport")

_BACKLOG = 1024
_GOODBYE = 0.5


class Server:
    """Serves gRPC methods and HTTP requests on any number of addresses.

    Args:
        methods: finds the method for a path like ``/package.Service/Method``, or None.
        http: called with every complete request that is not gRPC; answers through the exchange, at once or later.
        limits: what a peer may take.
    """

    def __init__(
        self,
        methods: Callable[[str], Method | None],
        http: Callable[[HttpExchange], None],
        limits: Limits | None = None,
    ) -> None:
        self._methods = methods
        self._http = http
        self._limits = limits or Limits()
        self._context: ServerContext | None = None
        self._listeners: list[asyncio.Server] = []
        self._housekeeping: asyncio.TimerHandle | None = None

    async def listen(self, host: str, port: int, *, reuse_port: bool = False) -> int:
        """Accept connections on a TCP address; port 0 means any. Returns the port."""
        context = self._started()
        listener = await context.loop.create_server(
            lambda: Sniffer(context), host, port, reuse_port=reuse_port or None, backlog=_BACKLOG
        )
        self._listeners.append(listener)
        bound: int = listener.sockets[0].getsockname()[1]
        return bound

    async def listen_unix(self, path: str) -> None:
        """Accept connections on a unix socket."""
        context = self._started()
        listener = await context.loop.create_unix_server(lambda: Sniffer(context), path, backlog=_BACKLOG)
        self._listeners.append(listener)

    async def drain(self, grace: float) -> None:
        """Stop listening, let running calls finish for ``grace`` seconds, then cancel what is left and close."""
        context = self._context
        if context is None:
            return
        context.draining = True
        for listener in self._listeners:
            listener.close()
        for connection in list(context.connections):
            connection.drain()
        with suppress(TimeoutError):
            await asyncio.wait_for(context.emptied(), grace)
        if context.connections:
            log.warning("%d connections had to be cut", len(context.connections), extra={"reason": "grace period over"})
        await self._cut(context)

    async def _cut(self, context: ServerContext) -> None:
        tasks = context.tasks
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)
        for _ in ("say goodbye", "abort"):
            for connection in list(context.connections):
                connection.cut()
            with suppress(TimeoutError):
                await asyncio.wait_for(context.emptied(), _GOODBYE)
        if self._housekeeping is not None:
            self._housekeeping.cancel()
        context.deadlines.close()
        for listener in self._listeners:
            await listener.wait_closed()
        self._listeners.clear()

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._context.connections) if self._context else 0

    def _started(self) -> ServerContext:
        if self._context is None:
            loop = asyncio.get_running_loop()
            self._context = ServerContext(self._methods, self._http, self._limits, loop)
            self._schedule_housekeeping(self._context)
        return self._context

    def _schedule_housekeeping(self, context: ServerContext) -> None:
        limits = self._limits
        shortest = min(limits.header_timeout, limits.body_timeout, limits.idle_timeout, limits.keepalive_interval)
        pause = min(1.0, shortest / 4, limits.keepalive_timeout / 4, limits.stall_timeout / 4)

        def tick() -> None:
            self._housekeeping = context.loop.call_later(pause, tick)
            now = context.loop.time()
            for connection in list(context.connections):
                connection.tick(now)

        self._housekeeping = context.loop.call_later(pause, tick)
