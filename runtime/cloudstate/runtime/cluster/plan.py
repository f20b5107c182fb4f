"""Who should own which shard: one member's part of a plan that all members make alike. Pure.

Three wishes, in this order. **Owned**: a shard without an owner gets one. **Balanced**: no member has more than its
share while another has less. **Near**: a shard follows its commands to the member where most of them arrive, so that
a mesh that sends commands of one shard to one member makes forwarding rare. Nearness never goes against balance: nobody
gets more than ``HIGH`` times, or is left with less than a ``HIGH``-th of, the mean.

Whoever is well placed stays: a plan moves as few shards as it can.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from heapq import heapify, heapreplace
from itertools import chain, repeat
from math import ceil
from typing import NamedTuple
from zlib import crc32

#: How far nearness may bend balance.
HIGH = 1.5


class Move(NamedTuple):
    """A shard of mine that another member should have."""

    shard: int
    to: str


class Plan(NamedTuple):
    """What a member should do.

    Attributes:
        acquire: shards that nobody owns, for me.
        hand_off: shards of mine that are better placed elsewhere.
    """

    acquire: tuple[int, ...] = ()
    hand_off: tuple[Move, ...] = ()


class Members(NamedTuple):
    """Who is there.

    Attributes:
        alive: everyone who may still own shards.
        eligible: those of them who may be given shards.
        leaving: those of them who give away what they have.
    """

    alive: AbstractSet[str]
    eligible: AbstractSet[str]
    leaving: AbstractSet[str] = frozenset()


def plan(
    me: str,
    members: Members,
    owners: Sequence[str],
    near: Mapping[int, str] | None = None,
    resting: AbstractSet[int] = frozenset(),
    most: int = 16,
    may_move: bool = True,
) -> Plan:
    """Say what one member should do.

    Args:
        owners: the owner of each shard, whoever that is.
        near: for shards of this member, the one where most of their commands arrive.
        resting: shards that have come just now: they stay, unless this member leaves.
        most: the largest number of shards to hand off now.
        may_move: False where a shard cannot leave its owner: its journal is nobody else's.
    """
    if not members.eligible:
        return Plan()
    counts = Counter({name: 0 for name in members.eligible})
    counts.update(owner for owner in owners if owner in members.eligible)
    acquire = _unowned(me, members, owners, counts)
    if not may_move:
        return Plan(acquire)
    mine = [shard for shard, owner in enumerate(owners) if owner == me]
    if me in members.leaving:
        return Plan((), tuple(_given_away(mine, counts, near or {})[:most]))
    if me not in members.eligible:
        return Plan()
    mine = [shard for shard in mine if shard not in resting]
    moves = _following(me, mine, counts, near or {}, len(owners) / len(members.eligible))
    gone = {move.shard for move in moves}
    moves += _balancing(me, [shard for shard in mine if shard not in gone], counts, near or {}, len(owners))
    return Plan(acquire, tuple(moves[:most]))


def _unowned(me: str, members: Members, owners: Sequence[str], counts: Counter[str]) -> tuple[int, ...]:
    """Give every shard without an owner to whoever has fewest; counts them."""
    fewest = [(count, crc32(name.encode()), name) for name, count in counts.items()]
    heapify(fewest)
    mine = []
    for shard, owner in enumerate(owners):
        if owner not in members.alive:
            count, tie, to = fewest[0]
            heapreplace(fewest, (count + 1, tie, to))
            counts[to] += 1
            if to == me:
                mine.append(shard)
    return tuple(mine)


def _given_away(mine: Sequence[int], counts: Counter[str], near: Mapping[int, str]) -> list[Move]:
    """All shards of a member that leaves: each to who has fewest, and of those to where it is near."""
    counts = Counter(counts)
    moves = []
    for shard in mine:
        to = min(counts, key=lambda name: (counts[name], name != near.get(shard), crc32(f"{name} {shard}".encode())))
        counts[to] += 1
        moves.append(Move(shard, to))
    return moves


def _following(me: str, mine: Sequence[int], counts: Counter[str], near: Mapping[int, str], mean: float) -> list[Move]:
    """Shards that follow their commands, within balance; counts them."""
    moves = []
    for shard in mine:
        to = near.get(shard, me)
        if to != me and to in counts and counts[to] + 1 <= ceil(mean * HIGH) and counts[me] - 1 >= mean / HIGH:
            counts[me] -= 1
            counts[to] += 1
            moves.append(Move(shard, to))
    return moves


def _balancing(me: str, mine: Sequence[int], counts: Counter[str], near: Mapping[int, str], shards: int) -> list[Move]:
    """My part of what evens the members out.

    Everyone pairs what is too much here with what is too little there, in the same order, and does its own part.
    """
    share, rest = divmod(shards, len(counts))
    names = sorted(counts, key=lambda name: (-counts[name], name))
    fair = {name: share + (place < rest) for place, name in enumerate(names)}  # the fullest keep the odd ones
    too_little = chain.from_iterable(repeat(name, max(0, fair[name] - counts[name])) for name in reversed(names))
    too_much = chain.from_iterable(repeat(name, max(0, counts[name] - fair[name])) for name in names)
    receivers = [receiver for giver, receiver in zip(too_much, too_little, strict=False) if giver == me]
    most_near = ceil(shards / len(counts) * HIGH)
    near_here = [shard for shard in mine if near.get(shard) == me]
    loose = [shard for shard in mine if near.get(shard) != me] + near_here[: max(0, counts[me] - most_near)]
    moves = []
    for receiver in receivers:
        if loose:
            shard = max(loose, key=lambda shard: (near.get(shard) == receiver, near.get(shard) != me, -shard))
            loose.remove(shard)
            moves.append(Move(shard, receiver))
    return moves
