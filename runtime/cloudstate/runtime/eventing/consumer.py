"""A consumer of an event log: in order, at least once, and past what nobody can handle.

Each partition is read by a task of its own. Redelivered events carry the same ``ce-id``, which makes the commands that
a subscriber forwards to entities idempotent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from cloudstate.runtime.errors import CloudStateError
from cloudstate.runtime.eventing.attempts import Attempts, ConsumerLimits, Deliver
from cloudstate.runtime.eventing.bookkeeping import Offset
from cloudstate.runtime.eventing.declared import Subscription
from cloudstate.runtime.eventing.deliver import CloudEvent
from cloudstate.runtime.journal import Journal, Logged
from cloudstate.runtime.payload import PROTOBUF_PREFIX

logger = logging.getLogger(__name__)


def everything_is_mine(name: str) -> bool:
    """One process does all work."""
    return True


class LogConsumer:
    """Reads one event log for one consumer group until it is cancelled.

    Args:
        is_mine: whether this process is the one that reads a partition, asked by a name of that work. Two may read it
            at the same time: then one of them cannot save its offset, and what it read is delivered again.
    """

    def __init__(
        self,
        subscription: Subscription,
        journal: Journal,
        deliver: Deliver,
        limits: ConsumerLimits | None = None,
        is_mine: Callable[[str], bool] = everything_is_mine,
    ) -> None:
        self._is_mine = is_mine
        self._subscription = subscription
        self._journal = journal
        self._limits = limits or ConsumerLimits()
        self._attempts = Attempts(subscription.name, journal, deliver, self._limits)

    async def run(self) -> None:
        """Work until cancelled."""
        reading: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    if self._is_mine(f"{self._subscription.name} dead letters"):
                        await self._attempts.retry_wanted()
                    for partition in await self._journal.partitions():
                        if partition not in reading:
                            reading[partition] = tasks.create_task(self._follow(partition))
                except CloudStateError as error:
                    self._complain("looking around", error)
                await asyncio.sleep(self._limits.look_around)  # nobody tells of new partitions

    async def _follow(self, partition: str) -> None:
        """Read a partition for ever; whatever goes wrong, go on from the saved offset."""
        pause, time = self._limits.first_pause, asyncio.get_running_loop().time
        while True:
            began = time()
            try:
                await self._read(partition)
                await asyncio.sleep(self._limits.look_around)  # it is another process's now
            except CloudStateError as error:
                self._complain(f"reading partition `{partition}`", error)
                if time() - began > self._limits.longest_pause:
                    pause = self._limits.first_pause  # it had gone well for a while: this is another trouble
                await asyncio.sleep(pause)
                pause = min(pause * 2, self._limits.longest_pause)

    async def _read(self, partition: str) -> None:
        work = f"{self._subscription.name}/{partition}"
        if not self._is_mine(work):
            return
        offset = Offset(self._journal, self._subscription.name, partition)
        await offset.load()
        types = frozenset({self._subscription.source})
        while self._is_mine(work):
            page = await self._journal.read(partition, offset.value, self._limits.page, types)
            for logged in page.events:
                await self._attempts.handle(_cloud_event(logged))
            if page.events:
                await offset.save(page.upto)
            elif page.upto > offset.value:
                offset.value = page.upto  # not saved: there is nothing that would be delivered again
            else:
                await asyncio.sleep(self._limits.idle)

    def _complain(self, doing: str, error: CloudStateError) -> None:
        logger.warning("`%s`: %s failed, and is tried again: %s", self._subscription.name, doing, error)


def _cloud_event(logged: Logged) -> CloudEvent:
    """An event of an entity; its id and source name it among all events."""
    url = logged.payload.type_url
    return CloudEvent(
        id=f"{logged.entity.id}/{logged.sequence}",
        source=logged.entity.type,
        type=url.removeprefix(PROTOBUF_PREFIX),
        data=logged.payload,
        subject=logged.entity.id,
        time=logged.time,
    )
