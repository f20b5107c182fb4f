"""One member at work: it writes its own record, watches those of the others, and takes and gives shards as planned.

``plan`` decides, this executes. Taking a shard over: its record in the engine's table is changed by compare-and-set,
then its epoch is raised in the journal, then its commands are served. Giving it: no new command is let in, what runs
is finished, its entities leave memory, and then its record names the new owner.

**Reads** rest on the lease, because they append nothing that a fence could stop. A member trusts a sign of life of its
own only when it is told of it: by then it has been told everything that was written before, also that a shard was
taken away. It counts from when it wrote it, and for two thirds of a lease. The others judge by what they have been
told when their own last sign of life was written, and wait for a whole lease; and where somebody came back to life
just when its shard was taken, they wait until it has been told, or has stopped by itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from cloudstate.runtime.clock import Clock
from cloudstate.runtime.cluster.engine import Engine, EngineUnavailable, Entry, Overtaken
from cloudstate.runtime.cluster.holdings import Holdings
from cloudstate.runtime.cluster.nearness import Nearness
from cloudstate.runtime.cluster.plan import Members, plan
from cloudstate.runtime.cluster.setting import Setting
from cloudstate.runtime.cluster.shards import shard_of
from cloudstate.runtime.cluster.table import NOBODY, Table, beat_of, standing
from cloudstate.runtime.journal import Fence, Journal

logger = logging.getLogger(__name__)

#: Shards that are taken over, or given away, at the same time.
MOST_TAKEN, MOST_GIVEN = 32, 16
#: Signs of life that may be under way at the same time, where the engine is slow.
_MOST_SIGNS = 4
#: Signs of life that may be untold; an older one is of no use any more.
_MOST_UNTOLD = 16
#: Seconds.
_JUST_AFTER = 0.001
#: A member that leaves looks so often whether it may go, in seconds.
_LOOK_AGAIN = 0.02


class Node:
    """See the module.

    Args:
        me: this member; unique among all that ever were.
        vacate: has the entities of a shard leave memory, each when it is idle; returns when none is left.
        changed: told of every shard that is served, or owned, otherwise than before.
    """

    def __init__(
        self,
        me: str,
        setting: Setting,
        engine: Engine,
        journal: Journal,
        clock: Clock,
        vacate: Callable[[int], Awaitable[None]],
        changed: Callable[[int], None],
    ) -> None:
        self.me = me
        self.lease = setting.lease
        self.table = Table(me, setting.shards, self.lease.length)
        self.nearness = Nearness()
        self._may_move = setting.shares_journal
        self._expected = setting.expected
        self._engine = engine
        self._now = clock.monotonic
        self._changed = changed
        self._held = Holdings(self.table, setting.service, engine, journal, self._told, self.lease.own, vacate, changed)
        self._busy: dict[int, asyncio.Task[None]] = {}
        self._known_at = float("-inf")
        """This member has been told everything that was written before."""
        self._known_revision = 0
        self._quiet_until = float("-inf")
        self._beats: dict[int, float] = {}
        """Signs of life that were not told yet, and when they were begun."""
        self._beat_number = 0
        self._signs: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self._is_leaving = False
        self._is_gone = False
        self._round_is_due = False
        self._beating: asyncio.Task[None] | None = None

    # --- What others ask ----------------------------------------------------------------------------------------------

    def holds(self, shard: int) -> bool:
        """Whether commands for a shard are served here, now."""
        return self.is_member and self._held.has(shard)

    def owner(self, shard: int) -> str | None:
        """The member that owns a shard, as far as this one knows; None: nobody who is there."""
        owner = self.table.shards[shard].owner
        is_there = owner in self.table.alive(self._known_at) and self.table.has_shown_life(owner)
        return owner if is_there else None

    def alive(self) -> frozenset[str]:
        """The members that are there, as far as this one knows."""
        return frozenset(self.table.alive(self._known_at))

    @property
    def is_member(self) -> bool:
        """Whether this member has signs of life in the table, and is told of them."""
        return self._now() < self._known_at + self.lease.own

    @property
    def served(self) -> int:
        """How many shards are served here."""
        return len(self._held)

    def fence_of(self, entity_id: str) -> Fence | None:
        """See ``Fences``."""
        return self._held.fence(shard_of(entity_id, len(self.table.shards)))

    def fenced(self, fence: Fence) -> None:
        """See ``Fences``."""
        shard = self._held.of(fence)
        if shard is not None:
            logger.warning("shard %d has a newer owner: this member stops serving it", shard)
            self._begin(shard, self._held.drop(shard))

    # --- Its life -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Join.

        Raises:
            EngineUnavailable: the engine cannot be reached.
        """
        await self._engine.watch(self._entry)
        # The table may have been lost just now, and a member that is cut off may not know yet.
        self._quiet_until = self._now() + self.lease.length
        self._beating = asyncio.get_running_loop().create_task(self._beat())

    async def leave(self, limit: float) -> None:
        """Give all shards to the others, for so many seconds at most, and go. Does nothing more when it has gone."""
        if self._is_gone:
            return
        self._is_leaving = True
        try:
            async with asyncio.timeout(limit):
                await self._sign()
                self._round()
                while self._busy or (self._held and self._others_can_take()):
                    await asyncio.sleep(_LOOK_AGAIN)
                    self._round()
        except (TimeoutError, EngineUnavailable) as error:
            logger.warning("%d shards were not handed over: %s", len(self._held), error or "no time is left")
        await self._end()

    def _others_can_take(self) -> bool:
        """Whether somebody stays to whom shards can be given."""
        staying = (name for name, leaves in self.table.alive(self._known_at).items() if not leaves)
        return self._may_move and any(name != self.me for name in staying)

    async def _end(self) -> None:
        self._is_gone = True
        tasks = [*self._busy.values(), *self._signs] + ([self._beating] if self._beating is not None else [])
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._held.clear()
        try:
            async with asyncio.timeout(self.lease.beat):
                await self._engine.delete(f"member.{self.me}")
        except (TimeoutError, EngineUnavailable, Overtaken) as error:
            logger.info("this member's record stays in the table until it is old: %s", error or "no answer")

    async def _beat(self) -> None:
        """Signs of life, for ever."""
        while True:
            if len(self._signs) < _MOST_SIGNS:
                sign = asyncio.get_running_loop().create_task(self._sign())
                self._signs.add(sign)
                sign.add_done_callback(self._signs.discard)
            if self._beat_number % 4 == 0:
                self.nearness.fade()
                await self._tidy()
            # Whoever would be gone by then is judged as of a sign of life that begins just after that.
            now = self._now()
            await asyncio.sleep(min(self.lease.beat, self.table.expiry(now) + _JUST_AFTER - now))

    async def _sign(self) -> None:
        """Write one sign of life. It counts when it is told, whatever comes of the writing."""
        self._beat_number += 1
        self._beats[self._beat_number] = self._now()
        self._beats.pop(self._beat_number - _MOST_UNTOLD, None)
        try:
            async with asyncio.timeout(self.lease.length):
                await self._engine.put(f"member.{self.me}", standing(self._is_leaving, self._beat_number))
        except (EngineUnavailable, TimeoutError) as error:
            logger.warning("the cluster's engine does not answer: %s", error or "no answer in time")

    def _trust(self, beat: int) -> None:
        """A sign of life of this member has been told, and with it everything that was written before."""
        begun = self._beats.get(beat)
        if begun is None or begun <= self._known_at:
            return
        self._beats = {later: at for later, at in self._beats.items() if later > beat}
        if not self.is_member:  # nothing was told for long, so nothing was heard of the others either
            self.table.renewed(self._now())
        self._known_at = begun
        self._round_soon()

    async def _told(self, revision: int) -> None:
        """Wait until everything up to a revision has been told.

        Raises:
            EngineUnavailable: it takes longer than a lease.
        """
        try:
            async with asyncio.timeout(self.lease.length):
                while self._known_revision < revision:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError as error:
            raise EngineUnavailable("the table is told too late") from error

    async def _tidy(self) -> None:
        """Take away the records of members that have been gone for long."""
        for name, revision in self.table.forgotten(self._now()):
            try:
                async with asyncio.timeout(self.lease.beat):
                    await self._engine.delete(f"member.{name}", revision)
            except (EngineUnavailable, Overtaken, TimeoutError):
                return  # somebody else does it, or it is done at the next beat

    def _entry(self, entry: Entry) -> None:
        """The engine tells what is in its table."""
        now = self._now()
        before = self.table.news
        shard = self.table.changed(entry, now)
        if shard is not None:
            self._changed(shard)
            if not entry.value:  # the engine has lost its table: who serves a shard gets time to say so
                self._quiet_until = now + self.lease.length
        if entry.key == f"member.{self.me}":
            self._trust(beat_of(entry.value))
        self._known_revision = entry.revision
        self._news.set()
        if self.table.news != before:
            self._round_soon()

    def _round_soon(self) -> None:
        if not self._round_is_due:
            self._round_is_due = True
            asyncio.get_running_loop().call_later(self.lease.length / 200, self._round)

    # --- Rounds -------------------------------------------------------------------------------------------------------

    def _round(self) -> None:
        """Do what the plan says, as far as it is not being done."""
        self._round_is_due = False
        now = self._now()
        if not self.is_member or self._is_gone:
            return
        alive = self.table.alive(self._known_at)
        leaving = frozenset(name for name, leaves in alive.items() if leaves)
        members = Members(alive.keys(), self.table.settled(self._known_at, self.lease.settle), leaving)
        owners = [owned.owner for owned in self.table.shards]
        self._keep_or_drop()
        for shard, owner in enumerate(owners):
            if owner == self.me and shard not in self._held and len(self._busy) < MOST_TAKEN:
                self._begin(shard, self._held.take(shard))
        near = self.nearness.near(self._held.shards) if self._may_move else {}
        resting = self._held.since(asyncio.get_running_loop().time() - self.lease.rest)
        made = plan(self.me, members, owners, near, resting, MOST_GIVEN, self._may_move)
        if now >= self._quiet_until or len(members.eligible) >= self._expected > 1:
            for shard in made.acquire[: max(0, MOST_TAKEN - len(self._busy))]:
                self._begin(shard, self._held.acquire(shard))
        for shard, to in made.hand_off[: max(0, MOST_GIVEN - len(self._busy))]:
            if shard in self._held:
                self._begin(shard, self._held.hand_off(shard, to))

    def _keep_or_drop(self) -> None:
        """What is served and is not as it was when it was taken."""
        for shard in list(self._held.shards):
            if self.table.shards[shard].owner == NOBODY:
                self._begin(shard, self._held.claim(shard))
            elif not self._held.has(shard):
                self._begin(shard, self._held.drop(shard))

    def _begin(self, shard: int, work: Coroutine[Any, Any, None]) -> None:
        if shard in self._busy:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work)
        self._busy[shard] = task
        task.add_done_callback(lambda done: self._ended(shard, done))

    def _ended(self, shard: int, task: asyncio.Task[None]) -> None:
        del self._busy[shard]
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("shard %d could not be moved", shard, exc_info=error)
        self._round_soon()
