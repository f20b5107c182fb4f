"""Shards follow their commands: a mesh that sends the commands of a shard to one node makes passing on rare."""

from __future__ import annotations

import asyncio
from hashlib import blake2b

import pytest

from cloudstate.runtime.cluster.setting import Setting
from cloudstate.runtime.cluster.shards import shard_of
from cloudstate.runtime.testing.simulation import Member, Node, NodeDown, World, member, seeds, simulate
from counter import Counter
from counting.counting_pb2 import GetTotalRequest

SHARDS = 64
PROGRAM = member(Counter, setting=Setting("counting", SHARDS))


class Mesh:
    """Sends the commands of a shard to the node that a hash over the nodes that are there names."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._numbers = 0

    async def run(self, callers: int = 12) -> None:
        """Read counters, for ever."""
        async with asyncio.TaskGroup() as group:
            for _ in range(callers):
                group.create_task(self._caller())

    def misrouted(self) -> tuple[int, int]:
        """How many commands were passed on so far, and how many came in."""
        running = [node.service.sharding for node in self.world.nodes.values() if node.service is not None]
        passed_on = sum(sharding.passed_on for sharding in running)
        return passed_on, passed_on + sum(sharding.here for sharding in running)

    async def ratio(self, seconds: float) -> float:
        """What part of the commands is passed on in the seconds to come."""
        passed_on, all = self.misrouted()
        await asyncio.sleep(seconds)
        more, whole = self.misrouted()
        return (more - passed_on) / (whole - all)

    async def _caller(self) -> None:
        while True:
            await asyncio.sleep(self.world.random.uniform(0.0, 0.1))
            self._numbers += 1
            counter = f"c{self._numbers % 200}"
            try:
                await self._node(shard_of(counter, SHARDS)).run(
                    lambda member: member.command("GetTotal", GetTotalRequest(counter_id=counter))  # noqa: B023
                )
            except NodeDown:
                continue

    def _node(self, shard: int) -> Node[Member]:
        ready = [node for node in self.world.nodes.values() if node.is_ready]
        return max(ready, key=lambda node: blake2b(f"{node.name} {shard}".encode()).digest())


@pytest.mark.parametrize("seed", seeds(range(1)))
def test_few_commands_are_misrouted(seed: int) -> None:
    async def scenario(world: World) -> None:
        for _ in range(4):
            world.add_node(PROGRAM)
        await world.ready()
        mesh = Mesh(world)
        running = asyncio.create_task(mesh.run())
        await asyncio.sleep(60)
        assert await mesh.ratio(20) < 0.05
        joined = world.add_node(PROGRAM)
        await asyncio.sleep(60)
        assert await mesh.ratio(10) < 0.2
        await joined.stop()
        await asyncio.sleep(60)
        assert await mesh.ratio(10) < 0.2
        running.cancel()

    simulate(seed, scenario)
