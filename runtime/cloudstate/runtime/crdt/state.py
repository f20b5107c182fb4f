"""The replicated state of one value, and the one way in which states merge, whatever their type.

A delta is a state too, a small one: it holds the facts that a change added, and a context with their dots and the dots
of what it took back. States and deltas may be merged in any order, and more than once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cloudstate.runtime.crdt.context import Context, Dot
from cloudstate.runtime.crdt.datatype import Audience, Author, Change, Value
from cloudstate.runtime.crdt.errors import ChangeRefused, KindConflict
from cloudstate.runtime.crdt.kind import Kind
from cloudstate.runtime.crdt.registry import TYPES


@dataclass(frozen=True, slots=True)
class State:
    """Facts that hold, and the dots of all facts that were ever seen. Invariant: every fact's dot is in the context."""

    kind: Kind
    facts: Mapping[Dot, Any] = field(default_factory=dict)
    context: Context = field(default_factory=Context)


def mutate(state: State, change: Change, author: Author, seen: Context | None = None) -> State:
    """Make a change; gives the delta, which is without facts and dots if nothing changes. ``state`` stays as it is.

    Args:
        state: what the maker of the change has seen.
        seen: all dots seen by the node whose author this is, if those are more. No other call for the same entity may
            use the same ones, so merge the delta into whatever is asked for ``seen`` next.

    Raises:
        ChangeRefused: the change is not one of this type, or not one that it allows.
    """
    if change.kind is not state.kind:
        raise ChangeRefused(state.kind, f"a change of a {change.kind.title} does not fit")
    draft = _Draft(state, author, (seen or state.context).latest(author.node))
    TYPES[state.kind].apply(change, draft)
    return State(state.kind, draft.added, Context.of([*draft.taken_back, *draft.dots]))


def merge(a: State, b: State) -> State:
    """What both have seen.

    Raises:
        KindConflict: they are of different types.
    """
    if a.kind is not b.kind:
        raise KindConflict(a.kind, b.kind)
    if a is b or not b.context:
        return a
    if not a.context:
        return b
    # Walk through the delta, not through the state, where one is much the smaller.
    if b.context.count() <= len(a.facts):
        gone = [dot for dot in b.context if dot in a.facts and dot not in b.facts]
    else:
        gone = [dot for dot in a.facts if dot not in b.facts and dot in b.context]
    facts = dict(a.facts)
    for dot in gone:
        del facts[dot]
    facts.update((dot, fact) for dot, fact in b.facts.items() if dot not in a.context)
    return State(a.kind, facts, a.context.union(b.context))


def value_of(state: State, audience: Audience) -> Value:
    """What a user function sees of it."""
    value: Value = TYPES[state.kind].value(state.facts, audience)
    return value


def includes(a: State, b: State) -> bool:
    """True if merging ``b`` into ``a`` changes nothing."""
    return merge(a, b) == a


class _Draft:
    """See ``Draft``: the change of a whole state."""

    __slots__ = ("_last", "author", "depth", "dots", "facts", "taken_back")

    def __init__(self, state: State, author: Author, last: int) -> None:
        self.author = author
        self.depth = 0
        self.facts: dict[Dot, Any] = dict(state.facts)
        self.dots: list[Dot] = []
        self.taken_back: list[Dot] = []
        self._last = last

    @property
    def added(self) -> dict[Dot, Any]:
        return {dot: self.facts[dot] for dot in self.dots if dot in self.facts}

    def add(self, fact: Any) -> None:
        self._last += 1
        dot = Dot(self.author.node, self._last)
        self.facts[dot] = fact
        self.dots.append(dot)

    def take_back(self, dots: Iterable[Dot]) -> None:
        for dot in tuple(dots):
            del self.facts[dot]
            self.taken_back.append(dot)
