"""Clients that count: what they were told is a history that has to be linearizable, whatever happens to the nodes."""

from __future__ import annotations

import asyncio
from collections import Counter as Count
from collections.abc import Iterable, Sequence

from tests.histories import Operation, violations

from cloudstate.runtime.cluster.setting import Lease, Setting
from cloudstate.runtime.errors import CommandRejected, StatusCode
from cloudstate.runtime.host import HostLimits
from cloudstate.runtime.testing.simulation import Member, Node, NodeDown, World, member
from counter import Counter
from counting.counting_pb2 import GetTotalRequest, IncreaseRequest

SHARDS = 16
LEASE = Lease()
#: What every node runs.
PROGRAM = member(Counter, setting=Setting("counting", SHARDS, LEASE), limits=HostLimits(window=1000))
#: A caller waits so many seconds for an answer, and tries again for so many.
PATIENCE, STAMINA = 5.0, 60.0
#: Failures after which a caller may try again.
NOT_NOW = {StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED, StatusCode.ABORTED}


class Clients:
    """Callers that add to counters and read them, at any node.

    Attributes:
        history: what was acknowledged.
        unknown: adds of each counter that were given up; each may have been made.
        refused: attempts that failed, by why.
    """

    def __init__(self, world: World, counters: int = 8) -> None:
        self.world = world
        self.counters = [f"c{number}" for number in range(counters)]
        self.history: list[Operation] = []
        self.unknown: Count[str] = Count()
        self.refused: Count[str] = Count()
        self._seen: Count[str] = Count()
        self._numbers = 0
        self._is_over = False

    async def run(self, count: int) -> None:
        """Call until ``finish``."""
        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(self._client())

    def finish(self) -> None:
        """Let every caller end after the call that it is in."""
        self._is_over = True

    async def settled(self, nodes: Sequence[Node[Member]], limit: float) -> float:
        """Wait until every shard is served once and every counter answers; gives how long that took, in seconds."""
        begin = self.world.now
        async with asyncio.timeout(limit):
            while served(nodes) != SHARDS:  # noqa: ASYNC110 - time is virtual
                await asyncio.sleep(0.05)
            for counter in self.counters:
                while not await self._attempt(counter, False, "", self.world.now):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        return self.world.now - begin

    def check(self) -> None:
        """Fail unless the history is what one counter each could have given."""
        found = violations(self.history, self.unknown)
        assert not found, "\n".join(found)
        assert not self.world.journal.unfenced, "an append had no fence"

    async def _client(self) -> None:
        while not self._is_over:
            await asyncio.sleep(self.world.random.uniform(0.01, 0.5))
            await self._operation(self.world.random.choice(self.counters), self.world.random.random() < 0.7)

    async def _operation(self, counter: str, adds: bool) -> None:
        self._numbers += 1
        id, begin, least = f"id{self._numbers}", self.world.now, self._seen[counter] + adds
        while not await self._attempt(counter, adds, id, begin):
            if self.world.now > begin + STAMINA:
                self.unknown[counter] += adds
                return
            await asyncio.sleep(self.world.random.uniform(0.01, 0.2))
        result = self.history[-1].result
        assert result >= least, f"{id} began at {begin:.6f}, {counter} was {least - adds} before that, now {result}"

    async def _attempt(self, counter: str, adds: bool, id: str, begin: float) -> bool:
        """Ask a node that is ready once."""
        ready = [node for node in self.world.nodes.values() if node.is_ready]
        if not ready:
            return False
        node: Node[Member] = self.world.random.choice(ready)
        try:
            async with asyncio.timeout(PATIENCE + 1):
                result = await node.run(lambda member: _asked(member, counter, adds, id))
        except (NodeDown, TimeoutError, CommandRejected) as error:
            if isinstance(error, CommandRejected) and error.status not in NOT_NOW:
                raise
            self.refused[str(error) or "no answer"] += 1
            return False
        self._seen[counter] = max(self._seen[counter], result)
        self.history.append(Operation(counter, adds, begin, self.world.now, result))
        self.world.trace.note("client", f"{counter}: {'add' if adds else 'read'} {id} at {node.name} gave {result}")
        return True


def served(nodes: Iterable[Node[Member]]) -> int:
    """How many shards these nodes serve."""
    return sum(node.service.sharding.node.served for node in nodes if node.service)


async def _asked(member: Member, counter: str, adds: bool, id: str) -> int:
    if adds:
        total = await member.command("Increase", IncreaseRequest(counter_id=counter, by=1), id=id, limit=PATIENCE)
    else:
        total = await member.command("GetTotal", GetTotalRequest(counter_id=counter), limit=PATIENCE)
    return int(total.value)
