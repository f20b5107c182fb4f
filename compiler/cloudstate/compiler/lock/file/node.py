"""Reading of YAML nodes that must have a certain shape. The first thing that is wrong ends it, with its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from cloudstate.compiler.source import Mapping as MappingNode
from cloudstate.compiler.source import Node, Scalar, Sequence, Span

_T = TypeVar("_T")
_KINDS = {Scalar: "one value", Sequence: "a list", MappingNode: "a mapping"}


class Damaged(Exception):
    """The lock file is not as it was written.

    Attributes:
        span: where.
        reason: what is wrong there.
    """

    def __init__(self, span: Span, reason: str) -> None:
        super().__init__(reason)
        self.span = span
        self.reason = reason


def mapping(node: Node) -> dict[str, Node]:
    """The values of a mapping."""
    return {entry.key: entry.value for entry in _of(node, MappingNode).entries}


def record(node: Node, required: str, optional: str = "") -> dict[str, Node]:
    """The values of a mapping that has certain keys, given as words, and no others."""
    found = mapping(node)
    for entry in _of(node, MappingNode).entries:
        if entry.key not in {*required.split(), *optional.split()}:
            raise Damaged(entry.key_span, f"nothing is known of `{entry.key}`")
    for key in required.split():
        if key not in found:
            raise Damaged(node.span, f"`{key}` is missing")
    return found


def each(node: Node | None, read: Callable[[Node], _T]) -> tuple[_T, ...]:
    """The items of a list; none where there is no list."""
    return tuple(read(item) for item in _of(node, Sequence).items) if node is not None else ()


def named(node: Node | None, read: Callable[[str, Node], _T]) -> Mapping[str, _T]:
    """The values of a mapping by their keys; none where there is no mapping."""
    return {name: read(name, value) for name, value in mapping(node).items()} if node is not None else {}


def text(node: Node | None) -> str:
    """A string; "" where there is none."""
    if node is None:
        return ""
    value = _of(node, Scalar).value
    if not isinstance(value, str):
        raise Damaged(node.span, f"`{node.span.text}` is not a string")
    return value


def number(node: Node) -> int:
    """A whole number that is not negative."""
    value = _of(node, Scalar).value
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Damaged(node.span, f"`{node.span.text}` is not a number")
    return value


def flag(node: Node | None) -> bool:
    """A truth value; false where there is none."""
    if node is None:
        return False
    value = _of(node, Scalar).value
    if not isinstance(value, bool):
        raise Damaged(node.span, f"`{node.span.text}` is not true or false")
    return value


def parsed(node: Node, read: Callable[[str], _T | None], what: str) -> _T:
    """A string that ``read`` understands."""
    found = read(text(node))
    if found is None:
        raise Damaged(node.span, f"`{text(node)}` is not {what}")
    return found


def _of(node: Node, kind: type[_T]) -> _T:
    if not isinstance(node, kind):
        raise Damaged(node.span, f"{_KINDS[type(node)]} where {_KINDS[kind]} is expected")
    return node
