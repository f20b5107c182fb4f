"""GCounter: a counter that only grows.

Model: a node has one fact, the sum of its increments so far; a further increment takes it back and adds the new sum.
The value is the sum over all nodes. An increment that meets a concurrent removal from a map brings its node's whole
sum back with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from cloudstate.runtime.crdt.bytestream import Reader, Writer
from cloudstate.runtime.crdt.context import Dot
from cloudstate.runtime.crdt.datatype import Audience, DataType, Draft, Inexpressible
from cloudstate.runtime.crdt.errors import ChangeRefused
from cloudstate.runtime.crdt.kind import Kind

#: Counters are 64-bit numbers in the languages of user functions.
LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class GCounterChange:
    """Add ``increment``."""

    kind: ClassVar[Kind] = Kind.GCOUNTER
    increment: int


@dataclass(frozen=True, slots=True)
class GCounterValue:
    """How far it has counted."""

    kind: ClassVar[Kind] = Kind.GCOUNTER
    total: int = 0


class GCounter(DataType[int, GCounterChange, GCounterValue]):
    """See the module."""

    kind = Kind.GCOUNTER
    empty = GCounterValue()

    def apply(self, change: GCounterChange, draft: Draft[int]) -> None:
        """See ``DataType.apply``; what is beyond 63 bits is negative in languages without unsigned numbers."""
        increment = change.increment
        if increment < 0 or increment > LARGEST:
            raise ChangeRefused(self.kind, f"an increment of {increment}: it cannot be decremented")
        if not increment:
            return
        own = {dot: count for dot, count in draft.facts.items() if dot.node == draft.author.node}
        total = sum(own.values()) + increment
        if total > LARGEST:
            raise ChangeRefused(self.kind, f"an increment of {increment} goes beyond 63 bits")
        draft.take_back(own)
        draft.add(total)

    def value(self, facts: Mapping[Dot, int], audience: Audience) -> GCounterValue:
        """See ``DataType.value``."""
        return GCounterValue(min(sum(facts.values()), LARGEST))

    def creation(self, value: GCounterValue) -> GCounterChange:
        """See ``DataType.creation``."""
        return GCounterChange(value.total)

    def difference(self, before: GCounterValue, after: GCounterValue) -> GCounterChange | None:
        """See ``DataType.difference``; it cannot go back."""
        if after.total < before.total:
            raise Inexpressible
        return GCounterChange(after.total - before.total) if after.total > before.total else None

    def after(self, value: GCounterValue, change: GCounterChange) -> GCounterValue:
        """See ``DataType.after``."""
        return GCounterValue(min(value.total + change.increment, LARGEST))

    def write(self, fact: int, out: Writer) -> None:
        """See ``DataType.write``."""
        out.number(fact)

    def read(self, data: Reader) -> int:
        """See ``DataType.read``."""
        return data.number()
