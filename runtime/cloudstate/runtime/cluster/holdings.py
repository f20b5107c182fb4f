"""The shards that one member serves, and how one is taken, given away and dropped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from cloudstate.runtime.cluster.engine import Engine, EngineUnavailable, Overtaken
from cloudstate.runtime.cluster.shards import shard_name
from cloudstate.runtime.cluster.table import Owned, Table
from cloudstate.runtime.journal import Fence, Journal
from cloudstate.runtime.journal.errors import JournalError

logger = logging.getLogger(__name__)

#: Seconds that running commands of a shard get before it is given away without waiting for them.
FINISH = 5.0
#: Seconds that the journal gets to raise an epoch.
_TAKE_OVER = 10.0
#: Seconds before something that failed is tried again.
_AGAIN = 0.1


class Holding(NamedTuple):
    """A shard that is served here.

    Attributes:
        fence: the right to write it.
        owned: the record that gave it.
        since: loop time at which it was taken.
    """

    fence: Fence
    owned: Owned
    since: float


class Holdings:
    """See the module.

    Args:
        told: waits until this member has been told all that was written up to a revision.
        expiry: a member serves for so many seconds after a sign of life, if it is not told otherwise.
        vacate: has the entities of a shard leave memory, each when it is idle; returns when none is left.
        changed: told of each shard that is served, or no longer served.
    """

    def __init__(
        self,
        table: Table,
        service: str,
        engine: Engine,
        journal: Journal,
        told: Callable[[int], Awaitable[None]],
        expiry: float,
        vacate: Callable[[int], Awaitable[None]],
        changed: Callable[[int], None],
    ) -> None:
        self._table = table
        self._service = service
        self._engine = engine
        self._journal = journal
        self._told = told
        self._expiry = expiry
        self._vacate = vacate
        self._changed = changed
        self._held: dict[int, Holding] = {}
        self._finishing: dict[int, Fence] = {}
        self._not_before: dict[int, float] = {}
        """When shards may be served that were taken from members which were not gone after all."""

    def __contains__(self, shard: int) -> bool:
        return shard in self._held

    def __len__(self) -> int:
        return len(self._held)

    @property
    def shards(self) -> Iterable[int]:
        """Those that are served."""
        return self._held.keys()

    def fence(self, shard: int) -> Fence | None:
        """The right to write a shard; None: there is none."""
        held = self._held.get(shard)
        return held.fence if held is not None else self._finishing.get(shard)

    def of(self, fence: Fence) -> int | None:
        """The shard that a fence is for, if it is served under it."""
        return next((shard for shard, held in self._held.items() if held.fence == fence), None)

    def has(self, shard: int) -> bool:
        """Whether a shard is served, and the table still says what it said when the shard was taken."""
        held = self._held.get(shard)
        return held is not None and held.owned is self._table.shards[shard]

    def since(self, begin: float) -> frozenset[int]:
        """The shards that were taken after a time of the loop."""
        return frozenset(shard for shard, held in self._held.items() if held.since > begin)

    def clear(self) -> None:
        """Serve nothing any more."""
        self._held.clear()
        self._finishing.clear()

    async def acquire(self, shard: int) -> None:
        """Become the owner of a shard whose owner is gone. It is served once it is taken."""
        before = self._table.shards[shard]
        sign = self._table.sign_of(before.owner)
        try:
            await self._write(shard, self._table.me, before.revision)
        except Overtaken:
            logger.debug("shard %d: another member was faster", shard)
        except EngineUnavailable as error:
            logger.info("shard %d could not be acquired now: %s", shard, error)
            await asyncio.sleep(_AGAIN)
        if self._table.sign_of(before.owner) != sign:
            # It lives, and may serve until it is told, or has not been told for so long that it stops by itself.
            self._not_before[shard] = asyncio.get_running_loop().time() + self._expiry

    async def take(self, shard: int) -> None:
        """Serve a shard that the table says is this member's."""
        owned = self._table.shards[shard]
        await self._empty(shard)  # what is in memory may be from an earlier time
        await asyncio.sleep(self._not_before.pop(shard, 0.0) - asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout(_TAKE_OVER):
                fence = await self._journal.take_over(shard_name(self._service, shard))
        except (JournalError, TimeoutError) as error:
            logger.warning("shard %d cannot be served yet: %s", shard, error or "the journal does not answer")
            await asyncio.sleep(_AGAIN)
            return
        if self._table.shards[shard] is owned:
            self._held[shard] = Holding(fence, owned, asyncio.get_running_loop().time())
            self._changed(shard)

    async def claim(self, shard: int) -> None:
        """Write the record of a shard that is served here anew: the table has forgotten it."""
        try:
            await self._write(shard, self._table.me, self._table.shards[shard].revision)
        except Overtaken:
            return  # the table tells whose it is
        except EngineUnavailable:
            await asyncio.sleep(_AGAIN)
            return
        owned = self._table.shards[shard]
        if shard in self._held and owned.owner == self._table.me:
            self._held[shard] = self._held[shard]._replace(owned=owned)

    async def hand_off(self, shard: int, to: str) -> None:
        """Finish what runs, then give a shard to another member."""
        held = self._held.pop(shard)
        self._finishing[shard] = held.fence
        try:
            await self._empty(shard)
        finally:
            del self._finishing[shard]
        while self._table.shards[shard] is held.owned:
            try:
                await self._write(shard, to, held.owned.revision)
            except Overtaken:
                break
            except EngineUnavailable as error:
                logger.info("shard %d could not be handed over yet: %s", shard, error)
                await asyncio.sleep(_AGAIN)
        self._changed(shard)

    async def drop(self, shard: int) -> None:
        """Stop serving a shard that is another member's. What has not been written is refused by the journal."""
        if self._held.pop(shard, None) is not None:
            self._changed(shard)
            await self._empty(shard)

    async def _empty(self, shard: int) -> None:
        try:
            async with asyncio.timeout(FINISH):
                await self._vacate(shard)
        except TimeoutError:
            logger.warning("shard %d: some commands did not finish within %g seconds", shard, FINISH)

    async def _write(self, shard: int, owner: str, revision: int) -> None:
        """Write a shard's record, and wait until the table has it, and with it all that was written before."""
        written = await self._engine.put(f"shard.{shard}", owner.encode(), revision)
        await self._told(written)
