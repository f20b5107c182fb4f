"""Where lines break: expressions are laid out the way ``ruff format`` with its default settings leaves them.

An expression that fits its line stays there. One that does not is opened at its outermost brackets, one item a line,
with the trailing comma that makes formatters keep it open. Only what generated code needs is here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

WIDTH = 88
_STEP = 4


@dataclass(frozen=True, slots=True)
class Brackets:
    """``head`` followed by bracketed items.

    Attributes:
        head: what stands before the opening bracket, e.g. ``name: Reply``.
        items: what stands between the brackets.
        pair: the opening and the closing bracket.
        is_open: one item a line even if all would fit.
        comma: write a comma after the last item when one item a line; a subscript with one item must not have it.
        is_tuple: a single item needs a comma even on one line.
        tail: what follows the closing bracket.
    """

    head: str
    items: tuple[Node, ...]
    pair: str = "()"
    is_open: bool = False
    comma: bool = True
    is_tuple: bool = False
    tail: str = ""


Node: TypeAlias = str | Brackets


def call(head: str, *items: Node, is_open: bool = False) -> Brackets:
    """``head(items)``."""
    return Brackets(head, items, is_open=is_open)


def rows(head: str, items: Iterable[Node]) -> Brackets:
    """``head(...)``: a tuple that reads as a table, one item a line."""
    members = tuple(items)
    return Brackets(head, members, is_open=len(members) > 1, is_tuple=True)


def strings(head: str, values: Iterable[str]) -> Brackets:
    """``head("a", "b")``: a tuple of strings."""
    return Brackets(head, tuple(map(quote, values)), is_tuple=True)


def quote(text: str) -> str:
    """A string literal for ``text``, in double quotes."""
    return json.dumps(text)


def subscript(head: str, *items: Node) -> Brackets:
    """``head[items]``."""
    return Brackets(head, items, pair="[]", comma=len(items) > 1)


def annotated(name: str, type_: Node, default: str = "") -> Node:
    """``name: type_`` with an optional ``= default``."""
    if isinstance(type_, Brackets):
        return replace(type_, head=f"{name}: {type_.head}", tail=default)
    return f"{name}: {type_}{default}"


def signature(head: str, parameters: tuple[Node, ...], result: Node, indent: int) -> str:
    """``head(parameters) -> result:`` starting at column ``indent``."""
    one_line = f"{head}({', '.join(map(flat, parameters))}) -> {flat(result)}:"
    if indent + len(one_line) <= WIDTH:
        return one_line
    opened = render(Brackets(head, parameters, is_open=True), indent)
    return f"{opened} -> {render(result, indent, before=5, after=1)}:"


def flat(node: Node) -> str:
    """``node`` on one line."""
    if isinstance(node, str):
        return node
    comma = "," if node.is_tuple and len(node.items) == 1 else ""
    return f"{node.head}{node.pair[0]}{', '.join(map(flat, node.items))}{comma}{node.pair[1]}{node.tail}"


def render(node: Node, indent: int, before: int = 0, after: int = 0) -> str:
    """Lay ``node`` out; its first line starts at column ``indent + before``, and ``after`` columns follow its last."""
    line = flat(node)
    fits = indent + before + len(line) + after <= WIDTH
    if isinstance(node, Brackets) and node.items and (node.is_open or not fits or _contains_open(node)):
        return _opened(node, indent)
    return line


def _contains_open(node: Node) -> bool:
    return isinstance(node, Brackets) and (node.is_open or any(map(_contains_open, node.items)))


def _opened(node: Brackets, indent: int) -> str:
    inner = indent + _STEP
    comma = "," if node.comma else ""
    lines = [f"{node.head}{node.pair[0]}"]
    for item in node.items:
        lines.append(f"{' ' * inner}{render(item, inner, after=1 if node.comma else 0)}{comma}")
    lines.append(f"{' ' * indent}{node.pair[1]}{node.tail}")
    return "\n".join(lines)
