"""What a YAML file is made of: a tree of values that know their position, and what can be wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from cloudstate.compiler.source.span import Span

ScalarValue: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Scalar:
    """A string, number, boolean or null."""

    value: ScalarValue
    span: Span


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a mapping with its value."""

    key: str
    key_span: Span
    value: Node


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping; each key once, in the order of the file."""

    entries: tuple[Entry, ...]
    span: Span

    def get(self, key: str) -> Entry | None:
        """The entry of ``key``, if there is one."""
        return next((entry for entry in self.entries if entry.key == key), None)


Node: TypeAlias = Scalar | Sequence | Mapping


class ProblemKind(Enum):
    """What can be wrong with a YAML file."""

    SYNTAX = "syntax"
    DUPLICATE_KEY = "duplicate-key"
    SEVERAL_DOCUMENTS = "several-documents"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: ``text`` says what was found, ``related`` where the other place is."""

    kind: ProblemKind
    text: str
    span: Span
    related: Span | None = None
