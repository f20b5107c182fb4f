"""The core on an engine: it is given time, messages and what the journal has, and its effects are carried out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from random import Random
from typing import Any

from cloudstate.runtime.cluster.engine import Engine
from cloudstate.runtime.crdt import UNKNOWN, Audience, Dot, EncodingInvalid, Record
from cloudstate.runtime.entity.crdt_messages import Consistency
from cloudstate.runtime.errors import CloudStateError
from cloudstate.runtime.journal.port import EntityKey
from cloudstate.runtime.metrics import Figure
from cloudstate.runtime.replication import frames
from cloudstate.runtime.replication.core import Change, Core
from cloudstate.runtime.replication.effects import (
    Effect,
    Hear,
    Learned,
    Look,
    Receipt,
    Reread,
    Send,
    Told,
    Warn,
)
from cloudstate.runtime.replication.limits import Limits
from cloudstate.runtime.replication.names import Names
from cloudstate.runtime.replication.port import Membership, Residents

logger = logging.getLogger(__name__)

#: Entities that are read from the journal for others at the same time. What is beyond is asked for again.
_MOST_READS = 256
#: One warning in so many seconds; there may be very many.
_WARNINGS = 1.0


class Replication:
    """Keeps the CRDT entities of one service alike on all members.

    Args:
        engine: open from before ``start`` until after ``close``.
        membership: looked at in every tick; ``members_changed`` has it looked at at once.
        service: its name, which all members give alike.
        chance: for pauses before something is tried again.
        limits: see there.
        is_current: whether this process is itself in touch with the cluster. While it is not, it may be the one that is
            gone, so whoever it no longer sees still counts.

    Attributes:
        overtaken: writes that others had forestalled, and that were begun anew.
    """

    def __init__(
        self,
        engine: Engine,
        membership: Membership,
        service: str,
        chance: Random,
        limits: Limits | None = None,
        is_current: Callable[[], bool] = lambda: True,
    ) -> None:
        self.me = membership.me
        self.chance = chance
        self.overtaken = 0
        self._engine = engine
        self._membership = membership
        self._is_current = is_current
        self._was_current: bool | None = None
        self._to_all = f"{service}.crdt"
        self._limits = limits or Limits()
        self._names = Names(engine, self.me, membership.members)
        self._core = Core(self.me, engine.largest, self._limits)
        self._residents: dict[str, Residents] = {}
        self._rereading: dict[EntityKey, list[Receipt | None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ticking: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Handle | None = None
        self._is_open = False
        self._warned_at = float("-inf")
        self._spread_out = self._unreached = self._missed = self._reread_again = 0

    @property
    def audience(self) -> Audience:
        """This member and all that are there."""
        return Audience(self.me, self._core.members)

    @property
    def node(self) -> str:
        """The name under which changes are made that all members write to one journal; may become another one."""
        return self._names.mine

    @property
    def compared(self) -> int:
        """How many entities are not known to be the same everywhere."""
        return self._core.compared

    def figures(self) -> list[Figure]:
        """What is counted."""
        counted = (
            ("changes", "Changes of CRDT entities that other members were told of.", self._spread_out),
            ("unreached", "Those that did not get as far in time as their commands asked for.", self._unreached),
            ("missed", "Changes of other members that came without what they follow.", self._missed),
            ("reread", "Entities that were read again from the shared journal.", self._reread_again),
            ("overtaken", "Writes that other members had forestalled, and that were begun anew.", self.overtaken),
        )
        figures = [Figure(f"cloudstate_cluster_crdt_{name}_total", "counter", text, n) for name, text, n in counted]
        text = "CRDT entities of which some member is not known to hold the same."
        return [*figures, Figure("cloudstate_cluster_crdt_compared", "gauge", text, self.compared)]

    def serve(self, residents: Residents) -> None:
        """Keep the entities of a type alike."""
        self._residents[residents.entity_type] = residents
        self._core.serve(residents)

    async def start(self) -> None:
        """Listen to the others. Serve no command before it has returned; serve all types before.

        Raises:
            EngineUnavailable: it cannot be reached now.
        """
        if any(residents.shared for residents in self._residents.values()):
            await self._names.open()
        await self._engine.listen(self._to_all, self._heard)
        await self._engine.listen(self._subject(self.me), self._heard)
        self._is_open = True
        self._core.largest = self._engine.largest
        self._tick()

    async def close(self) -> None:
        """Send what waits, then neither hear nor tell anything any more. Who still waits is told what is true now."""
        self._flush()
        self._is_open = False
        self._execute(self._core.tick(float("inf")))
        for handle in (self._ticking, self._flushing):
            if handle is not None:
                handle.cancel()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._names.close()

    def spread(
        self, key: EntityKey, delta: Record, after: Dot, consistency: Consistency, done: Callable[[bool], None] | None
    ) -> None:
        """Tell the others of a change, which is durable here.

        Args:
            after: the latest dot of this node before it.
            done: for more than LOCAL: told once whether the change is where it should be.
        """
        if not self._is_open:
            if done is not None:
                done(False)
            return
        self._spread_out += 1
        self._execute(self._core.spread(key, Change(delta, after), consistency, done, self._now()))
        self._soon()

    async def ask(self, key: EntityKey) -> Record:
        """What the other members know of an entity; of those that do not answer in time, nothing."""
        if self._core.is_alone or not self._is_open:
            return UNKNOWN
        answer: asyncio.Future[Record] = asyncio.get_running_loop().create_future()
        self._core.ask(key, answer, self._now())
        self._soon()
        return await answer

    def members_changed(self) -> None:
        """Have the membership looked at now."""
        was_current, self._was_current = self._was_current, self._is_current()
        if was_current is False and self._was_current:
            self._core.returned(self._now())
        elif was_current is not None and not self._was_current:
            return
        members = self._membership.members() | {self.me}
        if members == self._core.members:
            return
        logger.info("CRDT entities are kept alike by %s", ", ".join(sorted(members)))
        self._execute(self._core.members_changed(members, self._now()))
        for residents in self._residents.values():
            residents.members_changed(self.audience)

    # --- Time and messages --------------------------------------------------------------------------------------------

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _subject(self, member: str) -> str:
        return f"{self._to_all}.{member}"

    def _tick(self) -> None:
        pause = self._limits.tick * self.chance.uniform(0.8, 1.2)
        self._ticking = asyncio.get_running_loop().call_later(pause, self._tick)
        self.members_changed()
        self._execute(self._core.tick(self._now()))
        self._flush()

    def _soon(self) -> None:
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = None
        if self._is_open:
            self._execute(self._core.flush(self._now()))

    def _heard(self, message: bytes) -> None:
        if not self._is_open:
            return
        try:
            frame = frames.read(message)
        except EncodingInvalid as error:
            self._warn(Warn(f"a message to `{self._to_all}` cannot be read: {error}"))
            return
        self._execute(self._core.received(frame))
        self._soon()

    # --- Effects ------------------------------------------------------------------------------------------------------

    def _execute(self, effects: list[Effect]) -> None:
        for effect in effects:
            _DO[type(effect)](self, effect)

    def _send(self, effect: Send) -> None:
        subject = self._to_all if effect.member is None else self._subject(effect.member)
        for message in frames.packed(self.me, effect.items, self._engine.largest):
            self._engine.send(subject, message)

    def _hear(self, effect: Hear) -> None:
        done = None if effect.receipt is None else partial(self._merged, effect.key, effect.receipt)
        self._residents[effect.key.type].hear(effect.key.id, effect.record, done, effect.after)

    def _merged(self, key: EntityKey, receipt: Receipt, is_merged: bool) -> None:
        if is_merged:
            self._acknowledge(receipt)
        elif self._is_open:
            self._missed += 1
            self._execute(self._core.missed(key, receipt))
            self._soon()

    def _acknowledge(self, receipt: Receipt) -> None:
        if self._is_open:
            self._core.acknowledge(receipt)
            self._soon()

    def _tell(self, effect: Told) -> None:
        self._unreached += not effect.reached
        effect.ticket(effect.reached)

    def _learn(self, effect: Learned) -> None:
        if not effect.ticket.done():
            effect.ticket.set_result(effect.record)

    def _warn(self, effect: Warn) -> None:
        now = self._now()
        if now - self._warned_at >= _WARNINGS:
            self._warned_at = now
            logger.warning("%s", effect.text)

    # --- The journal --------------------------------------------------------------------------------------------------

    def _reread(self, effect: Reread) -> None:
        if effect.key in self._rereading:
            self._rereading[effect.key].append(effect.receipt)
        elif self._start(self._read_again(effect.key)):
            self._rereading[effect.key] = [effect.receipt]

    async def _read_again(self, key: EntityKey) -> None:
        """Read until nobody has told of a change since it was begun to be read."""
        residents = self._residents[key.type]
        try:
            while receipts := self._rereading[key]:
                self._rereading[key] = []
                self._reread_again += 1
                record = await self._stored(key)
                if record is None:
                    return
                if residents.is_resident(key.id):
                    residents.hear(key.id, record)
                for receipt in receipts:
                    if receipt is not None:
                        self._acknowledge(receipt)
        finally:
            del self._rereading[key]

    def _look(self, effect: Look) -> None:
        self._start(self._looked(effect))

    async def _looked(self, effect: Look) -> None:
        record = await self._stored(effect.key)
        if record is not None and self._is_open:
            self._execute(self._core.looked(effect, record))
            self._soon()

    async def _stored(self, key: EntityKey) -> Record | None:
        try:
            return await self._residents[key.type].stored(key.id)
        except CloudStateError as error:
            logger.info("`%s` entity `%s` cannot be read for other members: %s", key.type, key.id, error)
            return None

    def _start(self, work: Coroutine[Any, Any, None]) -> bool:
        if len(self._tasks) >= _MOST_READS:
            work.close()
            return False
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True


_DO: dict[type[Any], Callable[[Replication, Any], None]] = {
    Send: Replication._send,
    Hear: Replication._hear,
    Reread: Replication._reread,
    Look: Replication._look,
    Told: Replication._tell,
    Learned: Replication._learn,
    Warn: Replication._warn,
}
