"""The data types as one would write them down, without dots and contexts.

``model`` says what a set of changes means, given who had seen what; it looks at the whole history at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.property.crdt.histories import AUDIENCE, Op, element

from cloudstate.runtime.crdt import (
    Clock,
    EntryChange,
    FlagValue,
    GCounterValue,
    GSetValue,
    Kind,
    LWWRegisterValue,
    ORMapChange,
    ORMapValue,
    ORSetChange,
    ORSetValue,
    PNCounterChange,
    PNCounterValue,
    Value,
    VoteValue,
)
from cloudstate.runtime.payload import Payload


def model(kind: Kind, ops: list[Op]) -> Value:
    """What all of these changes mean together."""
    return _MODELS[kind](ops)


def _sum(ops: list[Op]) -> int:
    changes: list[Any] = [op.change for op in ops]
    return sum(change.increment if change.kind is Kind.GCOUNTER else change.change for change in changes)


def _register(ops: list[Op]) -> LWWRegisterValue:
    clocks: dict[int, int] = {}

    def current(numbers: Iterable[int]) -> list[int]:
        there = [n for n in numbers if n in clocks]
        return [n for n in there if not any(n in ops[m].seen for m in there)]

    for number, op in enumerate(ops):
        change: Any = op.change
        latest = max((clocks[n] for n in current(op.seen)), default=None)
        after, before = (op.now, -op.now) if latest is None else (max(op.now, latest + 1), min(-op.now, latest - 1))
        auto = change.custom_clock if latest is None else max(change.custom_clock, latest + 1)
        clock = {Clock.DEFAULT: after, Clock.REVERSE: before, Clock.CUSTOM: change.custom_clock}.get(change.clock, auto)
        if latest is None or clock >= latest:
            clocks[number] = clock
    winners = sorted((clocks[n], ops[n].node, n) for n in current(range(len(ops))))
    if not winners:
        return LWWRegisterValue()
    winner: Any = ops[winners[-1][2]].change
    return LWWRegisterValue(winner.value)


def _vote(ops: list[Op]) -> VoteValue:
    last = {op.node: op for op in ops}
    members = {f"{op.node}/{op.now % 2}" for op in last.values() if _is_yes(op.change)}
    return VoteValue("a/0" in members, len(members & AUDIENCE.members), len(AUDIENCE.members))


def _is_yes(change: Any) -> bool:
    return bool(change.self_vote)


def _elements(ops: list[Op], changes: Mapping[int, ORSetChange], removals: set[int]) -> frozenset[Payload]:
    """An element is there if somebody added it, and nobody who had seen that removed it or added it anew."""

    def touches(number: int, item: Payload) -> bool:
        if number in removals:
            return True
        change = changes.get(number)
        return change is not None and (change.cleared or item in change.removed or item in change.added)

    return frozenset(
        item
        for number, change in changes.items()
        for item in change.added
        if not any(number in later.seen and touches(n, item) for n, later in enumerate(ops))
    )


def _orset(ops: list[Op]) -> ORSetValue:
    changes = {n: op.change for n, op in enumerate(ops) if isinstance(op.change, ORSetChange)}
    return ORSetValue(_elements(ops, changes, set()))


# A map whose keys have fixed types: element(0) and element(3) are counters, the others sets.


def map_change(kind: Kind, x: int, y: int) -> ORMapChange:
    """A change of such a map."""
    key = element(x)
    child: Any = PNCounterChange(y % 5 - 2) if _is_counter(key) else ORSetChange(added=(element(y),))
    if not _is_counter(key) and y % 3 == 1:
        child = ORSetChange(cleared=y % 2 == 0, removed=(element(y // 3),))
    entry = EntryChange(key, child)
    match y % 6:
        case 0:
            return ORMapChange(removed=(key,))
        case 1:
            return ORMapChange(cleared=True, added=(entry,) if x % 8 < 4 else ())
        case 2 | 3:
            return ORMapChange(updated=(entry,))
    return ORMapChange(removed=(element(x // 4),) if y % 12 < 6 else (), added=(entry,))


def _is_counter(key: Payload) -> bool:
    return key in (element(0), element(3))


def _ormap(ops: list[Op]) -> ORMapValue:
    values = {key: _child(key, ops) for key in map(element, range(4))}
    return ORMapValue({key: value for key, value in values.items() if value is not None})


def _child(key: Payload, ops: list[Op]) -> Value | None:
    removals = {n for n, op in enumerate(ops) if isinstance(op.change, ORMapChange) and _removes(op.change, key)}
    changes: dict[int, Any] = {}

    def is_there(numbers: Iterable[int], but: int) -> bool:
        numbers = set(numbers)
        gone = removals & (numbers | {but})
        touching = numbers & changes.keys()
        if but in removals:
            return False
        return any(not any(n in ops[r].seen for r in gone) for n in touching)

    for number, op in enumerate(ops):
        change: Any = op.change
        found = [it.change for it in change.added if it.key == key]
        if is_there(op.seen, number):
            found += [it.change for it in change.updated if it.key == key]
        if found:
            (changes[number],) = found
    if not is_there(range(len(ops)), -1):
        return None
    return _counter(ops, changes, removals) if _is_counter(key) else ORSetValue(_elements(ops, changes, removals))


def _removes(change: ORMapChange, key: Payload) -> bool:
    return change.cleared or key in change.removed


def _counter(ops: list[Op], changes: Mapping[int, PNCounterChange], removals: set[int]) -> PNCounterValue:
    """A node's sum starts anew once the node has seen its last part removed, and lasts as long as its last part."""
    total = 0
    for node in sorted({op.node for op in ops}):
        own, last = 0, -1
        for number, change in changes.items():
            if ops[number].node != node:
                continue
            before = ops[number].seen
            if number in removals or any(last in ops[r].seen for r in removals & before):
                own = 0
            if change.change:
                own, last = own + change.change, number
        if not any(last in ops[r].seen for r in removals):
            total += own
    return PNCounterValue(total)


_MODELS: Mapping[Kind, Callable[[list[Op]], Value]] = {
    Kind.GCOUNTER: lambda ops: GCounterValue(_sum(ops)),
    Kind.PNCOUNTER: lambda ops: PNCounterValue(_sum(ops)),
    Kind.GSET: lambda ops: GSetValue(frozenset(item for op in ops for item in _added(op.change))),
    Kind.ORSET: _orset,
    Kind.LWWREGISTER: _register,
    Kind.FLAG: lambda ops: FlagValue(any(_is_on(op.change) for op in ops)),
    Kind.ORMAP: _ormap,
    Kind.VOTE: _vote,
}


def _added(change: Any) -> tuple[Payload, ...]:
    added: tuple[Payload, ...] = change.added
    return added


def _is_on(change: Any) -> bool:
    return bool(change.on)
