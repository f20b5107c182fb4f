"""ORMap: a map from keys to CRDTs of any type, maps included.

Model: a fact of a child, wrapped with its key and type; and for each node that has added or changed a child, a fact
that says so, which keeps children that are empty. Removing a key takes back all facts of it that the author saw. So a
change that meets a concurrent removal stays, and the key with it; what the remover saw is gone.

Two nodes may create a key with different types at the same time. Both are kept, and the type with the lower number is
shown, until the key is removed: then both go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from cloudstate.runtime.crdt.bytestream import Reader, Writer
from cloudstate.runtime.crdt.context import Dot
from cloudstate.runtime.crdt.datatype import Audience, Change, DataType, Draft, Inexpressible, Value
from cloudstate.runtime.crdt.errors import ChangeRefused
from cloudstate.runtime.crdt.kind import Kind
from cloudstate.runtime.payload import Payload

#: Maps in maps in maps: deeper than this is a mistake, or an attack on the stack.
DEEPEST = 16


class Touched:
    """The fact that a node has added or changed a child."""

    def __repr__(self) -> str:
        return "TOUCHED"


TOUCHED = Touched()


class Entry(NamedTuple):
    """A fact of the child of type ``kind`` under ``key``, or TOUCHED."""

    key: Payload
    kind: Kind
    fact: Any


@dataclass(frozen=True, slots=True)
class EntryChange:
    """A change of the child under a key."""

    key: Payload
    change: Change


@dataclass(frozen=True, slots=True)
class ORMapChange:
    """Clear, then remove, then update, then add."""

    kind: ClassVar[Kind] = Kind.ORMAP
    cleared: bool = False
    removed: tuple[Payload, ...] = ()
    updated: tuple[EntryChange, ...] = ()
    added: tuple[EntryChange, ...] = ()


@dataclass(frozen=True, slots=True)
class ORMapValue:
    """Keys and the values of their children."""

    kind: ClassVar[Kind] = Kind.ORMAP
    entries: Mapping[Payload, Value] = field(default_factory=dict)


class ORMap(DataType[Entry, ORMapChange, ORMapValue]):
    """See the module.

    Args:
        types: the types that children may have, by kind; filled by the registry, this one included.
    """

    kind = Kind.ORMAP
    empty = ORMapValue()

    def __init__(self, types: Mapping[Kind, DataType[Any, Any, Any]]) -> None:
        self._types = types

    def apply(self, change: ORMapChange, draft: Draft[Entry]) -> None:
        """See ``DataType.apply``.

        Changes of keys that are not there, or are of another type, are ignored: somebody else was faster.
        """
        facts = draft.facts
        if change.cleared:
            draft.take_back(tuple(facts))
        if change.removed:
            gone = set(change.removed)
            draft.take_back([dot for dot, entry in facts.items() if entry.key in gone])
        for key, child in _pairs(change.updated):
            if self._kind_of(facts, key) is child.kind:
                self._change(key, child, draft)
        for key, child in _pairs(change.added):
            other = [dot for dot, entry in facts.items() if entry.key == key and entry.kind is not child.kind]
            draft.take_back(other)
            self._change(key, child, draft)

    def value(self, facts: Mapping[Dot, Entry], audience: Audience) -> ORMapValue:
        """See ``DataType.value``."""
        children: dict[Payload, dict[Kind, dict[Dot, Any]]] = {}
        for dot, (key, kind, fact) in facts.items():
            child = children.setdefault(key, {}).setdefault(kind, {})
            if fact is not TOUCHED:
                child[dot] = fact
        shown = {key: min(by_kind.items()) for key, by_kind in children.items()}
        return ORMapValue({key: self._types[kind].value(child, audience) for key, (kind, child) in shown.items()})

    def creation(self, value: ORMapValue) -> ORMapChange:
        """See ``DataType.creation``."""
        return ORMapChange(added=self._created(value.entries, sorted(value.entries)))

    def difference(self, before: ORMapValue, after: ORMapValue) -> ORMapChange | None:
        """See ``DataType.difference``; a child that no change leads to is removed and added anew."""
        if before == after:
            return None
        if not after.entries:
            return ORMapChange(cleared=True)
        removed = [key for key in before.entries if key not in after.entries]
        added = [key for key in after.entries if key not in before.entries]
        updated: list[EntryChange] = []
        for key in sorted(before.entries.keys() & after.entries.keys()):
            old, new = before.entries[key], after.entries[key]
            try:
                if old.kind is not new.kind:
                    raise Inexpressible
                change = self._types[new.kind].difference(old, new)
            except Inexpressible:
                removed.append(key)
                added.append(key)
            else:
                if change is not None:
                    updated.append(EntryChange(key, change))
        return ORMapChange(False, tuple(sorted(removed)), tuple(updated), self._created(after.entries, sorted(added)))

    def after(self, value: ORMapValue, change: ORMapChange) -> ORMapValue:
        """See ``DataType.after``."""
        entries = {} if change.cleared else dict(value.entries)
        for key in change.removed:
            entries.pop(key, None)
        for key, child in _pairs(change.updated):
            if key in entries and entries[key].kind is child.kind:
                entries[key] = self._types[child.kind].after(entries[key], child)
        for key, child in _pairs(change.added):
            data_type = self._types[child.kind]
            is_there = key in entries and entries[key].kind is child.kind
            entries[key] = data_type.after(entries[key] if is_there else data_type.empty, child)
        return ORMapValue(entries)

    def write(self, fact: Entry, out: Writer) -> None:
        """See ``DataType.write``."""
        out.payload(fact.key)
        out.number(fact.kind)
        out.flag(fact.fact is not TOUCHED)
        if fact.fact is not TOUCHED:
            self._types[fact.kind].write(fact.fact, out)

    def read(self, data: Reader) -> Entry:
        """See ``DataType.read``."""
        key, number = data.payload(), data.number()
        try:
            kind = Kind(number)
        except ValueError:
            raise data.invalid(f"no data type {number}") from None
        if not data.flag():
            return Entry(key, kind, TOUCHED)
        with data.nested(DEEPEST):
            return Entry(key, kind, self._types[kind].read(data))

    def _change(self, key: Payload, change: Change, draft: Draft[Entry]) -> None:
        child = _Child(key, change.kind, draft)
        self._types[change.kind].apply(change, child)
        node = draft.author.node
        touched = Entry(key, change.kind, TOUCHED)
        draft.take_back([dot for dot, entry in draft.facts.items() if dot.node == node and entry == touched])
        draft.add(touched)

    def _created(self, entries: Mapping[Payload, Value], keys: Iterable[Payload]) -> tuple[EntryChange, ...]:
        return tuple(EntryChange(key, self._types[entries[key].kind].creation(entries[key])) for key in keys)

    def _kind_of(self, facts: Mapping[Dot, Entry], key: Payload) -> Kind | None:
        """The type that is shown under a key."""
        return min((entry.kind for entry in facts.values() if entry.key == key), default=None)


class _Child:
    """The draft of a change of one child: a part of the map's. See ``Draft``."""

    def __init__(self, key: Payload, kind: Kind, draft: Draft[Entry]) -> None:
        self.author = draft.author
        self._key = key
        self._kind = kind
        self._draft = draft
        self.depth = draft.depth + 1
        if self.depth > DEEPEST:
            raise ChangeRefused(Kind.ORMAP, f"more than {DEEPEST} maps in each other")

    @property
    def facts(self) -> Mapping[Dot, Any]:
        key, kind = self._key, self._kind
        return {
            dot: entry.fact
            for dot, entry in self._draft.facts.items()
            if entry.key == key and entry.kind is kind and entry.fact is not TOUCHED
        }

    def add(self, fact: Any) -> None:
        self._draft.add(Entry(self._key, self._kind, fact))

    def take_back(self, dots: Iterable[Dot]) -> None:
        self._draft.take_back(dots)


def _pairs(changes: Iterable[EntryChange]) -> Iterable[tuple[Payload, Change]]:
    return ((entry.key, entry.change) for entry in changes)
