"""GSet: a set that only grows.

Model: a fact for each time that an element was added by somebody who did not see it there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from cloudstate.runtime.crdt.bytestream import Reader, Writer
from cloudstate.runtime.crdt.context import Dot
from cloudstate.runtime.crdt.datatype import Audience, DataType, Draft, Inexpressible
from cloudstate.runtime.crdt.kind import Kind
from cloudstate.runtime.payload import Payload


@dataclass(frozen=True, slots=True)
class GSetChange:
    """Add these elements."""

    kind: ClassVar[Kind] = Kind.GSET
    added: tuple[Payload, ...] = ()


@dataclass(frozen=True, slots=True)
class GSetValue:
    """The elements."""

    kind: ClassVar[Kind] = Kind.GSET
    elements: frozenset[Payload] = frozenset()


class GSet(DataType[Payload, GSetChange, GSetValue]):
    """See the module."""

    kind = Kind.GSET
    empty = GSetValue()

    def apply(self, change: GSetChange, draft: Draft[Payload]) -> None:
        """See ``DataType.apply``; elements that are there already change nothing."""
        present = set(draft.facts.values())
        for element in change.added:
            if element not in present:
                present.add(element)
                draft.add(element)

    def value(self, facts: Mapping[Dot, Payload], audience: Audience) -> GSetValue:
        """See ``DataType.value``."""
        return GSetValue(frozenset(facts.values()))

    def creation(self, value: GSetValue) -> GSetChange:
        """See ``DataType.creation``."""
        return GSetChange(tuple(sorted(value.elements)))

    def difference(self, before: GSetValue, after: GSetValue) -> GSetChange | None:
        """See ``DataType.difference``; it cannot lose elements."""
        if not before.elements <= after.elements:
            raise Inexpressible
        added = after.elements - before.elements
        return GSetChange(tuple(sorted(added))) if added else None

    def after(self, value: GSetValue, change: GSetChange) -> GSetValue:
        """See ``DataType.after``."""
        return GSetValue(value.elements.union(change.added))

    def write(self, fact: Payload, out: Writer) -> None:
        """See ``DataType.write``."""
        out.payload(fact)

    def read(self, data: Reader) -> Payload:
        """See ``DataType.read``."""
        return data.payload()
