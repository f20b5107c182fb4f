"""Paths into a tree of YAML nodes, as pydantic reports them: keys and indices."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeAlias

from cloudstate.compiler.source import Entry, Located, Mapping, Node, Scalar, Sequence, Span

Path: TypeAlias = tuple[str | int, ...]


def data(node: Node) -> object:
    """The node as plain Python values."""
    match node:
        case Mapping(entries=entries):
            return {entry.key: data(entry.value) for entry in entries}
        case Sequence(items=items):
            return [data(item) for item in items]
        case Scalar(value=value):
            return value


def find(node: Node, path: Path) -> Node:
    """The node at a path, or the last one on the way to it."""
    for part in path:
        step = _step(node, part)
        if step is None:
            return node
        node = step
    return node


def lookup(node: Node, *path: str | int) -> Node | None:
    """The node at a path; None if there is none, or nothing stands there."""
    for part in path:
        step = _step(node, part)
        if step is None:
            return None
        node = step
    return None if isinstance(node, Scalar) and node.value is None else node


def value(node: Node, *path: str | int) -> Located[Any] | None:
    """The scalar at a path, with its place."""
    found = lookup(node, *path)
    return Located(found.value, found.span) if isinstance(found, Scalar) else None


def values(node: Node, *path: str | int) -> tuple[Located[Any], ...]:
    """The scalars of the list at a path, with their places."""
    found = lookup(node, *path)
    items = found.items if isinstance(found, Sequence) else ()
    return tuple(Located(item.value, item.span) for item in items if isinstance(item, Scalar))


def key_span(node: Node, path: Path) -> Span:
    """Where the key at a path is written; an item of a list is shown by its first key or as a whole."""
    if not path:
        return _head(node)
    parent = find(node, path[:-1])
    if isinstance(parent, Mapping):
        entry = parent.get(str(path[-1]))
        return entry.key_span if entry else _head(parent)
    return _head(find(node, path))


def keys(node: Node) -> tuple[str, ...]:
    """The keys of a mapping."""
    return tuple(entry.key for entry in node.entries) if isinstance(node, Mapping) else ()


def prune(node: Mapping, cuts: Collection[Path]) -> Mapping:
    """The mapping without what stands at the paths."""
    pruned = _without(node, cuts, ())
    assert isinstance(pruned, Mapping)
    return pruned


def _without(node: Node, cuts: Collection[Path], at: Path) -> Node:
    match node:
        case Mapping(entries=entries):
            kept = (entry for entry in entries if (*at, entry.key) not in cuts)
            return Mapping(
                tuple(Entry(it.key, it.key_span, _without(it.value, cuts, (*at, it.key))) for it in kept), node.span
            )
        case Sequence(items=items):
            kept_items = ((index, item) for index, item in enumerate(items) if (*at, index) not in cuts)
            return Sequence(tuple(_without(item, cuts, (*at, index)) for index, item in kept_items), node.span)
    return node


def _step(node: Node, part: str | int) -> Node | None:
    if isinstance(node, Mapping):
        entry = node.get(str(part))
        return entry.value if entry else None
    if isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
        return node.items[part]
    return None


def _head(node: Node) -> Span:
    """A short stretch that stands for a node."""
    match node:
        case Mapping(entries=(first, *_)):
            return first.key_span
        case Sequence(items=(first_item, *_)):
            return _head(first_item)
    return node.span
