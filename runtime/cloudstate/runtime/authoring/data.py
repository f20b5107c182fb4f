"""What a handler of a CRDT entity works with: the replicated value as plain Python, and the changes made to it.

A handler changes it while it runs; its changes are made durable and spread when it has returned, all together, or none
of them if it raised.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Generic, TypeVar

from cloudstate.runtime.authoring.elements import Elements
from cloudstate.runtime.crdt import (
    Change,
    Clock,
    FlagChange,
    FlagValue,
    GCounterChange,
    GCounterValue,
    GSetChange,
    GSetValue,
    Kind,
    LWWRegisterChange,
    LWWRegisterValue,
    ORSetChange,
    ORSetValue,
    PNCounterChange,
    PNCounterValue,
    Value,
    VoteChange,
    VoteValue,
)
from cloudstate.runtime.payload import Payload

E = TypeVar("E")


class Permit:
    """Says whether data may be changed now; shared by a map and its children.

    Attributes:
        refusal: what is raised when somebody changes the data, or None.
    """

    __slots__ = ("refusal",)

    def __init__(self, refusal: Exception | None = None) -> None:
        self.refusal = refusal

    def check(self) -> None:
        """Raises the refusal, if there is one."""
        if self.refusal is not None:
            raise self.refusal


class Data(ABC):
    """One value with the changes made to it. Made by the runtime."""

    kind: ClassVar[Kind]
    __slots__ = ("_permit",)

    def __init__(self, permit: Permit) -> None:
        self._permit = permit

    @abstractmethod
    def change(self) -> Change | None:
        """All changes so far as one; None if there are none. For the runtime."""

    @abstractmethod
    def creation(self) -> Change:
        """The same, but never None: it also says the type. For the runtime."""


class GCounter(Data):
    """A counter that only grows."""

    kind = Kind.GCOUNTER
    __slots__ = ("_base", "_increment")

    def __init__(self, value: GCounterValue, elements: object, permit: Permit) -> None:
        super().__init__(permit)
        self._base = value.total
        self._increment = 0

    @property
    def value(self) -> int:
        """How far it has counted."""
        return self._base + self._increment

    def increment(self, by: int = 1) -> None:
        """Count on.

        Raises:
            ValueError: ``by`` is negative.
        """
        self._permit.check()
        if by < 0:
            raise ValueError(f"a GCounter cannot be decremented, as by {by}: use a PNCounter")
        self._increment += by

    def change(self) -> GCounterChange | None:
        """See ``Data.change``."""
        return self.creation() if self._increment else None

    def creation(self) -> GCounterChange:
        """See ``Data.creation``."""
        return GCounterChange(self._increment)


class PNCounter(Data):
    """A counter that goes both ways."""

    kind = Kind.PNCOUNTER
    __slots__ = ("_base", "_change")

    def __init__(self, value: PNCounterValue, elements: object, permit: Permit) -> None:
        super().__init__(permit)
        self._base = value.total
        self._change = 0

    @property
    def value(self) -> int:
        """Where it stands."""
        return self._base + self._change

    def increment(self, by: int = 1) -> None:
        """Count on, or back if ``by`` is negative."""
        self._permit.check()
        self._change += by

    def decrement(self, by: int = 1) -> None:
        """Count back."""
        self.increment(-by)

    def change(self) -> PNCounterChange | None:
        """See ``Data.change``."""
        return self.creation() if self._change else None

    def creation(self) -> PNCounterChange:
        """See ``Data.creation``."""
        return PNCounterChange(self._change)


class _Set(Data, Generic[E]):
    """What both sets can do. Iterates in the order of the elements' bytes."""

    __slots__ = ("_added", "_base", "_elements")

    def __init__(self, base: frozenset[Payload], elements: Elements[E], permit: Permit) -> None:
        super().__init__(permit)
        self._base = base
        self._elements = elements
        self._added: dict[Payload, None] = {}

    def __contains__(self, element: E) -> bool:
        return self._has(self._elements.encoded(element))

    def __iter__(self) -> Iterator[E]:
        return map(self._elements.decoded, sorted(self._current()))

    def __len__(self) -> int:
        return len(self._current())

    def add(self, element: E) -> None:
        """Add an element; nothing happens if it is there."""
        self._permit.check()
        payload = self._elements.encoded(element)
        if not self._has(payload):
            self._added[payload] = None

    def _has(self, payload: Payload) -> bool:
        return payload in self._base or payload in self._added

    def _current(self) -> frozenset[Payload]:
        return self._base.union(self._added)


class GSet(_Set[E]):
    """A set that only grows."""

    kind = Kind.GSET
    __slots__ = ()

    def __init__(self, value: GSetValue, elements: Elements[E], permit: Permit) -> None:
        super().__init__(value.elements, elements, permit)

    def change(self) -> GSetChange | None:
        """See ``Data.change``."""
        return self.creation() if self._added else None

    def creation(self) -> GSetChange:
        """See ``Data.creation``."""
        return GSetChange(tuple(self._added))


class ORSet(_Set[E]):
    """A set whose elements can be removed and added again."""

    kind = Kind.ORSET
    __slots__ = ("_cleared", "_removed")

    def __init__(self, value: ORSetValue, elements: Elements[E], permit: Permit) -> None:
        super().__init__(value.elements, elements, permit)
        self._removed: dict[Payload, None] = {}
        self._cleared = False

    def add(self, element: E) -> None:
        """Add an element; nothing happens if it is there."""
        self._permit.check()
        payload = self._elements.encoded(element)
        if payload in self._removed:
            del self._removed[payload]
        elif not self._has(payload):
            self._added[payload] = None

    def discard(self, element: E) -> None:
        """Remove an element; nothing happens if it is not there."""
        self._permit.check()
        payload = self._elements.encoded(element)
        if not self._has(payload):
            return
        if payload in self._added:
            del self._added[payload]
        else:
            self._removed[payload] = None
        if not self._cleared and self._removed and not self._current():
            self.clear()

    def clear(self) -> None:
        """Remove all elements."""
        self._permit.check()
        self._cleared = self._cleared or bool(self._base or self._added)
        self._added.clear()
        self._removed.clear()

    def change(self) -> ORSetChange | None:
        """See ``Data.change``."""
        return self.creation() if self._cleared or self._added or self._removed else None

    def creation(self) -> ORSetChange:
        """See ``Data.creation``."""
        return ORSetChange(self._cleared, tuple(self._removed), tuple(self._added))

    def _has(self, payload: Payload) -> bool:
        if payload in self._added:
            return True
        return not self._cleared and payload in self._base and payload not in self._removed

    def _current(self) -> frozenset[Payload]:
        base: frozenset[Payload] = frozenset() if self._cleared else self._base
        return base.difference(self._removed).union(self._added)


class LWWRegister(Data, Generic[E]):
    """A value of which the latest write wins."""

    kind = Kind.LWWREGISTER
    __slots__ = ("_base", "_elements", "_written")

    def __init__(self, value: LWWRegisterValue, elements: Elements[E], permit: Permit) -> None:
        super().__init__(permit)
        self._base = value.value
        self._elements = elements
        self._written: LWWRegisterChange | None = None

    @property
    def value(self) -> E:
        """A copy of the latest value; an empty one before the first write."""
        payload = self._base if self._written is None else self._written.value
        return self._elements.decoded(payload) if payload.type_url else self._elements.empty()

    def set(self, value: E, clock: Clock = Clock.DEFAULT, custom: int = 0) -> None:
        """Write. The same value again changes nothing, unless it is written by another clock than the default one.

        Args:
            clock: by what it is judged which write is the latest, among those that did not know of each other.
            custom: the reading of a custom clock.
        """
        self._permit.check()
        payload = self._elements.encoded(value)
        current = self._base if self._written is None else self._written.value
        if payload != current or clock is not Clock.DEFAULT:
            self._written = LWWRegisterChange(payload, clock, custom)

    def change(self) -> LWWRegisterChange | None:
        """See ``Data.change``."""
        return self._written

    def creation(self) -> LWWRegisterChange:
        """See ``Data.creation``."""
        return self._written or LWWRegisterChange(self._elements.encoded(self.value))


class Flag(Data):
    """A boolean that can be switched on, and never off again."""

    kind = Kind.FLAG
    __slots__ = ("_base", "_on")

    def __init__(self, value: FlagValue, elements: object, permit: Permit) -> None:
        super().__init__(permit)
        self._base = self._on = value.on

    @property
    def on(self) -> bool:
        """Whether it is on."""
        return self._on

    def enable(self) -> None:
        """Switch it on."""
        self._permit.check()
        self._on = True

    def change(self) -> FlagChange | None:
        """See ``Data.change``."""
        return self.creation() if self._on != self._base else None

    def creation(self) -> FlagChange:
        """See ``Data.creation``."""
        return FlagChange(self._on)


class Vote(Data):
    """One vote for each process of the cluster that serves the entity; what it is about is the author's."""

    kind = Kind.VOTE
    __slots__ = ("_base", "_own")

    def __init__(self, value: VoteValue, elements: object, permit: Permit) -> None:
        super().__init__(permit)
        self._base = value
        self._own = value.self_vote

    @property
    def own(self) -> bool:
        """The vote of this process."""
        return self._own

    @property
    def votes_for(self) -> int:
        """How many vote yes."""
        return self._base.votes_for + self._own - self._base.self_vote

    @property
    def voters(self) -> int:
        """How many there are."""
        return self._base.total_voters

    @property
    def is_at_least_one(self) -> bool:
        """Whether anybody votes yes."""
        return self.votes_for > 0

    @property
    def is_majority(self) -> bool:
        """Whether more than half vote yes."""
        return self.votes_for * 2 > self.voters

    @property
    def is_unanimous(self) -> bool:
        """Whether all vote yes."""
        return self.votes_for == self.voters

    def vote(self, yes: bool) -> None:
        """Cast or change the vote of this process."""
        self._permit.check()
        self._own = yes

    def change(self) -> VoteChange | None:
        """See ``Data.change``."""
        return self.creation() if self._own != self._base.self_vote else None

    def creation(self) -> VoteChange:
        """See ``Data.creation``."""
        return VoteChange(self._own, self.votes_for, self.voters)


def make(data: type[Data], value: Value, element: type[Any] | None, permit: Permit) -> Any:
    """Data of a type around a value; ``element`` is needed by those that hold elements."""
    maker: Any = data
    return maker(value, None if element is None else Elements(element), permit)
