"""PNCounter: a counter that goes both ways.

Model: as GCounter, with sums that may be negative. One sum per node is enough, because a node replaces its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from cloudstate.runtime.crdt.bytestream import Reader, Writer
from cloudstate.runtime.crdt.context import Dot
from cloudstate.runtime.crdt.datatype import Audience, DataType, Draft
from cloudstate.runtime.crdt.errors import ChangeRefused
from cloudstate.runtime.crdt.kind import Kind

SMALLEST, LARGEST = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class PNCounterChange:
    """Add ``change``, which may be negative."""

    kind: ClassVar[Kind] = Kind.PNCOUNTER
    change: int


@dataclass(frozen=True, slots=True)
class PNCounterValue:
    """Where it stands."""

    kind: ClassVar[Kind] = Kind.PNCOUNTER
    total: int = 0


class PNCounter(DataType[int, PNCounterChange, PNCounterValue]):
    """See the module."""

    kind = Kind.PNCOUNTER
    empty = PNCounterValue()

    def apply(self, change: PNCounterChange, draft: Draft[int]) -> None:
        """See ``DataType.apply``."""
        if not change.change:
            return
        own = {dot: count for dot, count in draft.facts.items() if dot.node == draft.author.node}
        total = sum(own.values()) + change.change
        if not SMALLEST <= total <= LARGEST:
            raise ChangeRefused(self.kind, f"a change of {change.change} goes beyond 64 bits")
        draft.take_back(own)
        draft.add(total)

    def value(self, facts: Mapping[Dot, int], audience: Audience) -> PNCounterValue:
        """See ``DataType.value``."""
        return PNCounterValue(max(SMALLEST, min(sum(facts.values()), LARGEST)))

    def creation(self, value: PNCounterValue) -> PNCounterChange:
        """See ``DataType.creation``."""
        return PNCounterChange(value.total)

    def difference(self, before: PNCounterValue, after: PNCounterValue) -> PNCounterChange | None:
        """See ``DataType.difference``."""
        return PNCounterChange(after.total - before.total) if after != before else None

    def after(self, value: PNCounterValue, change: PNCounterChange) -> PNCounterValue:
        """See ``DataType.after``."""
        return PNCounterValue(max(SMALLEST, min(value.total + change.change, LARGEST)))

    def write(self, fact: int, out: Writer) -> None:
        """See ``DataType.write``."""
        out.signed(fact)

    def read(self, data: Reader) -> int:
        """See ``DataType.read``."""
        return data.signed()
