"""Nodes of a simulation: they start, end, stand still and come back; failures say how to run them again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cloudstate.runtime.cluster.engine import EngineUnavailable
from cloudstate.runtime.testing.simulation import Node, NodeDown, Program, Rates, World, mixed_faults, simulate


class Counter:
    """A service that counts in memory."""

    def __init__(self, node: Node[Counter]) -> None:
        self.node = node
        self.count = 0

    async def add(self) -> int:
        await asyncio.sleep(1)
        self.count += 1
        return self.count


def program(log: list[str]) -> Program[Counter]:
    @asynccontextmanager
    async def run(node: Node[Counter]) -> AsyncIterator[Counter]:
        try:
            yield Counter(node)
            log.append(f"{node.name} leaves")
        finally:
            log.append(f"{node.name} cleans up")

    return run


def test_a_client_gets_the_answer_of_a_node() -> None:
    async def scenario(world: World) -> list[int]:
        node = world.add_node(program([]))
        await node.ready()
        return [await node.run(Counter.add) for _ in range(3)]

    assert simulate(1, scenario) == [1, 2, 3]


def test_a_client_gets_the_error_of_a_node() -> None:
    async def fail(_: Counter) -> None:
        raise ValueError("no")

    async def scenario(world: World) -> None:
        node = world.add_node(program([]))
        await node.ready()
        with pytest.raises(ValueError, match="no"):
            await node.run(fail)

    simulate(1, scenario)


def test_a_killed_node_answers_nobody_and_cleans_nothing_up() -> None:
    log: list[str] = []

    async def scenario(world: World) -> None:
        node = world.add_node(program(log))
        await node.ready()
        asking = asyncio.create_task(node.run(Counter.add))
        await asyncio.sleep(0.5)
        node.kill()
        with pytest.raises(NodeDown):
            await asking
        with pytest.raises(NodeDown):
            await node.run(Counter.add)
        await node.restart()
        assert await node.run(Counter.add) == 1
        assert node.starts == 2
        assert log == []

    simulate(1, scenario)


def test_a_stopped_node_ends_in_good_order() -> None:
    log: list[str] = []

    async def scenario(world: World) -> None:
        node = world.add_node(program(log))
        await node.ready()
        await node.stop()
        assert log == ["node1 leaves", "node1 cleans up"]
        assert not node.is_running

    simulate(1, scenario)


def test_a_paused_node_answers_when_it_goes_on() -> None:
    async def scenario(world: World) -> float:
        node = world.add_node(program([]))
        await node.ready()
        node.pause()
        asking = asyncio.create_task(node.run(Counter.add))
        await asyncio.sleep(100)
        assert not asking.done()
        node.resume()
        assert await asking == 1
        return world.now

    assert simulate(1, scenario) == pytest.approx(101, abs=0.5)


def test_who_gives_up_waiting_ends_the_work() -> None:
    async def scenario(world: World) -> int:
        node = world.add_node(program([]))
        await node.ready()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await node.run(Counter.add)
        await asyncio.sleep(10)
        assert node.service is not None
        return node.service.count

    assert simulate(1, scenario) == 0


def test_a_program_that_cannot_start_is_started_again() -> None:
    @asynccontextmanager
    async def run(node: Node[Node]) -> AsyncIterator[Node]:  # type: ignore[type-arg]
        if node.starts < 3:
            raise EngineUnavailable("not yet")
        yield node

    async def scenario(world: World) -> float:
        node = world.add_node(run)
        await node.ready()
        assert node.starts == 3
        return world.now

    assert simulate(1, scenario) == pytest.approx(2, abs=0.1)


def test_a_program_that_fails_fails_the_simulation() -> None:
    @asynccontextmanager
    async def run(node: Node[int]) -> AsyncIterator[int]:
        yield 1
        raise ZeroDivisionError(node.name)

    async def scenario(world: World) -> None:
        node = world.add_node(run)
        await node.ready()
        await node.stop()

    with pytest.raises(AssertionError, match="node1: the program failed: ZeroDivisionError"):
        simulate(1, scenario)


def test_wall_clocks_jump_and_monotonic_clocks_do_not() -> None:
    async def scenario(world: World) -> None:
        node = world.add_node(program([]))
        wall, monotonic = node.clock.wall(), node.clock.monotonic()
        node.clock.jump(-3600)
        assert node.clock.wall() == wall - 3600
        assert node.clock.monotonic() == monotonic

    simulate(1, scenario)


def test_a_failure_says_how_to_run_it_again() -> None:
    async def scenario(world: World) -> None:
        node = world.add_node(program([]))
        await node.ready()
        node.kill()
        raise ValueError("wrong")

    with pytest.raises(AssertionError, match=r"^ValueError: wrong") as caught:
        simulate(17, scenario)
    *before, last = str(caught.value).splitlines()
    assert last.startswith("reproduce with: SEED=17 python -m pytest 'tests/unit/runtime/testing/simulation/test_world")
    assert last.endswith("::test_a_failure_says_how_to_run_it_again'")
    assert any("node1" in line and "is killed" in line for line in before)


def test_a_failure_of_a_group_says_what_failed() -> None:
    async def fail() -> None:
        raise ValueError("wrong")

    async def scenario(_: World) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())

    with pytest.raises(AssertionError, match=r"^ValueError: wrong\n"):
        simulate(1, scenario)


def test_faults_are_the_same_for_the_same_seed_and_end() -> None:
    def checksum(seed: int) -> int:
        async def scenario(world: World) -> int:
            nodes = [world.add_node(program([])) for _ in range(3)]
            await mixed_faults(world, 3600, Rates(kill=100, pause=100, jump=100))
            await world.ready()
            assert not any(node.is_paused for node in nodes)
            assert all(world.network.is_reached(node.name) and world.journal.is_reached(node.name) for node in nodes)
            return world.trace.checksum

        return simulate(seed, scenario)

    assert checksum(1) == checksum(1) != checksum(2)


def test_what_the_scenario_leaves_running_is_cancelled() -> None:
    log: list[str] = []

    async def client() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            log.append("ends")

    async def scenario(_: World) -> None:
        running = asyncio.create_task(client())
        await asyncio.sleep(1)
        assert not running.done()

    simulate(1, scenario)
    assert log == ["ends"]
