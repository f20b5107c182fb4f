"""Rooms, which are CRDTs, on a cluster under faults: all members come to the same, and nothing acknowledged is lost."""

from __future__ import annotations

import asyncio

import pytest

from chat.presence_pb2 import Look, People, Visit
from cloudstate.runtime.cluster.setting import Setting
from cloudstate.runtime.errors import CommandRejected
from cloudstate.runtime.testing.simulation import (
    Member,
    Node,
    NodeDown,
    Rates,
    World,
    member,
    mixed_faults,
    seeds,
    simulate,
)
from room import Room
from visits import Visits

PROGRAM = member(Room, Visits, setting=Setting("presence", 8))
ROOMS = ["kitchen", "hall"]
#: Seconds of faults, and seconds after which all members have the same once everything is healed.
LONG, SETTLED = 30.0, 30.0


class Guests:
    """Callers that enter rooms, each under a name of its own, and leave some of them.

    Attributes:
        entered: who was told to be in; never to leave.
        tried: who may be in.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.entered: dict[str, set[str]] = {room: set() for room in ROOMS}
        self.tried: dict[str, set[str]] = {room: set() for room in ROOMS}
        self.is_over = False
        self._numbers = 0

    async def run(self) -> None:
        """Enter rooms until it is over."""
        while not self.is_over:
            await asyncio.sleep(self.world.random.uniform(0.0, 0.4))
            self._numbers += 1
            room, name = self.world.random.choice(ROOMS), f"guest{self._numbers}"
            self.tried[room].add(name)
            leaves = self.world.random.random() < 0.3
            if await self._asked("Enter", room, name) and not leaves:
                self.entered[room].add(name)
            if leaves:
                await self._asked("Leave", room, name)

    async def _asked(self, command: str, room: str, name: str) -> bool:
        ready = [node for node in self.world.nodes.values() if node.is_ready]
        if not ready:
            return False
        visit = Visit(room=room, name=name)
        try:
            async with asyncio.timeout(5):
                await self.world.random.choice(ready).run(lambda member: member.command(command, visit, limit=4))
        except (NodeDown, TimeoutError, CommandRejected):
            return False
        return True


async def shown(node: Node[Member], room: str) -> list[str] | None:
    """Who is in a room; None: a fault is not over yet for a node."""
    try:
        people: People = await node.run(lambda member: member.command("Show", Look(room=room)))
    except CommandRejected:
        return None
    return list(people.names)


async def agreed(world: World, room: str) -> list[str]:
    """Wait until all nodes show the same."""
    until = world.now + SETTLED
    while True:
        seen = {node.name: await shown(node, room) for node in world.nodes.values()}
        [first, *others] = seen.values()
        if first is not None and all(other == first for other in others):
            return first
        assert world.now < until, f"after {SETTLED:g} s, in {room} are {seen}"
        await asyncio.sleep(0.5)


@pytest.mark.parametrize("seed", seeds(range(2)))
def test_replicas_come_to_the_same(seed: int) -> None:
    async def scenario(world: World) -> None:
        for _ in range(world.random.randint(3, 5)):
            world.add_node(PROGRAM)
        await world.ready()
        guests = Guests(world)
        running = [asyncio.create_task(guests.run()) for _ in range(3)]
        await mixed_faults(world, LONG, Rates(kill=200, pause=200, cut=200, cut_journal=100, split=100, loss=100))
        guests.is_over = True
        await asyncio.gather(*running)
        await world.ready()
        for room in ROOMS:
            people = set(await agreed(world, room))
            assert guests.entered[room] <= people, f"lost: {guests.entered[room] - people}"
            assert people <= guests.tried[room], f"nobody asked for {people - guests.tried[room]}"

    simulate(seed, scenario)
