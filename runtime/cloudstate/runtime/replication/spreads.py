"""Changes that wait until other members have them. Sans-IO: whoever uses it gives the time and sends.

An answer is given only for members that have acknowledged. MAJORITY is more than half of the members there were when
the change was made, and of those there are now, so it can be trusted whichever way the cluster changes meanwhile. ALL
is that, and everyone there is now: a member that has left is no longer waited for.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cloudstate.runtime.entity.crdt_messages import Consistency
from cloudstate.runtime.replication.items import Item

#: A change is sent again after so many seconds, then after twice as many, and so on.
AGAIN = 0.1


class Waiter(NamedTuple):
    """Whoever waits for a change, and for how many."""

    consistency: Consistency
    ticket: Any


class Result(NamedTuple):
    """Whoever waited no longer does. ``reached``: the change is where it should be."""

    ticket: Any
    reached: bool


class Again(NamedTuple):
    """Send a change again to these members."""

    members: frozenset[str]
    item: Item


@dataclass(slots=True)
class _Spread:
    """Invariant: somebody waits."""

    item: Item
    began_with: frozenset[str]
    waiters: list[Waiter]
    until: float
    again_at: float
    pause: float = AGAIN
    acked: set[str] = field(default_factory=set)


class Spreads:
    """See the module.

    Args:
        me: this member, which has everything.
        members: who is there, this member too.
        limit: how long anybody waits, in seconds.
    """

    def __init__(self, me: str, members: Collection[str], limit: float) -> None:
        self._me = me
        self._members = frozenset(members) | {me}
        self._limit = limit
        self._spreads: dict[int, _Spread] = {}

    def __len__(self) -> int:
        return len(self._spreads)

    def begin(self, number: int, item: Item, waiters: list[Waiter], now: float) -> list[Result]:
        """A change is sent for the first time."""
        self._spreads[number] = _Spread(item, self._members, waiters, now + self._limit, now + AGAIN, acked={self._me})
        return self._settle(number)

    def acked(self, number: int, member: str) -> list[Result]:
        """A member has a change."""
        spread = self._spreads.get(number)
        if spread is None:
            return []
        spread.acked.add(member)
        return self._settle(number)

    def members_changed(self, members: Collection[str]) -> list[Result]:
        """Members have come or gone."""
        self._members = frozenset(members) | {self._me}
        return [result for number in list(self._spreads) for result in self._settle(number)]

    def due(self, now: float) -> tuple[list[Again], list[Result]]:
        """What is to be sent again by now, and who has waited for too long."""
        again: list[Again] = []
        results: list[Result] = []
        for number, spread in list(self._spreads.items()):
            if spread.until <= now:
                del self._spreads[number]
                results += [Result(waiter.ticket, False) for waiter in spread.waiters]
            elif spread.again_at <= now:
                spread.pause *= 2
                spread.again_at = now + spread.pause
                again.append(Again(self._members - spread.acked, spread.item))
        return again, results

    def _settle(self, number: int) -> list[Result]:
        spread = self._spreads[number]
        results: list[Result] = []
        waiting: list[Waiter] = []
        for waiter in spread.waiters:
            if self._is_reached(spread, waiter.consistency):
                results.append(Result(waiter.ticket, True))
            else:
                waiting.append(waiter)
        spread.waiters = waiting
        if not waiting:
            del self._spreads[number]
        return results

    def _is_reached(self, spread: _Spread, consistency: Consistency) -> bool:
        if consistency is Consistency.ALL and not self._members <= spread.acked:
            return False
        return _is_majority(spread.acked, spread.began_with) and _is_majority(spread.acked, self._members)


def _is_majority(some: Collection[str], members: frozenset[str]) -> bool:
    return 2 * len(members.intersection(some)) > len(members)
