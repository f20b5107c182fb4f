"""Flag: a boolean that can be switched on, and never off again.

Model: a fact for each switching on by somebody who did not see it on.
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


@dataclass(frozen=True, slots=True)
class FlagChange:
    """Switch on; False is only legal where it is off, and changes nothing."""

    kind: ClassVar[Kind] = Kind.FLAG
    on: bool


@dataclass(frozen=True, slots=True)
class FlagValue:
    """Whether it is on."""

    kind: ClassVar[Kind] = Kind.FLAG
    on: bool = False


class Flag(DataType[None, FlagChange, FlagValue]):
    """See the module."""

    kind = Kind.FLAG
    empty = FlagValue()

    def apply(self, change: FlagChange, draft: Draft[None]) -> None:
        """See ``DataType.apply``."""
        if change.on and not draft.facts:
            draft.add(None)
        elif not change.on and draft.facts:
            raise ChangeRefused(self.kind, "it is on and cannot be switched off")

    def value(self, facts: Mapping[Dot, None], audience: Audience) -> FlagValue:
        """See ``DataType.value``."""
        return FlagValue(bool(facts))

    def creation(self, value: FlagValue) -> FlagChange:
        """See ``DataType.creation``."""
        return FlagChange(value.on)

    def difference(self, before: FlagValue, after: FlagValue) -> FlagChange | None:
        """See ``DataType.difference``; it cannot be switched off."""
        if before.on and not after.on:
            raise Inexpressible
        return FlagChange(True) if after.on and not before.on else None

    def after(self, value: FlagValue, change: FlagChange) -> FlagValue:
        """See ``DataType.after``."""
        return FlagValue(value.on or change.on)

    def write(self, fact: None, out: Writer) -> None:
        """See ``DataType.write``: the dot says everything."""

    def read(self, data: Reader) -> None:
        """See ``DataType.read``."""
