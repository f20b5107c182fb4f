"""Causality: dots name single changes, a context is the set of dots that a replica has seen.

A node numbers its changes of one entity from 1. A context keeps, for each node, spans of consecutive numbers, so a
replica that has seen everything keeps one span per node, however long the history is. Spans with gaps occur while
changes are under way: nothing here asks for delivery in order, or once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias


class Dot(NamedTuple):
    """The ``number``-th change that ``node`` made."""

    node: str
    number: int


#: First and last number of a run of changes.
Span: TypeAlias = "tuple[int, int]"


@dataclass(frozen=True, slots=True)
class Context:
    """A set of dots.

    Invariant: spans of a node are in order, do not touch each other, and no node has none of them.
    """

    spans: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, dots: Iterable[Dot]) -> Context:
        """The set of these dots."""
        numbers: dict[str, list[Span]] = {}
        for dot in dots:
            numbers.setdefault(dot.node, []).append((dot.number, dot.number))
        return cls({node: _joined(spans) for node, spans in numbers.items()})

    def __contains__(self, dot: Dot) -> bool:
        number = dot.number
        return any(first <= number <= last for first, last in self.spans.get(dot.node, ()))

    def __bool__(self) -> bool:
        return bool(self.spans)

    def __iter__(self) -> Iterator[Dot]:
        for node, spans in self.spans.items():
            for first, last in spans:
                for number in range(first, last + 1):
                    yield Dot(node, number)

    def count(self) -> int:
        """How many dots there are."""
        return sum(last - first + 1 for spans in self.spans.values() for first, last in spans)

    def latest(self, node: str) -> int:
        """The highest number of a node; 0 if none was seen."""
        spans = self.spans.get(node)
        return spans[-1][1] if spans else 0

    def union(self, other: Context) -> Context:
        """The dots of both."""
        if not other.spans or other is self:
            return self
        if not self.spans:
            return other
        merged = dict(self.spans)
        for node, spans in other.spans.items():
            mine = merged.get(node)
            merged[node] = spans if mine is None else _joined([*mine, *spans])
        return Context(merged)

    def reaches(self, dot: Dot) -> bool:
        """True if all changes of a node up to this one are in it; the number 0 stands for none."""
        spans = self.spans.get(dot.node)
        return not dot.number or (spans is not None and spans[0][0] == 1 and spans[0][1] >= dot.number)

    def without(self, nodes: Iterable[str]) -> Context:
        """The dots of all other nodes."""
        left_out = frozenset(nodes)
        return Context({node: spans for node, spans in self.spans.items() if node not in left_out})


def _joined(spans: list[Span]) -> tuple[Span, ...]:
    spans.sort()
    joined: list[Span] = []
    for first, last in spans:
        if joined and first <= joined[-1][1] + 1:
            if last > joined[-1][1]:
                joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return tuple(joined)
