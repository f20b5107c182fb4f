"""LWWRegister: a value of which the latest write wins.

Model: a fact for each write that no later writer has seen: its clock and its value. The highest clock wins; of equal
ones the higher dot. A write takes back what its author saw, unless its clock is lower than what is there: then it is
late already and changes nothing. Whatever is replaced by somebody who saw it is gone, even for an equal clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, NamedTuple

from cloudstate.runtime.crdt.bytestream import Reader, Writer
from cloudstate.runtime.crdt.context import Dot
from cloudstate.runtime.crdt.datatype import Audience, DataType, Draft
from cloudstate.runtime.crdt.errors import ChangeRefused
from cloudstate.runtime.crdt.kind import Kind
from cloudstate.runtime.payload import Payload

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1

#: The value before the first write.
UNWRITTEN = Payload("", b"")


class Clock(IntEnum):
    """By what "latest" is judged; the numbers are those of the protocol's ``CrdtClock``."""

    #: The author's time, and always later than what the author saw.
    DEFAULT = 0
    #: The same backwards: the first write wins.
    REVERSE = 1
    #: The number given with the write.
    CUSTOM = 2
    #: The number given with the write, or one more than what the author saw if that is larger.
    CUSTOM_AUTO_INCREMENT = 3


class Written(NamedTuple):
    """One write."""

    clock: int
    value: Payload


@dataclass(frozen=True, slots=True)
class LWWRegisterChange:
    """Write ``value``; ``custom_clock`` counts with the custom clocks only."""

    kind: ClassVar[Kind] = Kind.LWWREGISTER
    value: Payload
    clock: Clock = Clock.DEFAULT
    custom_clock: int = 0


@dataclass(frozen=True, slots=True)
class LWWRegisterValue:
    """The latest value; UNWRITTEN before the first write."""

    kind: ClassVar[Kind] = Kind.LWWREGISTER
    value: Payload = UNWRITTEN


class LWWRegister(DataType[Written, LWWRegisterChange, LWWRegisterValue]):
    """See the module."""

    kind = Kind.LWWREGISTER
    empty = LWWRegisterValue()

    def apply(self, change: LWWRegisterChange, draft: Draft[Written]) -> None:
        """See ``DataType.apply``."""
        facts = draft.facts
        latest = max((written.clock for written in facts.values()), default=None)
        clock = _reading(change, latest, draft.author.now)
        if not _SMALLEST <= clock <= _LARGEST:
            raise ChangeRefused(self.kind, f"a clock of {clock} goes beyond 64 bits")
        if latest is not None and clock < latest:
            return
        draft.take_back(tuple(facts))
        draft.add(Written(clock, change.value))

    def value(self, facts: Mapping[Dot, Written], audience: Audience) -> LWWRegisterValue:
        """See ``DataType.value``."""
        if not facts:
            return LWWRegisterValue()
        return LWWRegisterValue(facts[max(facts, key=lambda dot: (facts[dot].clock, dot))].value)

    def creation(self, value: LWWRegisterValue) -> LWWRegisterChange:
        """See ``DataType.creation``."""
        return LWWRegisterChange(value.value)

    def difference(self, before: LWWRegisterValue, after: LWWRegisterValue) -> LWWRegisterChange | None:
        """See ``DataType.difference``."""
        return LWWRegisterChange(after.value) if after != before else None

    def after(self, value: LWWRegisterValue, change: LWWRegisterChange) -> LWWRegisterValue:
        """See ``DataType.after``."""
        return LWWRegisterValue(change.value)

    def write(self, fact: Written, out: Writer) -> None:
        """See ``DataType.write``."""
        out.signed(fact.clock)
        out.payload(fact.value)

    def read(self, data: Reader) -> Written:
        """See ``DataType.read``."""
        return Written(data.signed(), data.payload())


def _reading(change: LWWRegisterChange, latest: int | None, now: int) -> int:
    """What the clock of a write says; never behind, with the clocks that promise it, what its author saw."""
    match change.clock:
        case Clock.DEFAULT:
            return now if latest is None else max(now, latest + 1)
        case Clock.REVERSE:
            return -now if latest is None else min(-now, latest - 1)
        case Clock.CUSTOM:
            return change.custom_clock
        case Clock.CUSTOM_AUTO_INCREMENT:
            return change.custom_clock if latest is None else max(change.custom_clock, latest + 1)
