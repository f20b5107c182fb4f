"""What all connections of one server share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from cloudstate.runtime.transport.deadlines import Deadlines
from cloudstate.runtime.transport.exchange import HttpExchange
from cloudstate.runtime.transport.limits import Limits

if TYPE_CHECKING:
    from cloudstate.runtime.transport.http2.stream import StreamCall
    from cloudstate.runtime.transport.http2.unary import UnaryCall

log = logging.getLogger("cloudstate.runtime.transport")


@dataclass(frozen=True, slots=True)
class UnaryMethod:
    """One request, one reply. ``handle`` is called synchronously with the complete request message.

    It answers through the call, at once or later; raising CallFailed is answered with its status.
    """

    handle: Callable[[UnaryCall, bytes], None]


@dataclass(frozen=True, slots=True)
class StreamMethod:
    """Any other shape. ``handle`` runs in a task of its own; returning means OK, raising CallFailed another status."""

    handle: Callable[[StreamCall], Awaitable[None]]


Method = UnaryMethod | StreamMethod


class ServedConnection(Protocol):
    """What a server does with its connections, whatever they speak."""

    def tick(self, now: float) -> None:
        """Called about once a second: close what is idle, silent or stuck."""
        ...

    def drain(self) -> None:
        """Take no new requests; close when the running ones are answered."""
        ...

    def cut(self) -> None:
        """Cancel what is running and close now."""
        ...


class ServerContext:
    """Handlers, limits and counters; owned by Server, used by its connections."""

    def __init__(
        self,
        methods: Callable[[str], Method | None],
        http: Callable[[HttpExchange], None],
        limits: Limits,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.methods = methods
        self.http = http
        self.limits = limits
        self.loop = loop
        self.deadlines = Deadlines(loop)
        self.connections: set[ServedConnection] = set()
        self.draining = False
        #: Bytes of unfinished requests that all connections hold together.
        self.buffered = 0
        self._full = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._emptied: asyncio.Event = asyncio.Event()

    def take(self, amount: int) -> bool:
        """Reserve memory for a part of a request, or return it when negative; False when too much is held already."""
        if amount > 0 and self.buffered + amount > self.limits.max_buffered:
            return False
        self.buffered += amount
        return True

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task that is kept alive until it ends."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @property
    def tasks(self) -> frozenset[asyncio.Task[None]]:
        """The tasks that run."""
        return frozenset(self._tasks)

    def admit(self) -> bool:
        """Whether one more connection is allowed; the first refusal of a row is logged."""
        if len(self.connections) < self.limits.max_connections:
            self._full = False
            return True
        if not self._full:
            self._full = True
            log.warning("connections are refused: %d are open", len(self.connections), extra={"reason": "full"})
        return False

    def opened(self, connection: ServedConnection) -> None:
        """A connection speaks a known protocol from now on, or is still being found out."""
        self.connections.add(connection)

    def lost(self, connection: ServedConnection) -> None:
        """A connection is gone."""
        self.connections.discard(connection)
        if not self.connections:
            self._emptied.set()

    async def emptied(self) -> None:
        """Wait until no connection is left."""
        while self.connections:
            self._emptied.clear()
            await self._emptied.wait()
