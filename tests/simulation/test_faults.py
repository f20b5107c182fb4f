"""Counters on a cluster whose nodes are killed, stopped, cut off and scaled, while clients count.

Every history has to be linearizable, with every acknowledged add made exactly once, and once everything is healed,
every shard is served again within a bounded time. ``SEEDS=1000 python -m pytest tests/simulation -k pause`` takes
more seeds; ``SEED=7`` takes one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from tests.simulation.clients import LEASE, PROGRAM, SHARDS, Clients, served

from cloudstate.runtime.testing.simulation import Member, Node, World, seeds, simulate

CORPUS = seeds(range(5))
#: Seconds after which a shard whose owner was lost is served again; and after which everything has settled.
SOON, SETTLED = LEASE.length + 2.0, 20.0

Nodes = Sequence[Node[Member]]


def counted(seed: int, count: int, fault: Callable[[World, list[Node[Member]]], Awaitable[None]]) -> Clients:
    """Have clients count on so many nodes while something happens to them; everything is checked."""

    async def scenario(world: World) -> Clients:
        nodes = [world.add_node(PROGRAM) for _ in range(count)]
        clients = Clients(world)
        await world.ready()
        await clients.settled(nodes, SETTLED)
        running = asyncio.create_task(clients.run(6))
        await asyncio.sleep(world.random.uniform(0.5, 2.0))
        await fault(world, nodes)
        await asyncio.sleep(2.0)
        clients.finish()
        await running
        world.heal()
        await world.ready()
        await clients.settled(list(world.nodes.values()), SETTLED)
        clients.check()
        return clients

    return simulate(seed, scenario)


@pytest.mark.parametrize("seed", CORPUS)
def test_kill(seed: int) -> None:
    async def kill(world: World, nodes: list[Node[Member]]) -> None:
        node = world.random.choice(nodes)
        for _ in range(3):
            node.kill()
            node = world.random.choice([other for other in nodes if other is not node])
            await served_by(world, [other for other in nodes if other.is_running], SOON)
            world.heal()
            await world.ready()
            await asyncio.sleep(world.random.uniform(0.0, 2.0))

    counted(seed, 3, kill)


@pytest.mark.parametrize("seed", CORPUS)
def test_pause(seed: int) -> None:
    async def pause(world: World, nodes: list[Node[Member]]) -> None:
        for _ in range(3):
            paused = world.random.choice(nodes)
            paused.pause()
            others = [node for node in nodes if node is not paused]
            await served_by(world, others, SOON)
            await asyncio.sleep(world.random.uniform(0.0, 3.0))
            paused.resume()
            await asyncio.sleep(world.random.uniform(0.0, 2.0))

    counted(seed, 3, pause)


@pytest.mark.parametrize("seed", CORPUS)
def test_partition(seed: int) -> None:
    async def cut(world: World, nodes: list[Node[Member]]) -> None:
        for _ in range(2):
            node = world.random.choice(nodes)
            node.cut()
            await asyncio.sleep(world.random.uniform(0.5, 8.0))
            node.heal()
            world.network.split([node.name for node in world.random.sample(nodes, world.random.randint(1, 2))])
            await asyncio.sleep(world.random.uniform(0.5, 8.0))
            world.network.join()
            await asyncio.sleep(world.random.uniform(0.0, 3.0))

    counted(seed, 3, cut)


@pytest.mark.parametrize("seed", CORPUS)
def test_table_forgets(seed: int) -> None:
    async def forget(world: World, nodes: list[Node[Member]]) -> None:
        for _ in range(3):
            world.network.forget()
            if world.random.random() < 0.5:
                await asyncio.sleep(world.random.uniform(0.0, 2.0))
                world.random.choice(nodes).kill()
            await asyncio.sleep(world.random.uniform(0.0, 8.0))
            world.heal()

    counted(seed, 3, forget)


@pytest.mark.parametrize("seed", CORPUS)
def test_rolling_restart(seed: int) -> None:
    async def restart(world: World, nodes: list[Node[Member]]) -> None:
        for node in nodes:
            await node.stop()
            node.start()
            await node.ready()
            await asyncio.sleep(1.0)

    assert not counted(seed, 3, restart).refused


@pytest.mark.parametrize("seed", CORPUS)
def test_scale(seed: int) -> None:
    async def scale(world: World, nodes: list[Node[Member]]) -> None:
        nodes += [world.add_node(PROGRAM) for _ in range(3)]
        await world.ready()
        await served_by(world, nodes, SETTLED)
        await evenly(nodes, SETTLED)
        for node in nodes[:4]:
            await node.stop()
            del world.nodes[node.name]
        await served_by(world, nodes[4:], SETTLED)

    assert not counted(seed, 3, scale).refused


async def served_by(world: World, nodes: Nodes, limit: float) -> None:
    """Wait until these nodes serve every shard."""
    begin = world.now
    while (count := served(nodes)) < SHARDS:
        assert world.now < begin + limit, f"{count} of {SHARDS} shards are served after {limit:g} s"
        await asyncio.sleep(0.05)


async def evenly(nodes: Nodes, limit: float) -> None:
    """Wait until no node serves two shards more than another."""
    async with asyncio.timeout(limit):
        while True:
            counts = [served([node]) for node in nodes]
            if max(counts) - min(counts) <= 1:
                return
            await asyncio.sleep(0.05)
