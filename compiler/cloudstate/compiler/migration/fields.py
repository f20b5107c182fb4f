"""The fields of a document, each read as the type that it must have; another type is a finding."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from collections.abc import Mapping as MappingType
from typing import TypeVar

from cloudstate.compiler.diagnostics import Sink, closest, codes
from cloudstate.compiler.source import Entry, Located, Mapping, Node, Scalar, Sequence

T = TypeVar("T", str, int, bool)


class Fields:
    """Reads fields and collects what is wrong with them. A parent that is missing has no fields."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def mapping(self, parent: Mapping | None, key: str) -> Mapping | None:
        """The mapping at ``key``."""
        entry = present(parent, key)
        if entry is None or isinstance(entry.value, Mapping):
            return entry.value if entry and isinstance(entry.value, Mapping) else None
        self._wrong(entry, "a mapping")
        return None

    def items(self, parent: Mapping | None, key: str) -> tuple[Mapping, ...]:
        """The mappings in the list at ``key``."""
        entry = present(parent, key)
        if entry is None:
            return ()
        if not isinstance(entry.value, Sequence) or not all(isinstance(it, Mapping) for it in entry.value.items):
            self._wrong(entry, "a list of mappings")
            return ()
        return tuple(it for it in entry.value.items if isinstance(it, Mapping))

    def text(self, parent: Mapping | None, key: str) -> Located[str] | None:
        """The string at ``key``."""
        return self._scalar(parent, key, str, "a string")

    def number(self, parent: Mapping | None, key: str) -> Located[int] | None:
        """The whole number at ``key``."""
        return self._scalar(parent, key, int, "a whole number")

    def flag(self, parent: Mapping | None, key: str) -> Located[bool] | None:
        """True or false at ``key``."""
        return self._scalar(parent, key, bool, "true or false")

    def quantity(self, parent: Mapping | None, key: str) -> str | None:
        """The quantity of Kubernetes at ``key``, as text; it may be written as a number."""
        entry = present(parent, key)
        if entry is None:
            return None
        value = entry.value.value if isinstance(entry.value, Scalar) else None
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            self._wrong(entry, "a quantity")
            return None
        return str(value)

    def choice(self, parent: Mapping | None, key: str, known: Collection[str]) -> Located[str] | None:
        """The string at ``key``, which must be one of ``known``."""
        found = self.text(parent, key)
        if found is None or found.value in known:
            return found
        listed = ", ".join(f"`{it}`" for it in known)
        wrong = codes.UNKNOWN_VALUE.at(found.span, f"one of {listed}", found=found.value, key=key)
        guess = closest(found.value, known)
        self._sink.add(wrong.did_you_mean(guess, found.span) if guess else wrong.help(f"write one of {listed}"))
        return None

    def missing(self, parent: Mapping, key: str, where: str) -> None:
        """Say that ``key`` should be in ``parent``, which ``where`` names."""
        head = parent.entries[0].key_span if parent.entries else parent.span
        self._sink.add(codes.MISSING_KEY.at(head, f"{where} needs `{key}`", key=key).help(f"write `{key}: ...` there"))

    def left(
        self, parent: Mapping | None, taken: Collection[str], helps: MappingType[str, str], otherwise: str = ""
    ) -> None:
        """A finding for every field that nobody has taken.

        Args:
            parent: the mapping.
            taken: what has been converted, or means nothing to people.
            helps: what to do about fields that are known and have no counterpart.
            otherwise: what to do about all others; "": they are unknown.
        """
        for entry in parent.entries if parent else ():
            if entry.key in taken:
                continue
            advice = helps.get(entry.key, otherwise)
            if advice:
                self._sink.add(codes.KEY_NOT_CONVERTED.at(entry.key_span, key=entry.key).help(advice))
            else:
                known = sorted({*taken, *helps})
                found = codes.UNKNOWN_KEY.at(entry.key_span, "no operator knows it", key=entry.key)
                guess = closest(entry.key, known)
                listed = found.help(f"known keys: {', '.join(known)}")
                self._sink.add(found.did_you_mean(guess, entry.key_span) if guess else listed)

    def _scalar(self, parent: Mapping | None, key: str, wanted: type[T], expected: str) -> Located[T] | None:
        entry = present(parent, key)
        if entry is None:
            return None
        value = entry.value.value if isinstance(entry.value, Scalar) else None
        if not isinstance(value, wanted) or type(value) is not wanted:  # true and false are numbers, too
            self._wrong(entry, expected)
            return None
        return Located(value, entry.value.span)

    def _wrong(self, entry: Entry, expected: str) -> None:
        found = codes.WRONG_TYPE.at(entry.key_span, key=entry.key, found=_kind(entry.value), expected=expected)
        self._sink.add(found.help(f"write {expected}, as the operator wants it"))


def or_empty(text: Located[str] | None) -> str:
    """The text, or ""."""
    return text.value if text else ""


def present(parent: Mapping | None, key: str) -> Entry | None:
    """The entry of ``key``, unless nothing stands there."""
    entry = parent.get(key) if parent else None
    is_null = entry is not None and isinstance(entry.value, Scalar) and entry.value.value is None
    return None if is_null else entry


def flat(nodes: Iterable[Node]) -> Iterator[Node]:
    """The documents, and those in lists as ``kubectl get`` prints them; empty ones are left out."""
    for node in nodes:
        items = present(node, "items") if isinstance(node, Mapping) and plain(node, "kind") == "List" else None
        if items is not None and isinstance(items.value, Sequence):
            yield from flat(items.value.items)
        elif not (isinstance(node, Scalar) and node.value is None):
            yield node


def plain(node: Mapping, key: str) -> str:
    """The string at ``key``, or ""."""
    entry = node.get(key)
    value = entry.value.value if entry and isinstance(entry.value, Scalar) else None
    return value if isinstance(value, str) else ""


_KINDS: tuple[tuple[Callable[[Node], bool], str], ...] = (
    (lambda it: isinstance(it, Mapping), "a mapping"),
    (lambda it: isinstance(it, Sequence), "a list"),
    (lambda it: isinstance(it, Scalar) and isinstance(it.value, bool), "true or false"),
    (lambda it: isinstance(it, Scalar) and isinstance(it.value, int | float), "a number"),
)


def _kind(node: Node) -> str:
    return next((name for fits, name in _KINDS if fits(node)), "a string")
