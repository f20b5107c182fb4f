"""Many deadlines, one timer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from cloudstate.runtime.transport.deadlines import TICK, Deadlines


class Timer:
    """A timer of the loop below."""

    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self.when = when
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """As much of an event loop as deadlines need, with time that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(when, callback)
        self.timers.append(timer)
        return timer

    def advance(self, seconds: float) -> None:
        self.now += seconds
        due = [timer for timer in self.timers if timer.when <= self.now and not timer.cancelled]
        self.timers = [timer for timer in self.timers if timer not in due]
        for timer in due:
            timer.callback()

    @property
    def armed(self) -> int:
        return sum(not timer.cancelled for timer in self.timers)


class Call:
    """Counts how often it expired."""

    def __init__(self) -> None:
        self.expired = 0

    def expire(self) -> None:
        self.expired += 1


def made() -> tuple[Loop, Deadlines]:
    loop = Loop()
    return loop, Deadlines(cast("asyncio.AbstractEventLoop", cast("Any", loop)))


def test_a_deadline_fires_once_and_not_early() -> None:
    loop, deadlines = made()
    call = Call()
    deadlines.add(call, 1)
    loop.advance(0.99)
    assert call.expired == 0
    loop.advance(0.01 + 2 * TICK)
    loop.advance(5)
    assert call.expired == 1
    assert loop.armed == 0


def test_a_dropped_deadline_does_not_fire() -> None:
    loop, deadlines = made()
    call = Call()
    deadlines.add(call, 1)[1].pop(call, None)
    loop.advance(2)
    assert call.expired == 0


def test_a_thousand_deadlines_need_one_timer() -> None:
    loop, deadlines = made()
    calls = [Call() for _ in range(1000)]
    for number, call in enumerate(calls):
        deadlines.add(call, 5 - number / 1000)
    assert loop.armed == 1
    for _ in range(1200):
        loop.advance(TICK)
    assert [call.expired for call in calls] == [1] * 1000


def test_an_earlier_deadline_moves_the_timer_forward() -> None:
    loop, deadlines = made()
    late, early = Call(), Call()
    deadlines.add(late, 10)
    deadlines.add(early, 1)
    loop.advance(1 + 2 * TICK)
    assert (early.expired, late.expired) == (1, 0)
    loop.advance(9.1)
    assert late.expired == 1


def test_far_deadlines_share_slots() -> None:
    _, deadlines = made()
    slots = {id(deadlines.add(Call(), 100 + number / 1000)[1]) for number in range(1000)}
    assert len(slots) <= 2


def test_close_forgets_everything() -> None:
    loop, deadlines = made()
    call = Call()
    deadlines.add(call, 1)
    deadlines.close()
    loop.advance(5)
    assert call.expired == 0
