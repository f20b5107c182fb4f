"""The link to a NATS cluster: one connection at a time, made anew for ever."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import asynccontextmanager
from secrets import SystemRandom
from typing import TYPE_CHECKING

from nats.aio.msg import Msg

from cloudstate.runtime.cluster.engine import EngineUnavailable, Overtaken
from cloudstate.runtime.cluster.nats_engine.connection import Connection, connected
from cloudstate.runtime.cluster.nats_engine.settings import NatsSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

logger = logging.getLogger(__name__)

#: Seconds between attempts to connect: the first pause, and the longest.
_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
#: Seconds that requests may fail before another server is tried: this one may be cut off from the others.
_FAILING = 5.0


class Link:
    """See the module."""

    def __init__(self, settings: NatsSettings) -> None:
        self.settings = settings
        self.largest = 1024 * 1024
        self._known = list(settings.servers)
        SystemRandom().shuffle(self._known)
        self._current: Connection | None = None
        self._up: asyncio.Future[Connection] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._listeners: list[_Listener] = []
        self._failing_since: float | None = None

    async def open(self) -> None:
        """Connect; from then on, the link holds.

        Raises:
            EngineUnavailable: none of the servers is there, or they refuse.
        """
        connection = await self._any()
        self._up = asyncio.get_running_loop().create_future()
        self._take(connection)
        self._keeping = asyncio.get_running_loop().create_task(self._keep(connection))

    async def close(self) -> None:
        """Send what waits, then disconnect."""
        keeping, self._keeping, self._up = self._keeping, None, None
        if keeping is not None:
            keeping.cancel()
            await asyncio.wait({keeping})
        if self._current is not None:
            self._drop(self._current)
        if self._closing:
            await asyncio.wait(self._closing)

    def send(self, subject: str, message: bytes) -> None:
        """Send a message, or drop it."""
        if self._current is not None:
            self._current.send(subject, message)

    async def listen(self, subject: str, heard: Callable[[bytes], None]) -> None:
        """From now on, tell the messages to a subject, over every connection. Raises as ``connection``."""
        listener = _Listener(subject, heard)
        async with self.connection() as connection:
            self._listeners.append(listener)
            try:
                await connection.subscribe(subject, listener.hear)
                await connection.check()
            except BaseException:
                self._listeners.remove(listener)
                listener.end()  # the next connection may have it already
                raise

    @asynccontextmanager
    async def connection(self, limit: float | None = None) -> AsyncIterator[Connection]:
        """The connection, also if it has to be waited for.

        Args:
            limit: seconds for the waiting and for what is done with the connection together; None: as for a request.

        Raises:
            EngineUnavailable: there is none in time, or what is done takes longer.
        """
        if self._up is None:
            raise self.unavailable("it is closed")
        reason = "there is no connection"
        try:
            async with asyncio.timeout(limit or self.settings.answer_timeout):
                connection = await asyncio.shield(self._up)
                reason = "no answer came in time"
                yield connection
        except (TimeoutError, EngineUnavailable) as error:
            self._fails()
            raise self.unavailable(reason if isinstance(error, TimeoutError) else str(error)) from error
        except Overtaken:
            self._failing_since = None
            raise
        self._failing_since = None

    def unavailable(self, reason: str) -> EngineUnavailable:
        """The error that says so, and where."""
        prefix = f"NATS at {self.settings.where}: "
        return EngineUnavailable(reason if reason.startswith(prefix) else prefix + reason)

    # --- Holding ------------------------------------------------------------------------------------------------------

    async def _keep(self, connection: Connection) -> None:
        while True:
            await connection.until_lost()
            logger.warning("the connection to NATS at %s is lost", connection.server)
            self._drop(connection)
            connection = await self._restored()
            logger.info("connected to NATS at %s", connection.server)

    async def _restored(self) -> Connection:
        """A new connection on which everything is listened to that was."""
        pause = _PAUSE
        while True:
            try:
                return await self._listening(await self._any())
            except EngineUnavailable:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    async def _listening(self, connection: Connection) -> Connection:
        try:
            for listener in list(self._listeners):  # one may end meanwhile
                await connection.subscribe(listener.subject, listener.hear)
            await connection.check()
        except BaseException:
            self._drop(connection)
            raise
        self._take(connection)
        return connection

    async def _any(self) -> Connection:
        """A connection to whichever server takes us; each is tried once, the one that we had last at the end."""
        reason = ""
        for server in list(self._known):
            self._known.remove(server)
            self._known.append(server)
            try:
                connection = await connected(server, self.settings)
            except EngineUnavailable as error:
                reason = str(error)
                continue
            told = connection.others
            self._known = [known for known in self._known if known in self.settings.servers or known in told]
            self._known[:0] = [other for other in told if other not in self._known]
            return connection
        raise self.unavailable(reason)

    def _take(self, connection: Connection) -> None:
        assert self._up is not None
        self._current = connection
        self.largest = connection.largest
        self._failing_since = None
        if not self._up.done():
            self._up.set_result(connection)

    def _drop(self, connection: Connection) -> None:
        """Close a connection, without waiting: it takes a second where the server is cut off."""
        if self._current is connection:
            self._current = None
            if self._up is not None:
                self._up = asyncio.get_running_loop().create_future()
        task = asyncio.get_running_loop().create_task(connection.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _fails(self) -> None:
        """A request failed: after some time of that, another server may do better."""
        now = asyncio.get_running_loop().time()
        if self._failing_since is None:
            self._failing_since = now
        elif now - self._failing_since > _FAILING and len(self._known) > 1 and self._current is not None:
            self._current.abandon()


class _Listener:
    """Whoever listens to a subject."""

    def __init__(self, subject: str, heard: Callable[[bytes], None]) -> None:
        self.subject = subject
        self._heard: Callable[[bytes], None] | None = heard

    def hear(self, message: Msg) -> None:
        """Tell a message."""
        if self._heard is not None:
            self._heard(message.data)

    def end(self) -> None:
        """Tell no more."""
        self._heard = None
