"""The journal that nodes of a simulation share: who reaches it, what is lost, who is fenced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cloudstate.runtime.journal import AppendEvents, EntityKey, Fence, Fenced, Journal, JournalUnavailable
from cloudstate.runtime.payload import Payload
from cloudstate.runtime.testing.simulation import JournalConditions, Node, World, simulate

CART = EntityKey("cart", "alice")
EVENT = (Payload("type", b"x"),)


@asynccontextmanager
async def writer(node: Node[Journal]) -> AsyncIterator[Journal]:
    journal: Journal = node.journal
    await journal.open()
    yield journal
    await journal.close()


async def append(node: Node[Journal], expected: int, fence: Fence | None = None) -> int:
    return await node.run(lambda journal: journal.append(AppendEvents(CART, expected, EVENT, fence=fence)))


async def sequence(node: Node[Journal]) -> int:
    return (await node.run(lambda journal: journal.load(CART))).sequence


async def two(world: World) -> tuple[Node[Journal], Node[Journal]]:
    first, second = world.add_node(writer), world.add_node(writer)
    await world.ready()
    return first, second


def test_nodes_share_it_and_one_that_closes_closes_its_own() -> None:
    async def scenario(world: World) -> None:
        first, second = await two(world)
        assert await append(first, 0) == 1
        assert await append(second, 1) == 2
        await first.stop()
        assert await append(second, 2) == 3

    simulate(1, scenario)


def test_what_a_killed_node_wrote_stays() -> None:
    async def scenario(world: World) -> None:
        first, second = await two(world)
        await append(first, 0)
        first.kill()
        assert await sequence(second) == 1
        await first.restart()
        assert await sequence(first) == 1

    simulate(1, scenario)


def test_a_node_that_is_cut_off_writes_nothing() -> None:
    async def scenario(world: World) -> bool | None:
        first, second = await two(world)
        world.journal.cut(first.name)
        with pytest.raises(JournalUnavailable) as caught:
            await append(first, 0)
        with pytest.raises(JournalUnavailable):
            await sequence(first)
        assert await sequence(second) == 0
        first.heal()
        assert await append(first, 0) == 1
        return caught.value.retry_safe

    assert {simulate(seed, scenario) for seed in range(10)} == {True, None}


def test_an_append_whose_answer_is_lost_was_made() -> None:
    async def scenario(world: World) -> tuple[str, int]:
        first, _ = await two(world)
        world.journal.conditions = JournalConditions(unanswered=0.4)
        try:
            await append(first, 0)
            told = "answered"
        except JournalUnavailable as error:
            told = f"unanswered, {error.retry_safe}"
        return told, (await world.journal.store.load(CART)).sequence

    assert {simulate(seed, scenario) for seed in range(30)} == {
        ("answered", 1),
        ("unanswered, None", 0),
        ("unanswered, None", 1),
    }


def test_an_older_owner_is_fenced_once_the_newer_one_has_loaded() -> None:
    async def scenario(world: World) -> bool:
        first, second = await two(world)
        old = await first.run(lambda journal: journal.take_over("shop/1"))
        await append(first, 0, old)
        new = await second.run(lambda journal: journal.take_over("shop/1"))
        was_late = True
        try:
            await append(first, 1, old)
        except Fenced:
            was_late = False
        history = await second.run(lambda journal: journal.load(CART, fence=new))
        with pytest.raises(Fenced):
            await append(first, history.sequence, old)
        with pytest.raises(Fenced):
            await first.run(lambda journal: journal.load(CART, fence=old))
        await append(second, history.sequence, new)
        assert world.journal.unfenced == 0
        assert was_late == world.journal.fences_late
        return was_late

    assert {simulate(seed, scenario) for seed in range(10)} == {True, False}


def test_appends_of_one_node_are_written_in_the_order_of_the_calls() -> None:
    async def scenario(world: World) -> None:
        first, _ = await two(world)
        world.journal.conditions = JournalConditions(delay=(0.0, 1.0))

        async def many(journal: Journal) -> list[int]:
            appends = [AppendEvents(CART, number, EVENT) for number in range(20)]
            return await asyncio.gather(*map(journal.append, appends))

        assert await first.run(many) == list(range(1, 21))

    simulate(1, scenario)
