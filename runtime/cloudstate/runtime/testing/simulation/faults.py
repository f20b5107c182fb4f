"""Mixed faults, drawn from a seed: what begins when, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, fields, replace
from typing import Any

from cloudstate.runtime.testing.simulation.network import Conditions
from cloudstate.runtime.testing.simulation.node import Node
from cloudstate.runtime.testing.simulation.world import World


@dataclass(frozen=True, slots=True)
class Rates:
    """How many faults of each kind begin in an hour, in the whole cluster.

    Attributes:
        kill: a node is killed, and started again later.
        restart: a node is stopped in good order, and started again.
        pause: a node stands still.
        slow: everything that a node does takes 100 to 2,000 times as long.
        cut: a node cannot reach the engine.
        cut_journal: a node cannot reach the journal.
        split: the engine is split; some nodes are on the side that takes no writes.
        forget: the engine loses its table.
        slow_engine: the engine takes up to seconds for everything.
        loss: a third of all messages, and of requests to the engine and the journal, is lost, or the answer is.
        jump: the wall clock of a node jumps by up to an hour.
    """

    kill: float = 20.0
    restart: float = 10.0
    pause: float = 20.0
    slow: float = 10.0
    cut: float = 20.0
    cut_journal: float = 10.0
    split: float = 5.0
    forget: float = 3.0
    slow_engine: float = 5.0
    loss: float = 10.0
    jump: float = 10.0


async def mixed_faults(world: World, seconds: float, rates: Rates | None = None, longest: float = 15.0) -> None:
    """Let faults happen, several at a time perhaps, for so many virtual seconds; then heal everything.

    Args:
        longest: how long one fault lasts at most, in seconds.
    """
    rates = rates or Rates()
    kinds = [field.name for field in fields(rates)]
    weights = [getattr(rates, kind) for kind in kinds]
    until = world.now + seconds
    chance = world.random
    async with asyncio.TaskGroup() as running:
        while True:
            await asyncio.sleep(chance.expovariate(sum(weights) / 3600.0))
            if world.now >= until:
                break
            [kind] = chance.choices(kinds, weights)
            running.create_task(_FAULTS[kind](world, min(chance.uniform(0.1, longest), until - world.now)))
    world.heal()


async def _kill(world: World, seconds: float) -> None:
    node = _any(world)
    node.kill()
    await asyncio.sleep(seconds)
    node.start()


async def _restart(world: World, seconds: float) -> None:
    node = _any(world)
    try:
        async with asyncio.timeout(seconds):
            await node.stop()
    except TimeoutError:
        node.kill()
    node.start()


async def _pause(world: World, seconds: float) -> None:
    node = _any(world)
    node.pause()
    await asyncio.sleep(seconds)
    node.resume()


async def _slow(world: World, seconds: float) -> None:
    node = _any(world)
    node.slow(world.random.choice((100, 500, 2000)))
    await asyncio.sleep(seconds)
    node.slow()


async def _cut(world: World, seconds: float) -> None:
    node = _any(world)
    node.cut()
    await asyncio.sleep(seconds)
    world.network.mend(node.name)


async def _cut_journal(world: World, seconds: float) -> None:
    node = _any(world)
    world.journal.cut(node.name)
    await asyncio.sleep(seconds)
    world.journal.mend(node.name)


async def _split(world: World, seconds: float) -> None:
    names = list(world.nodes)
    world.network.split(world.random.sample(names, world.random.randint(1, max(1, len(names) - 1))))
    await asyncio.sleep(seconds)
    world.network.join()


async def _forget(world: World, _: float) -> None:
    world.network.forget()


async def _slow_engine(world: World, seconds: float) -> None:
    slowest = world.random.uniform(0.1, 3.0)
    world.network.conditions = replace(world.network.conditions, delay=(0.0, slowest), lag=(0.0, slowest))
    await asyncio.sleep(seconds)
    usual = Conditions()
    world.network.conditions = replace(world.network.conditions, delay=usual.delay, lag=usual.lag)


async def _loss(world: World, seconds: float) -> None:
    network, journal = world.network, world.journal
    network.conditions = replace(network.conditions, loss=0.3, unanswered=0.3)
    journal.conditions = replace(journal.conditions, unanswered=0.3)
    world.trace.note("network", "a third of everything is lost")
    await asyncio.sleep(seconds)
    network.conditions = replace(network.conditions, loss=0.0, unanswered=0.0)
    journal.conditions = replace(journal.conditions, unanswered=0.0)
    world.trace.note("network", "nothing is lost any more")


async def _jump(world: World, _: float) -> None:
    _any(world).clock.jump(world.random.uniform(-3600.0, 3600.0))


def _any(world: World) -> Node[Any]:
    return world.random.choice(list(world.nodes.values()))


_FAULTS: dict[str, Callable[[World, float], Coroutine[Any, Any, None]]] = {
    "kill": _kill,
    "restart": _restart,
    "pause": _pause,
    "slow": _slow,
    "cut": _cut,
    "cut_journal": _cut_journal,
    "split": _split,
    "forget": _forget,
    "slow_engine": _slow_engine,
    "loss": _loss,
    "jump": _jump,
}
