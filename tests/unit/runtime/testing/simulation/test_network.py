"""What the simulated network does to messages, and to the table, when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from cloudstate.runtime.cluster.engine import Engine, EngineUnavailable, Entry, Overtaken
from cloudstate.runtime.testing.simulation import Conditions, Node, World, simulate


class Peer:
    """A node that notes what it is told."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.heard: list[bytes] = []
        self.told: list[Entry] = []

    def table(self) -> dict[str, bytes]:
        """The table as it was told."""
        return {entry.key: entry.value for entry in self.told if entry.value}


@asynccontextmanager
async def peer(node: Node[Peer]) -> AsyncIterator[Peer]:
    made = Peer(node.engine)
    await made.engine.open()
    await made.engine.listen("all", made.heard.append)
    await made.engine.watch(made.told.append)
    yield made


async def peers(world: World, count: int = 3) -> list[Node[Peer]]:
    nodes = [world.add_node(peer) for _ in range(count)]
    await world.ready()
    return nodes


def at(node: Node[Peer]) -> Peer:
    assert node.service is not None
    return node.service


async def put(node: Node[Peer], key: str, value: bytes, revision: int | None = None) -> int:
    return await node.run(lambda peer: peer.engine.put(key, value, revision))


async def send(node: Node[Peer], *messages: bytes) -> None:
    async def sent(peer: Peer) -> None:
        for message in messages:
            peer.engine.send("all", message)

    await node.run(sent)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - time is virtual
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("seed", range(5))
def test_one_sender_is_heard_in_order_and_senders_overtake_each_other(seed: int) -> None:
    async def scenario(world: World) -> list[bytes]:
        first, second, third = await peers(world)
        world.network.conditions = Conditions(delay=(0.0, 1.0))
        await asyncio.gather(*(send(node, *[f"{node.name}{n}".encode() for n in range(9)]) for node in (first, second)))
        await until(lambda: len(at(third).heard) == 18)
        return at(third).heard

    heard = simulate(seed, scenario)
    for name in (b"node1", b"node2"):
        assert [message for message in heard if message.startswith(name)] == [b"%s%d" % (name, n) for n in range(9)]
    assert heard != sorted(heard)


def test_messages_are_lost() -> None:
    async def scenario(world: World) -> int:
        first, second, _ = await peers(world)
        world.network.conditions = Conditions(loss=0.5)
        await send(first, *[b"x"] * 1000)
        await asyncio.sleep(5)
        assert 1000 < world.network.lost < 2000  # of three deliveries each
        return len(at(second).heard)

    assert 400 < simulate(1, scenario) < 600


def test_a_node_that_is_cut_off_hears_nothing_and_writes_nothing() -> None:
    async def scenario(world: World) -> None:
        first, second, _ = await peers(world)
        first.cut()
        await send(second, b"lost")
        with pytest.raises(EngineUnavailable):
            await put(first, "member.a", b"1")
        await put(second, "member.b", b"2")
        await asyncio.sleep(5)
        assert (at(first).heard, at(first).told) == ([], [])
        first.heal()
        await until(lambda: at(first).table() == {"member.b": b"2"})  # everything is told again
        await send(second, b"heard")
        await until(lambda: at(first).heard == [b"heard"])

    simulate(1, scenario)


def test_the_smaller_side_of_a_split_writes_nothing_and_hears_its_own() -> None:
    async def scenario(world: World) -> None:
        first, second, third = await peers(world)
        world.network.split([first.name, second.name])
        await send(first, b"1")
        await send(third, b"3")
        await until(lambda: at(second).heard == [b"1"] and at(third).heard == [b"3"])
        with pytest.raises(EngineUnavailable):
            await put(first, "shard.1", b"a")
        await put(third, "shard.1", b"c")
        await asyncio.sleep(5)
        assert at(first).told == []
        world.network.join()
        await until(lambda: at(first).table() == at(second).table() == {"shard.1": b"c"})

    simulate(1, scenario)


def test_a_write_whose_answer_is_lost_was_made() -> None:
    async def scenario(world: World) -> str:
        node, *_ = await peers(world)
        world.network.conditions = Conditions(unanswered=0.5)
        try:
            await put(node, "member.a", b"1")
        except EngineUnavailable:
            return "lost and made" if world.network.table.entries() else "lost"
        return "made"

    assert {simulate(seed, scenario) for seed in range(30)} == {"made", "lost", "lost and made"}


def test_what_is_forgotten_is_told_as_deleted() -> None:
    async def scenario(world: World) -> None:
        first, second, _ = await peers(world)
        revision = await put(first, "shard.1", b"a", 0)
        world.network.forget()
        await asyncio.sleep(2)  # everybody connects anew
        await until(lambda: bool(at(second).told) and not at(second).told[-1].value)
        with pytest.raises(Overtaken):
            await put(first, "shard.1", b"b", revision)
        assert await put(first, "shard.1", b"b", at(second).told[-1].revision) > revision

    simulate(1, scenario)


def test_watchers_may_miss_what_is_overtaken() -> None:
    async def scenario(world: World) -> list[bytes]:
        first, second, _ = await peers(world)
        world.network.conditions = replace(Conditions(), lag=(0.5, 1.0))
        for number in range(20):
            await put(first, "member.a", b"%d" % number)
        await until(lambda: bool(at(second).told) and at(second).told[-1].value == b"19")
        return [entry.value for entry in at(second).told]

    told = simulate(1, scenario)
    assert 1 < len(told) < 20
    assert told == sorted(told, key=int)
