"""How often a message is tried, and what becomes of one that nobody can handle."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.eventing.bookkeeping import DeadLetters
from cloudstate.runtime.eventing.deliver import CloudEvent, Undeliverable
from cloudstate.runtime.journal import Journal

logger = logging.getLogger(__name__)

#: Gives a message to its subscriber; raises Undeliverable.
Deliver = Callable[[CloudEvent], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ConsumerLimits:
    """How consumers work.

    Attributes:
        page: events that are read at a time; the offset is saved after each page.
        attempts: after so many an event is a dead letter.
        first_pause, longest_pause: seconds before another attempt, the first and the longest.
        idle: seconds until a log is looked at again, after it had nothing new.
        look_around: seconds until new partitions and wanted dead letters are looked for.
    """

    page: int = 20
    attempts: int = 5
    first_pause: float = 0.5
    longest_pause: float = 30.0
    idle: float = 0.05
    look_around: float = 5.0


class Attempts:
    """Handles the messages of one consumer group: each until it is handled, or put aside.

    A subscriber that is away is waited for as long as it takes: that is no message's fault.
    """

    def __init__(self, name: str, journal: Journal, deliver: Deliver, limits: ConsumerLimits) -> None:
        self.name = name
        self._deliver = deliver
        self._limits = limits
        self._dead = DeadLetters(journal, name)
        self._burying = asyncio.Lock()

    async def handle(self, event: CloudEvent) -> None:
        """Returns when the message is handled or is a dead letter.

        Raises:
            JournalError: it could not be put aside.
        """
        attempts, pause = 0, self._limits.first_pause
        while (failed := await self._try(event)) is not None:
            attempts += not failed.waits
            if attempts >= self._limits.attempts:
                await self._bury(event, str(failed), attempts)
                return
            logger.warning("`%s`: message %s is tried again in %g s: %s", self.name, event.id, pause, failed)
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._limits.longest_pause)

    async def retry_wanted(self) -> None:
        """Try the dead letters again that somebody asked for. Raises as ``handle``."""
        async with self._burying:
            await self._dead.load()
            for number in sorted(self._dead.wanted):
                letter = self._dead.letters[number]
                failed = await self._try(letter.event())
                if failed is None:
                    await self._dead.done(number)
                else:
                    await self._dead.failed_again(letter, str(failed))

    async def _try(self, event: CloudEvent) -> Undeliverable | None:
        """Why a message was not handled; None if it was."""
        try:
            await self._deliver(event)
        except Undeliverable as failed:
            return failed
        except Exception as error:
            # Nobody has thought of this. It counts all the same: the message must not come back for ever.
            logger.exception("`%s`: message %s", self.name, event.id)
            return Undeliverable(f"{type(error).__name__}: {error}", StatusCode.INTERNAL)
        return None

    async def _bury(self, event: CloudEvent, reason: str, attempts: int) -> None:
        async with self._burying:
            await self._dead.load()
            letter = await self._dead.bury(event, reason, attempts)
        text = "`%s`: message %s is a dead letter (number %d) after %d attempts: %s"
        logger.error(text, self.name, event.id, letter.number, attempts, reason)
