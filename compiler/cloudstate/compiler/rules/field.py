"""A place in a manifest: what stands there, and where it was written, also if nothing stands there."""

from __future__ import annotations

from dataclasses import dataclass

from cloudstate.compiler.source import Mapping, Node, Scalar, Sequence, Span


@dataclass(frozen=True, slots=True)
class Field:
    """A place in a manifest.

    Attributes:
        node: what stands there; None: nothing.
        span: where a finding about it points: its key or text, or those of the nearest place around it.
    """

    node: Node | None
    span: Span

    def __bool__(self) -> bool:
        """Whether anything but null stands there."""
        return self.node is not None and not (isinstance(self.node, Scalar) and self.node.value is None)

    def at(self, *path: str) -> Field:
        """The place that the keys lead to."""
        place = self
        for key in path:
            entry = place.node.get(key) if isinstance(place.node, Mapping) else None
            if entry is None:
                return Field(None, place.span)
            scalar = isinstance(entry.value, Scalar)
            place = Field(entry.value, entry.value.span if scalar else entry.key_span)
        return place

    def items(self) -> tuple[Field, ...]:
        """What a list holds."""
        items = self.node.items if isinstance(self.node, Sequence) else ()
        return tuple(Field(item, _head(item)) for item in items)

    def entries(self) -> tuple[tuple[str, Field], ...]:
        """What a mapping holds, with the keys."""
        entries = self.node.entries if isinstance(self.node, Mapping) else ()
        return tuple((entry.key, self.at(entry.key)) for entry in entries)

    def keys(self) -> frozenset[str]:
        """The keys of a mapping."""
        return frozenset(key for key, _ in self.entries())

    @property
    def text(self) -> str:
        """The text that stands there; "" if it is no text."""
        value = self.node.value if isinstance(self.node, Scalar) else None
        return value if isinstance(value, str) else ""

    @property
    def number(self) -> int | None:
        """The whole number that stands there."""
        value = self.node.value if isinstance(self.node, Scalar) else None
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    @property
    def value(self) -> object:
        """What stands there as plain values."""
        return plain(self.node) if self.node is not None else None

    def texts(self) -> dict[str, str]:
        """The texts of a mapping."""
        return {key: field.text for key, field in self.entries()}


def plain(node: Node) -> object:
    """A tree of nodes as plain values."""
    match node:
        case Mapping(entries=entries):
            return {entry.key: plain(entry.value) for entry in entries}
        case Sequence(items=items):
            return [plain(item) for item in items]
        case Scalar(value=value):
            return value


def _head(node: Node) -> Span:
    match node:
        case Mapping(entries=(first, *_)):
            return first.key_span
        case Sequence(items=(first_item, *_)):
            return _head(first_item)
    return node.span
