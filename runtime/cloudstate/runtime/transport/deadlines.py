"""Deadlines of calls, kept in ticks: one loop timer for all of them, constant cost to add and to drop one.

Most calls end long before their deadline. A timer of the event loop for each would have to be made and cancelled; here
a call is put into the set of its tick and taken out again. A deadline is noticed at most one tick late; one that is
seconds away, 50 ms; more than a minute away, a second.
"""

from __future__ import annotations

import asyncio
import heapq
from typing import Protocol

TICK = 0.005

# Far deadlines share coarser ticks, so that the number of slots stays bounded whatever deadlines peers think of.
_FAR, _MINUTE, _HOUR = 2.0, 60.0, 3600.0
_FAR_TICKS, _MINUTE_TICKS, _HOUR_TICKS = 10, 200, 12_000


def _coarse(tick: int, seconds: float) -> int:
    ticks = _FAR_TICKS if seconds < _MINUTE else _MINUTE_TICKS if seconds < _HOUR else _HOUR_TICKS
    return -(-tick // ticks) * ticks


class Expires(Protocol):
    """What has a deadline."""

    def expire(self) -> None:
        """The deadline has passed; called at most once."""
        ...


Slot = dict[Expires, None]


class Deadlines:
    """The pending deadlines of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._slots: dict[int, Slot] = {}
        self._ticks: list[int] = []
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for = 0

    def add(self, target: Expires, seconds: float) -> tuple[float, Slot]:
        """Have ``target.expire()`` called in so many seconds.

        Returns:
            When that is (loop time), and the slot: ``slot.pop(target, None)`` drops the deadline.
        """
        when = self._loop.time() + seconds
        tick = int(when / TICK) + 1
        if seconds >= _FAR:
            tick = _coarse(tick, seconds)
        slot = self._slots.get(tick)
        if slot is None:
            slot = self._slots[tick] = {}
            heapq.heappush(self._ticks, tick)
            if self._timer is None or tick < self._armed_for:
                self._arm(tick)
        slot[target] = None
        return when, slot

    def close(self) -> None:
        """Forget everything."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._slots.clear()
        self._ticks.clear()

    def _arm(self, tick: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._armed_for = tick
        self._timer = self._loop.call_at(tick * TICK, self._fire)

    def _fire(self) -> None:
        self._timer = None
        now = int(self._loop.time() / TICK)
        due: list[Expires] = []
        while self._ticks and (self._ticks[0] <= now or not self._slots[self._ticks[0]]):
            due.extend(self._slots.pop(heapq.heappop(self._ticks)))
        if self._ticks:
            self._arm(self._ticks[0])
        for target in due:
            target.expire()
