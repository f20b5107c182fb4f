"""The connection to the user function: made, lost, and made again."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from cloudstate.entity_pb2 import UserFunctionError
from cloudstate.runtime.errors import CloudStateError, StatusCode
from cloudstate.runtime.transport import CallFailed, Channel, Duplex, Limits, Outcome, OutgoingUnary, Status

logger = logging.getLogger(__name__)

#: What a function may send us is what clients may send it, and it may be quiet for as long as it likes.
FUNCTION_LIMITS = Limits(keepalive_interval=330.0, max_pending=1_000_000, connection_window=64 * 1024 * 1024)
REPORT_ERROR = "/cloudstate.EntityDiscovery/reportError"
_REPORT_LIMIT = 10.0
FIRST_PAUSE, LONGEST_PAUSE, JITTER = 1.0, 10.0, 0.2


class FunctionUnavailable(CloudStateError):
    """The user function cannot be reached; nothing was sent to it."""

    status = StatusCode.UNAVAILABLE
    retry_safe = True

    def __init__(self, target: str) -> None:
        super().__init__(f"the user function at {target} cannot be reached; try again later")
        self.target = target


class Link:
    """One connection to the function at a time, for all calls.

    Args:
        target: ``host:port`` or ``unix:PATH``.
        pause: seconds before the second attempt to connect; they double up to LONGEST_PAUSE, give or take JITTER.
    """

    def __init__(self, target: str, pause: float = FIRST_PAUSE) -> None:
        self.target = target
        self._pause = pause
        self._channel: Channel | None = None
        self._is_reporting = False
        self.up = asyncio.Event()
        """Set while calls can go through."""

    async def keep(self, connected: Callable[[Channel], Awaitable[None]]) -> None:
        """Connect, again and again, until cancelled.

        Args:
            connected: called with each new connection; calls go through it only when this has returned. If it raises
                CallFailed, the connection counts as failed; every other exception ends ``keep``.
        """
        pause = self._pause
        while True:
            channel = await self._attempt(connected)
            if channel is not None and await self._use(channel) > pause:
                pause = self._pause  # it was a connection, and not one of those that are lost as soon as they are made
                continue
            await asyncio.sleep(pause * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 spread, not secrecy
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _use(self, channel: Channel) -> float:
        """Let calls through until the connection is gone; gives the seconds that it was there."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        self._channel = channel
        self.up.set()
        try:
            await channel.gone()  # without a deadline: it is there for as long as the function is
        finally:
            self.up.clear()
            self._channel = None
            await channel.close()
        logger.warning("the connection to the user function is lost", extra={"target": self.target})
        return loop.time() - started

    async def _attempt(self, connected: Callable[[Channel], Awaitable[None]]) -> Channel | None:
        channel: Channel | None = None
        try:
            async with asyncio.timeout(LONGEST_PAUSE):
                channel = await Channel.connect(self.target, FUNCTION_LIMITS)
            await connected(channel)
        except (OSError, CallFailed, TimeoutError) as error:
            logger.info("the user function does not answer yet: %s", error, extra={"target": self.target})
            if channel is not None:
                await channel.close()
            return None
        except BaseException:
            if channel is not None:
                await channel.close()
            raise
        return channel

    async def ready(self, limit: float) -> None:
        """Wait until calls can go through, for ``limit`` seconds at most.

        Raises:
            FunctionUnavailable: they still cannot.
        """
        if self._channel is not None:
            return
        try:
            async with asyncio.timeout(limit):
                await self.up.wait()
        except TimeoutError as error:
            raise FunctionUnavailable(self.target) from error

    def duplex(self, path: str, received: Callable[[bytes], None], ended: Callable[[Status | None], None]) -> Duplex:
        """A long call. See ``Channel.duplex``.

        Raises:
            FunctionUnavailable: there is no connection now.
        """
        try:
            return self._connected().duplex(path, received, ended)
        except CallFailed as failure:
            raise FunctionUnavailable(self.target) from failure

    def unary(self, path: str, payload: bytes, timeout: float | None, done: Callable[[Outcome], None]) -> OutgoingUnary:
        """A call with one request and one reply. See ``Channel.start_unary``. Raises as ``duplex``."""
        return self._connected().start_unary(path, payload, (), timeout, done)

    def report(self, text: str) -> None:
        """Tell the function's author what is wrong with what it said: it is for the log over there, and here.

        At most one report is under way; others are logged here only.
        """
        logger.warning("the user function is told: %s", text, extra={"target": self.target})
        if self._channel is None or self._is_reporting:
            return
        self._is_reporting = True
        payload = UserFunctionError(message=text).SerializeToString()
        self._channel.start_unary(REPORT_ERROR, payload, (), _REPORT_LIMIT, self._reported)

    def _reported(self, outcome: Outcome) -> None:
        self._is_reporting = False  # whether it was taken or not: some libraries answer with an error

    def channel(self) -> Channel:
        """The connection, for calls of other shapes. Raises as ``duplex``."""
        return self._connected()

    def _connected(self) -> Channel:
        channel = self._channel
        if channel is None:
            raise FunctionUnavailable(self.target)
        return channel
