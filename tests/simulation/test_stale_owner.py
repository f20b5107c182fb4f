"""An owner that stands still in the middle of a command, and then writes: its shard is another's by now."""

from __future__ import annotations

import asyncio

import pytest
from tests.simulation.clients import LEASE

from cloudstate.runtime.authoring import EventSourcedContext
from cloudstate.runtime.cluster.setting import Setting
from cloudstate.runtime.cluster.shards import shard_of
from cloudstate.runtime.errors import CommandRejected, StatusCode
from cloudstate.runtime.testing.simulation import Member, Node, World, member, seeds, simulate
from counter import Counter
from counting.counting_pb2 import GetTotalRequest, IncreaseRequest, Total

SHARDS = 16


class SlowCounter(Counter):
    """A counter whose commands take a while."""

    async def increase(  # type: ignore[override]
        self, command: IncreaseRequest, ctx: EventSourcedContext[Total]
    ) -> Total:
        await asyncio.sleep(0.2)
        return super().increase(command, ctx)


PROGRAM = member(SlowCounter, setting=Setting("counting", SHARDS, LEASE))


async def add(node: Node[Member], id: str) -> int:
    total: Total = await node.run(
        lambda member: member.command("Increase", IncreaseRequest(counter_id="c", by=1), id=id, limit=30.0)
    )
    return total.value


async def told(asking: asyncio.Task[int]) -> int | StatusCode:
    """The answer of a command, or why there is none."""
    try:
        return await asking
    except CommandRejected as error:
        return error.status


@pytest.mark.parametrize("seed", seeds(range(3)))
def test_what_a_stale_owner_writes_is_fenced(seed: int) -> None:
    async def scenario(world: World) -> None:
        nodes = [world.add_node(PROGRAM) for _ in range(3)]
        await world.ready()
        assert await add(nodes[0], "first") == 1
        [owner] = [n for n in nodes if n.service and n.service.sharding.node.holds(shard_of("c", SHARDS))]
        other = next(node for node in nodes if node is not owner)
        stale = asyncio.create_task(add(owner, "stale"))
        await asyncio.sleep(0.1)  # the handler waits
        owner.pause()
        assert await add(other, "second") == 2
        await asyncio.sleep(world.random.uniform(0.0, 3.0))
        before = world.journal.counts["fenced"]
        owner.resume()
        assert await told(stale) in (3, StatusCode.UNAVAILABLE)  # 3: it was tried again, where the entity is now
        assert world.journal.counts["fenced"] == before + 1
        assert await add(owner, "stale") == 3
        total: Total = await owner.run(lambda member: member.command("GetTotal", GetTotalRequest(counter_id="c")))
        assert total.value == 3

    simulate(seed, scenario)
