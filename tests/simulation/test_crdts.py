"""CRDT entities of a whole cluster under mixed faults: nothing that was answered is lost, nothing is counted twice.

``HOURS=200 python -m pytest tests/simulation -k crdts`` simulates 200 hours, one hour for each seed. CI takes minutes.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter

import pytest

from chat.presence_pb2 import Look, Visit
from cloudstate.runtime.cluster.setting import Setting
from cloudstate.runtime.errors import CommandRejected
from cloudstate.runtime.testing.simulation import Member, Node, NodeDown, World, member, mixed_faults, seeds, simulate
from room import Room
from visits import Visits

HOURS = int(os.environ.get("HOURS", "0"))
LONG = 3600.0 if HOURS else 40.0
CORPUS = seeds(range(HOURS or 2))
PROGRAM = member(Room, Visits, setting=Setting("presence", 16))
#: A caller waits so many seconds for an answer. It does not try again.
PATIENCE = 5.0
#: Seconds after which all replicas are the same once everything is healed.
SETTLED = 20.0
ROOMS = [f"r{number}" for number in range(4)]


class Visitors:
    """Callers that come into rooms, each under a name of its own, and count visits, at any node."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.asked: Counter[str] = Counter()
        self.counted: Counter[str] = Counter()
        self.came: dict[str, set[str]] = {room: set() for room in ROOMS}
        self.answered: dict[str, set[str]] = {room: set() for room in ROOMS}
        self._is_over = False

    def finish(self) -> None:
        """Let every caller end after its call."""
        self._is_over = True

    async def run(self, count: int) -> None:
        """Call until ``finish``."""
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                group.create_task(self._visitor(number))

    async def _visitor(self, visitor: int) -> None:
        chance, number = self.world.random, 0
        while not self._is_over:
            await asyncio.sleep(chance.uniform(0.01, 0.5))
            room, name = chance.choice(ROOMS), f"{visitor}.{number}"
            number += 1
            if chance.random() < 0.5:
                self.came[room].add(name)
                if await self._call("Enter", Visit(room=room, name=name)):
                    self.answered[room].add(name)
            else:
                self.asked[room] += 1
                self.counted[room] += await self._call("Add", Look(room=f"only-{room}"))

    async def _call(self, command: str, message: Visit | Look) -> bool:
        ready = [node for node in self.world.nodes.values() if node.is_ready]
        if not ready:
            return False
        node: Node[Member] = self.world.random.choice(ready)
        try:
            async with asyncio.timeout(PATIENCE + 1):
                await node.run(lambda it: it.command(command, message, limit=PATIENCE))
        except (NodeDown, TimeoutError, CommandRejected):
            return False
        return True

    async def check(self) -> None:
        """Every node says the same of every room, and it is what the callers were told."""
        nodes: list[Node[Member]] = list(self.world.nodes.values())
        for room in ROOMS:
            people = [await self._shown(node, room) for node in nodes]
            assert people == people[:1] * len(nodes), room
            assert self.answered[room] <= people[0] <= self.came[room]
            visits = [await self._total(node, room) for node in nodes]
            assert visits == visits[:1] * len(nodes), room
            assert self.counted[room] <= visits[0] <= self.asked[room]

    @staticmethod
    async def _shown(node: Node[Member], room: str) -> set[str]:
        people = await node.run(lambda it: it.command("Show", Look(room=room)))
        return set(people.names)

    @staticmethod
    async def _total(node: Node[Member], room: str) -> int:
        count = await node.run(lambda it: it.command("Get", Look(room=f"only-{room}")))
        return int(count.visits)


@pytest.mark.parametrize("seed", CORPUS)
def test_replicas_under_mixed_faults(seed: int) -> None:
    async def scenario(world: World) -> None:
        for _ in range(world.random.randint(3, 5)):
            world.add_node(PROGRAM)
        await world.ready()
        visitors = Visitors(world)
        running = asyncio.create_task(visitors.run(4))
        await mixed_faults(world, LONG)
        visitors.finish()
        await running
        await world.ready()
        await asyncio.sleep(SETTLED)
        await visitors.check()
        assert sum(visitors.counted.values()) > LONG / 2

    simulate(seed, scenario)
