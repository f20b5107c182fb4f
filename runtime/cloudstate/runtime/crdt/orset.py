"""ORSet: a set whose elements can be removed and added again.

Model: a fact for each adding of an element. Adding takes back the facts of the element that its author saw, removing
does no more than that: an element that is added and removed at the same time stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from cloudstate.runtime.crdt.bytestream import Reader, Writer
from cloudstate.runtime.crdt.context import Dot
from cloudstate.runtime.crdt.datatype import Audience, DataType, Draft
from cloudstate.runtime.crdt.kind import Kind
from cloudstate.runtime.payload import Payload


@dataclass(frozen=True, slots=True)
class ORSetChange:
    """Clear, then remove, then add."""

    kind: ClassVar[Kind] = Kind.ORSET
    cleared: bool = False
    removed: tuple[Payload, ...] = ()
    added: tuple[Payload, ...] = ()


@dataclass(frozen=True, slots=True)
class ORSetValue:
    """The elements."""

    kind: ClassVar[Kind] = Kind.ORSET
    elements: frozenset[Payload] = frozenset()


class ORSet(DataType[Payload, ORSetChange, ORSetValue]):
    """See the module."""

    kind = Kind.ORSET
    empty = ORSetValue()

    def apply(self, change: ORSetChange, draft: Draft[Payload]) -> None:
        """See ``DataType.apply``; removing an element that is not there changes nothing."""
        if change.cleared:
            draft.take_back(tuple(draft.facts))
        gone = {*change.removed, *change.added}
        if gone:
            draft.take_back([dot for dot, element in draft.facts.items() if element in gone])
        for element in dict.fromkeys(change.added):
            draft.add(element)

    def value(self, facts: Mapping[Dot, Payload], audience: Audience) -> ORSetValue:
        """See ``DataType.value``."""
        return ORSetValue(frozenset(facts.values()))

    def creation(self, value: ORSetValue) -> ORSetChange:
        """See ``DataType.creation``."""
        return ORSetChange(added=tuple(sorted(value.elements)))

    def difference(self, before: ORSetValue, after: ORSetValue) -> ORSetChange | None:
        """See ``DataType.difference``; starts from nothing where that says it shorter."""
        removed = before.elements - after.elements
        added = after.elements - before.elements
        if not removed and not added:
            return None
        if not after.elements or (removed and len(removed) + len(added) > len(after.elements)):
            return ORSetChange(cleared=True, added=tuple(sorted(after.elements)))
        return ORSetChange(removed=tuple(sorted(removed)), added=tuple(sorted(added)))

    def after(self, value: ORSetValue, change: ORSetChange) -> ORSetValue:
        """See ``DataType.after``."""
        kept = frozenset() if change.cleared else value.elements.difference(change.removed)
        return ORSetValue(kept.union(change.added))

    def write(self, fact: Payload, out: Writer) -> None:
        """See ``DataType.write``."""
        out.payload(fact)

    def read(self, data: Reader) -> Payload:
        """See ``DataType.read``."""
        return data.payload()
