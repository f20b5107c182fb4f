"""A stretch of a source file, and a value that remembers which one it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from cloudstate.compiler.source.text import Source

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Span:
    """The characters from ``start`` up to, not including, ``end``; empty spans point between two characters."""

    source: Source
    start: int = 0
    end: int = 0

    @property
    def text(self) -> str:
        """The characters themselves."""
        return self.source.text[self.start : self.end]

    @property
    def sort_key(self) -> tuple[str, int, int]:
        """Orders spans by file, then by where they begin."""
        return (self.source.name, self.start, self.end)

    def find(self, needle: str) -> Span:
        """The first place inside this span that reads ``needle``, or the span itself."""
        at = self.text.find(needle)
        if at < 0 or not needle:
            return self
        return Span(self.source, self.start + at, self.start + at + len(needle))


@dataclass(frozen=True, slots=True)
class Located(Generic[T_co]):
    """A value and where it was written."""

    value: T_co
    span: Span
