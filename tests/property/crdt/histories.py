"""Histories: what some replicas of one value did and heard, made of small numbers so that failures shrink well."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from hypothesis import strategies as st

from cloudstate.runtime.crdt import (
    Audience,
    Author,
    Change,
    ChangeRefused,
    Clock,
    EntryChange,
    FlagChange,
    GCounterChange,
    GSetChange,
    Kind,
    LWWRegisterChange,
    ORMapChange,
    ORSetChange,
    PNCounterChange,
    State,
    VoteChange,
    merge,
    mutate,
)
from cloudstate.runtime.payload import Payload

NODES = ("a", "b", "c")
AUDIENCE = Audience("a/0", frozenset({"a/0", "a/1", "b/0", "c/0"}))

#: Replica, what to do, and two numbers that say with what.
Step: TypeAlias = "tuple[int, int, int, int]"
steps = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 7), st.integers(0, 9999), st.integers(0, 9999)), max_size=24
)


class Op(NamedTuple):
    """One change: who made it, its delta, and the numbers of the changes that its author had seen."""

    node: str
    change: Change
    delta: State
    seen: frozenset[int]
    now: int


@dataclass
class World:
    """Three replicas of one value, and all changes so far. Every delta is remembered; nothing is sent by itself."""

    kind: Kind
    states: list[State] = field(default_factory=list)
    seen: list[frozenset[int]] = field(default_factory=lambda: [frozenset()] * len(NODES))
    ops: list[Op] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.states = [State(self.kind) for _ in NODES]

    def change(self, replica: int, change: Change, now: int) -> None:
        """Make a change at a replica, unless the type refuses it."""
        author = Author(NODES[replica], f"{NODES[replica]}/{now % 2}", now)
        try:
            delta = mutate(self.states[replica], change, author)
        except ChangeRefused:
            return
        self.ops.append(Op(author.node, change, delta, self.seen[replica], now))
        self.states[replica] = merge(self.states[replica], delta)
        self.seen[replica] |= {len(self.ops) - 1}

    def deliver(self, replica: int, numbers: Iterable[int]) -> None:
        """Tell a replica of some changes."""
        for number in numbers:
            self.states[replica] = merge(self.states[replica], self.ops[number].delta)
            self.seen[replica] |= {number}

    def deliver_up_to(self, replica: int, number: int) -> None:
        """Tell a replica of a change and of its author's earlier ones, the last first."""
        node = self.ops[number].node
        self.deliver(replica, [n for n in range(number, -1, -1) if self.ops[n].node == node])

    def sync(self, replica: int, other: int) -> None:
        """Give a replica the whole state of another one."""
        self.states[replica] = merge(self.states[replica], self.states[other])
        self.seen[replica] |= self.seen[other]


def played(kind: Kind, history: list[Step], *, in_order: bool = False, make: Maker | None = None) -> World:
    """The world after a history.

    Args:
        in_order: changes of one author are delivered to each replica in the order in which they were made.
        make: how numbers become changes; any change of the type if not given.
    """
    world = World(kind)
    for replica, action, x, y in history:
        if action <= 4:
            world.change(replica, (make or change)(kind, x, y), now=x % 5)
        elif action == 5:
            world.sync(replica, x % len(NODES))
        elif world.ops and in_order:
            world.deliver_up_to(replica, x % len(world.ops))
        elif world.ops:
            world.deliver(replica, {x % len(world.ops), y % len(world.ops)})
    return world


Maker: TypeAlias = Callable[[Kind, int, int], Change]


def element(x: int) -> Payload:
    """One of few payloads, so that changes meet."""
    return Payload("t/E" if x % 4 < 3 else "t/F", bytes([x % 4]))


def change(kind: Kind, x: int, y: int) -> Change:
    """The change of a type that two numbers stand for."""
    return _MAKERS[kind](x, y)


def _orset(x: int, y: int) -> ORSetChange:
    removed = (element(x // 4),) if y % 3 == 1 else ()
    added = (element(x), element(x // 16)) if y % 3 else (element(x),)
    return ORSetChange(y % 7 == 6, removed, added if y % 5 else ())


def _register(x: int, y: int) -> LWWRegisterChange:
    return LWWRegisterChange(element(x), Clock(y % 4), (y // 4) % 6 - 2)


def _ormap(x: int, y: int) -> ORMapChange:
    key, kind = element(x), Kind(y % 8 + 1)
    x, y = x // 4, y // 8
    child = EntryChange(key, change(kind, x // 2, y // 4))
    match y % 4:
        case 0:
            return ORMapChange(added=(child,))
        case 1:
            return ORMapChange(updated=(child,))
        case 2:
            return ORMapChange(cleared=x % 5 == 0, removed=(key,))
    return ORMapChange(removed=(element(x),), updated=(child, child), added=(child,))


_MAKERS: dict[Kind, Callable[[int, int], Change]] = {
    Kind.GCOUNTER: lambda x, y: GCounterChange(x % 4),
    Kind.PNCOUNTER: lambda x, y: PNCounterChange(x % 7 - 3),
    Kind.GSET: lambda x, y: GSetChange((element(x), element(y))),
    Kind.ORSET: _orset,
    Kind.LWWREGISTER: _register,
    Kind.FLAG: lambda x, y: FlagChange(x % 3 != 0),
    Kind.ORMAP: _ormap,
    Kind.VOTE: lambda x, y: VoteChange(bool(y % 3), x, y),
}
