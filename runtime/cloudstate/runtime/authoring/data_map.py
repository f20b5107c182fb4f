"""The map: keys, and under each a child of any type of data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

from cloudstate.runtime.authoring.data import (
    Data,
    Flag,
    GCounter,
    GSet,
    LWWRegister,
    ORSet,
    Permit,
    PNCounter,
    Vote,
    make,
)
from cloudstate.runtime.authoring.elements import Elements
from cloudstate.runtime.crdt import TYPES, EntryChange, Kind, ORMapChange, ORMapValue, Value
from cloudstate.runtime.payload import Payload

K = TypeVar("K")
D = TypeVar("D", bound=Data)


class ORMap(Data, Generic[K]):
    """A map whose keys can be removed and added again. Iterates in the order of the keys' bytes."""

    kind = Kind.ORMAP
    __slots__ = ("_base", "_children", "_cleared", "_keys", "_new", "_removed")

    def __init__(self, value: ORMapValue, elements: Elements[K], permit: Permit) -> None:
        super().__init__(permit)
        self._base: Mapping[Payload, Value] = value.entries
        self._keys = elements
        self._children: dict[Payload, Data] = {}
        """Every child that the author was given and that is still there."""
        self._new: set[Payload] = set()
        self._removed: dict[Payload, None] = {}
        self._cleared = False

    def __contains__(self, key: K) -> bool:
        return self._has(self._keys.encoded(key))

    def __iter__(self) -> Iterator[K]:
        return map(self._keys.decoded, sorted(self._current()))

    def __len__(self) -> int:
        return len(self._current())

    def get(self, key: K, data: type[D], element: type[Any] | None = None) -> D | None:
        """The child under a key, or None. Raises as ``child``."""
        return self.child(key, data, element) if key in self else None

    def child(self, key: K, data: type[D], element: type[Any] | None = None) -> D:
        """The child under a key, which is created empty if it is not there.

        Args:
            data: its type.
            element: the type of its elements, its value or its keys, where it has some.

        Raises:
            TypeError: the child that is there is of another type.
        """
        payload = self._keys.encoded(key)
        known = self._children.get(payload)
        if known is None:
            known = self._children[payload] = self._made(payload, data, element)
        if not isinstance(known, data):
            raise TypeError(f"the child is a {known.kind.title}, not a {data.kind.title}")
        return known

    def discard(self, key: K) -> None:
        """Remove a key with its child; nothing happens if it is not there."""
        self._permit.check()
        payload = self._keys.encoded(key)
        if not self._has(payload):
            return
        self._children.pop(payload, None)
        self._new.discard(payload)
        if not self._cleared and payload in self._base:
            self._removed[payload] = None
        if not self._cleared and self._removed and not self._current():
            self.clear()

    def clear(self) -> None:
        """Remove all keys."""
        self._permit.check()
        self._cleared = self._cleared or bool(self._base or self._new)
        self._children.clear()
        self._new.clear()
        self._removed.clear()

    def change(self) -> ORMapChange | None:
        """See ``Data.change``."""
        change = self.creation()
        return change if change != ORMapChange() else None

    def creation(self) -> ORMapChange:
        """See ``Data.creation``."""
        updated: list[EntryChange] = []
        for key, child in self._children.items():
            change = None if key in self._new else child.change()
            if change is not None:
                updated.append(EntryChange(key, change))
        added = tuple(EntryChange(key, child.creation()) for key, child in self._children.items() if key in self._new)
        return ORMapChange(self._cleared, tuple(self._removed), tuple(updated), added)

    def _made(self, payload: Payload, data: type[Data], element: type[Any] | None) -> Data:
        if self._has(payload):
            value = self._base[payload]
            known = DATA[value.kind]
            child: Data = make(known if known is not data else data, value, element or str, self._permit)
            return child
        self._permit.check()
        self._new.add(payload)
        child = make(data, TYPES[data.kind].empty, element, self._permit)
        return child

    def _has(self, payload: Payload) -> bool:
        if payload in self._new:
            return True
        return not self._cleared and payload in self._base and payload not in self._removed

    def _current(self) -> set[Payload]:
        base = set() if self._cleared else self._base.keys() - self._removed.keys()
        return base | self._new


#: The classes by kind.
DATA: Mapping[Kind, type[Data]] = {
    it.kind: it for it in (GCounter, PNCounter, GSet, ORSet, LWWRegister, Flag, ORMap, Vote)
}
