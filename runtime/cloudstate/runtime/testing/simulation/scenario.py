"""Run a scenario with a seed; say how to run it again if it fails."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from cloudstate.runtime.testing.simulation.loop import SimulatedLoop
from cloudstate.runtime.testing.simulation.world import World

T = TypeVar("T")


def seeds(corpus: Iterable[int]) -> list[int]:
    """The seeds that a test is to run with: those given, unless the environment says otherwise.

    ``SEED=7`` means this one, ``SEEDS=1000`` the numbers from 0 to 999.
    """
    if "SEED" in os.environ:
        return [int(os.environ["SEED"])]
    if "SEEDS" in os.environ:
        return list(range(int(os.environ["SEEDS"])))
    return list(corpus)


def simulate(
    seed: int,
    scenario: Callable[[World], Coroutine[Any, Any, T]],
    *,
    max_time: float = 24 * 3600.0,
    max_steps: int = 5_000_000,
) -> T:
    """Run a scenario in a world of its own and give its result. It is not called from a running event loop.

    The scenario is the client of what it simulates: its own tasks belong to no node, and no fault touches them.

    Args:
        max_time: virtual seconds that it may take.
        max_steps: callbacks that may run.

    ``TRACE=1000`` in the environment shows so many of the last events of a run that fails, and not 80.

    Raises:
        AssertionError: it failed; with what happened last, and one line that runs it again.
    """
    loop = SimulatedLoop(seed, max_steps=max_steps, max_time=max_time)
    world = World(loop, seed, int(os.environ.get("TRACE", "80")))
    try:
        result: T = loop.run_until_complete(_run(scenario, world, loop))
        return result
    except Exception as error:
        raise AssertionError(_report(seed, world, error)) from error
    finally:
        loop.close()


async def _run(scenario: Callable[[World], Coroutine[Any, Any, T]], world: World, loop: SimulatedLoop) -> T:
    try:
        return await scenario(world)
    finally:
        for node in world.nodes.values():
            node.kill()
        left = [task for task in asyncio.all_tasks() if task in loop.main.tasks and task is not asyncio.current_task()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


def _report(seed: int, world: World, error: Exception) -> str:
    test = os.environ.get("PYTEST_CURRENT_TEST", "").removesuffix(" (call)")
    trace = "\n".join(world.trace.lines())
    again = f"SEED={seed} python -m pytest '{test}'" if test else f"simulate({seed}, ...)"
    what = "\n".join(f"{type(each).__name__}: {each}" for each in _single(error))
    return f"{what}\n\nWhat happened last:\n{trace}\n\nreproduce with: {again}"


def _single(error: BaseException) -> list[BaseException]:
    """The errors that a group is made of."""
    if isinstance(error, BaseExceptionGroup):
        return [single for each in error.exceptions for single in _single(each)]
    return [error]
