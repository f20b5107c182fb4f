"""The event loop of simulations: virtual time, processes, and the same run for the same seed."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from cloudstate.runtime.testing.simulation import Process, SimulatedLoop, Stuck, TooLong, Unhandled


@pytest.fixture
def loop() -> Iterator[SimulatedLoop]:
    loop = SimulatedLoop(1)
    yield loop
    loop.close()


def process(loop: SimulatedLoop, name: str, work: Coroutine[Any, Any, object], **options: float) -> Process:
    process = Process(name, **options)
    loop.start(process)
    loop.run_in(process, work)
    return process


async def tick(log: list[str], name: str, times: int = 5) -> None:
    try:
        for number in range(times):
            log.append(f"{name}{number}")
            await asyncio.sleep(1)
    finally:
        log.append(f"{name} ends")


def run(seed: int) -> tuple[list[str], int, int]:
    """Three processes that tick; what they logged, and what the loop counted."""
    loop, log = SimulatedLoop(seed), list[str]()

    async def scenario() -> list[str]:
        for name in "abc":
            process(loop, name, tick(log, name), cost=0.001)
        await asyncio.sleep(10)
        return list(log)

    result = loop.run_until_complete(scenario())
    loop.close()
    return result, loop.steps, loop.fingerprint


def test_a_seed_gives_the_same_run_twice() -> None:
    assert run(1) == run(1)


def test_other_seeds_give_other_orders() -> None:
    assert len({tuple(run(seed)[0]) for seed in range(10)}) > 3


def test_an_hour_is_over_at_once(loop: SimulatedLoop) -> None:
    async def sleep() -> float:
        await asyncio.sleep(3600)
        return loop.time()

    assert loop.run_until_complete(sleep()) == pytest.approx(3600)
    assert loop.steps < 20


def test_what_is_ready_in_one_process_runs_in_order(loop: SimulatedLoop) -> None:
    log: list[str] = []

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            for name in "abc":
                group.create_task(tick(log, name, 1))

    loop.run_until_complete(scenario())
    assert log[:3] == ["a0", "b0", "c0"]


def test_a_paused_process_goes_on_where_it_was(loop: SimulatedLoop) -> None:
    log: list[str] = []

    async def scenario() -> None:
        ticking = process(loop, "a", tick(log, "a"))
        await asyncio.sleep(1.5)
        ticking.pause()
        await asyncio.sleep(100)
        assert log == ["a0", "a1"]
        ticking.resume()
        await asyncio.sleep(0.5)
        assert log == ["a0", "a1", "a2"]

    loop.run_until_complete(scenario())


def test_a_killed_process_runs_nothing_any_more(loop: SimulatedLoop) -> None:
    log: list[str] = []

    async def scenario() -> None:
        ticking = process(loop, "a", tick(log, "a"))
        await asyncio.sleep(1.5)
        loop.kill(ticking)
        gc.collect()
        await asyncio.sleep(10)
        assert log == ["a0", "a1"]

    loop.run_until_complete(scenario())


def test_what_a_killed_process_leaves_makes_no_noise() -> None:
    loop = SimulatedLoop(1)

    async def stubborn() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(1)
            asyncio.get_running_loop().create_task(asyncio.sleep(1))

    async def numbers() -> Any:
        try:
            while True:
                yield await asyncio.sleep(1, 1)
        finally:
            await asyncio.sleep(1)

    async def read() -> None:
        async for _ in numbers():
            pass

    async def scenario() -> None:
        killed = [process(loop, "a", work) for work in (stubborn(), read(), stubborn())]
        await asyncio.sleep(5)
        killed.append(process(loop, "b", stubborn()))  # it has not begun
        for each in killed:
            loop.kill(each)

    loop.run_until_complete(scenario())
    loop.close()
    gc.collect()  # pytest fails on whatever is said now


def test_clocks_of_processes_differ(loop: SimulatedLoop) -> None:
    log: list[float] = []

    async def look() -> None:
        before = asyncio.get_running_loop().time()
        await asyncio.sleep(10)
        log.extend((before, asyncio.get_running_loop().time() - before, loop.now))

    async def scenario() -> None:
        process(loop, "a", look(), clock_begin=5000.0, clock_rate=2.0)
        await asyncio.sleep(6)

    loop.run_until_complete(scenario())
    assert log == [5000.0, pytest.approx(10.0), pytest.approx(5.0)]


def test_callbacks_take_time(loop: SimulatedLoop) -> None:
    async def spin() -> float:
        for _ in range(1000):
            await asyncio.sleep(0)
        return loop.now

    slow = Process("slow", cost=0.01)
    loop.start(slow)
    assert loop.run_until_complete(loop.run_in(slow, spin())) == pytest.approx(10.0, rel=0.2)


def test_it_says_that_nothing_can_happen_any_more(loop: SimulatedLoop) -> None:
    async def wait() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Stuck, match="nothing can happen"):
        loop.run_until_complete(wait())


def test_it_names_what_is_paused_when_nothing_can_happen(loop: SimulatedLoop) -> None:
    async def scenario() -> None:
        paused = process(loop, "a", asyncio.sleep(1))
        paused.pause()
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Stuck, match="paused: a"):
        loop.run_until_complete(scenario())


@pytest.mark.parametrize(("bounds", "what"), [({"max_steps": 100}, "100 steps"), ({"max_time": 10.0}, "10 virtual")])
def test_it_is_bounded(bounds: Any, what: str) -> None:
    loop, log = SimulatedLoop(1, **bounds), list[str]()
    with pytest.raises(TooLong, match=what):
        loop.run_until_complete(tick(log, "a", 1000))
    loop.close()


def test_an_error_that_nobody_handles_ends_it(loop: SimulatedLoop) -> None:
    async def scenario() -> None:
        loop.call_later(1, lambda: 1 / 0)
        await asyncio.sleep(10)

    with pytest.raises(Unhandled, match="ZeroDivisionError"):
        loop.run_until_complete(scenario())
    assert loop.now < 2


def test_there_are_no_threads(loop: SimulatedLoop) -> None:
    async def scenario() -> None:
        await asyncio.to_thread(print)

    with pytest.raises(RuntimeError, match="no threads"):
        loop.run_until_complete(scenario())


def test_cancelled_timers_are_thrown_away(loop: SimulatedLoop) -> None:
    async def scenario() -> None:
        for _ in range(10_000):
            async with asyncio.timeout(3600):
                await asyncio.sleep(0)

    loop.run_until_complete(scenario())
    assert len(loop._timers) < 500


def test_a_set_of_tasks_has_an_order(loop: SimulatedLoop) -> None:
    async def scenario() -> list[int]:
        tasks = {asyncio.create_task(asyncio.sleep(1, number)) for number in range(5)}
        done, _ = await asyncio.wait(tasks)
        return [task.result() for task in done]

    assert loop.run_until_complete(scenario()) == [0, 1, 2, 3, 4]
