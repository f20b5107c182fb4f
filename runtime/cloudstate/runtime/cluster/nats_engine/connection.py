"""One connection to one server. The only place that knows the NATS client; its messages are read elsewhere, too.

The client does not connect again by itself: after some errors it gives up for good, and while it tries it keeps old
requests for the wrong server. A connection that is lost is thrown away here (see ``link``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from cloudstate.runtime.cluster.engine import EngineUnavailable
from cloudstate.runtime.cluster.nats_engine.settings import NatsSettings

logger = logging.getLogger(__name__)

#: Bytes of ``max_payload`` that are not for messages.
_HEADROOM = 1024
#: Bytes of commands around the messages that wait.
_AROUND = 1024 * 1024
#: Seconds between checks whether the server is there, and of silence until it is not; then, before it is believed.
_CHECK_EVERY, _SILENCE, _LOOK_AGAIN = 0.5, 1.0, 0.1
#: Checks that may go unanswered in a row by a server that does send.
_UNANSWERED = 3
#: Seconds that what waits gets at the end.
_FAREWELL = 1.0
#: Messages of one subject that may wait to be told; they are told at once, so this is one read of the socket.
_UNTOLD = 65_536


class NobodyAnswers(EngineUnavailable):
    """Nobody listens where a request was sent."""


class Connection:
    """See the module; made by ``connected``.

    Attributes:
        lost: done when the connection is.
    """

    def __init__(self, server: str, settings: NatsSettings) -> None:
        self.server = server
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._settings = settings
        self._client = Client()
        self._complaint = ""
        self._is_full = False
        self._echo = ""
        self._checks: dict[bytes, asyncio.Future[None]] = {}
        self._count = 0

    async def open(self) -> None:
        """Connect.

        Raises:
            EngineUnavailable: nobody is there, or refuses.
        """
        settings = self._settings
        try:
            async with asyncio.timeout(settings.answer_timeout):
                await self._client.connect(
                    [self.server],
                    name="cloudstate-cluster",
                    allow_reconnect=False,
                    max_reconnect_attempts=1,
                    reconnect_time_wait=0,
                    connect_timeout=2,
                    ping_interval=3600,  # ``check`` does that
                    pending_size=settings.pending + _AROUND,
                    user=settings.user,
                    password=settings.password,
                    token=settings.token,
                    user_credentials=settings.credentials,
                    error_cb=self._complain,
                    closed_cb=self._closed,
                )
                self._echo = self._client.new_inbox()
                await self._client.subscribe(self._echo, cb=self._echoed)
        except BaseException as error:
            reason = self._reason(error)  # closing makes complaints of its own
            await self.close()
            if isinstance(error, OSError | nats.errors.Error):  # OSError: TimeoutError, too
                raise EngineUnavailable(reason) from None
            raise

    @property
    def largest(self) -> int:
        """The largest message in bytes."""
        return self._client.max_payload - _HEADROOM

    @property
    def others(self) -> list[str]:
        """The servers of the same cluster that the server has told of."""
        scheme = self.server.partition("://")[0]
        return [f"{scheme}://{server.netloc}" for server in self._client.discovered_servers]

    async def close(self) -> None:
        """Send what waits, and disconnect."""
        self.abandon()
        try:
            # OSError, also the TimeoutError: what waits cannot be sent any more, or not soon.
            with suppress(OSError, nats.errors.Error):
                async with asyncio.timeout(_FAREWELL):
                    await self._client.close()
        finally:
            self._bury()

    def _bury(self) -> None:
        """End what the client leaves behind when its closing fails half-way: its socket, tasks, their errors.

        There is no public way to that. If a future client names these otherwise, they are left to the collector.
        """
        transport = getattr(self._client, "_transport", None)
        if transport is not None:
            transport.close()
        for subscription in getattr(self._client, "_subs", {}).values():
            task = getattr(subscription, "_wait_for_msgs_task", None)
            if task is not None:
                task.cancel()
        for name in ("_reading_task", "_flusher_task"):
            task = getattr(self._client, name, None)
            if task is not None:
                task.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def check(self, limit: float | None = None) -> None:
        """Come back when the server has got everything so far: a message to ourselves has come back.

        Pings would overtake what waits.

        Args:
            limit: in seconds; None: as for a request.

        Raises:
            EngineUnavailable: it does not say so in time, or the connection is lost.
        """
        if self._client.is_closed:
            raise EngineUnavailable("the connection is lost")
        self._count += 1
        number, back = b"%d" % self._count, asyncio.get_running_loop().create_future()
        self._checks[number] = back
        self.send(self._echo, number)
        try:
            patience = limit or self._settings.answer_timeout
            await asyncio.wait({back, self.lost}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        finally:
            del self._checks[number]
        if not back.done():
            raise EngineUnavailable(f"{self.server} does not answer")

    async def _echoed(self, message: Msg) -> None:
        back = self._checks.get(message.data)
        if back is not None and not back.done():
            back.set_result(None)

    async def until_lost(self) -> None:
        """Come back when the connection is lost, or nothing comes from the server although it was asked."""
        unanswered = 0
        while not (await asyncio.wait({self.lost}, timeout=_CHECK_EVERY))[0]:
            before = self._client.stats["in_msgs"]
            try:
                await self.check(_SILENCE)
                unanswered = 0
            except EngineUnavailable:
                # If we were held up ourselves, there is something to be read now. If the server sends, the answer is
                # behind much else.
                await asyncio.wait({self.lost}, timeout=_LOOK_AGAIN)
                unanswered += 1
                if self._client.stats["in_msgs"] == before or unanswered > _UNANSWERED:
                    return

    def send(self, subject: str, message: bytes) -> None:
        """Send a message, or drop it."""
        client = self._client
        if client.pending_data_size + len(message) > self._settings.pending:
            if not self._is_full:
                logger.warning("%s does not take messages as fast as they come: some are dropped", self.server)
            self._is_full = True
            return
        publishing = client.publish(subject, message)
        try:
            # It writes into a buffer which is sent at the end of the turn, and has nothing to wait for: the buffer's
            # limit is above ours. A task would cost more than the message.
            publishing.send(None)
        except StopIteration:
            return
        except (OSError, nats.errors.Error) as error:
            if client.is_connected:
                logger.error("a message of %d bytes cannot be sent to `%s`: %s", len(message), subject, error)
        else:
            publishing.close()

    async def request(self, subject: str, payload: bytes, headers: Mapping[str, str] | None = None) -> Msg:
        """Send a request, and wait for the answer; the caller sets the time limit.

        Raises:
            NobodyAnswers: there is nobody who could.
            EngineUnavailable: the connection is lost.
        """
        asking = asyncio.ensure_future(
            self._client.request(subject, payload, timeout=3600, headers=dict(headers) if headers else None)
        )
        try:
            waiting: set[asyncio.Future[Any]] = {asking, self.lost}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                return asking.result()
        except nats.errors.NoRespondersError as error:
            raise NobodyAnswers("JetStream is not there, or has no leader") from error
        except (OSError, nats.errors.Error) as error:
            raise EngineUnavailable(str(error) or type(error).__name__) from error
        finally:
            asking.cancel()
        raise EngineUnavailable("the connection was lost")

    async def subscribe(self, subject: str, heard: Callable[[Msg], None]) -> Callable[[], Awaitable[None]]:
        """Tell the messages of a subject from the next ``check`` on; gives what ends that.

        Raises:
            EngineUnavailable: the connection is lost.
        """

        async def tell(message: Msg) -> None:
            try:
                heard(message)
            except Exception:  # it must not end the others
                logger.exception("a message to `%s` made trouble", subject)

        try:
            subscription = await self._client.subscribe(
                subject, cb=tell, pending_msgs_limit=_UNTOLD, pending_bytes_limit=4 * self._settings.pending
            )
        except (OSError, nats.errors.Error) as error:
            raise EngineUnavailable(str(error) or type(error).__name__) from error

        async def end() -> None:
            with suppress(OSError, nats.errors.Error):  # it may have ended with its connection
                await subscription.unsubscribe()

        return end

    def new_inbox(self) -> str:
        """A subject that nobody else has."""
        return self._client.new_inbox()

    def _reason(self, error: BaseException) -> str:
        """Why there is no connection."""
        if isinstance(error, ConnectionResetError | BrokenPipeError):  # it may do so before we have read its reason
            return "the connection was ended while we logged in (is the login right?)"
        if isinstance(error, TimeoutError):
            return self._complaint or f"{self.server} does not answer"
        return self._complaint or str(error) or type(error).__name__

    async def _complain(self, error: Exception) -> None:
        complaint = str(error) or type(error).__name__
        if complaint != self._complaint and self._client.is_connected:
            logger.warning("%s: %s", self.server, complaint)
        self._complaint = complaint
        if isinstance(error, OSError | nats.errors.UnexpectedEOF):
            self.abandon()

    async def _closed(self) -> None:
        self.abandon()

    def abandon(self) -> None:
        """The connection counts as lost from now on."""
        if not self.lost.done():
            self.lost.set_result(None)


async def connected(server: str, settings: NatsSettings) -> Connection:
    """A connection to a server. Raises as ``Connection.open``."""
    connection = Connection(server, settings)
    await connection.open()
    return connection
