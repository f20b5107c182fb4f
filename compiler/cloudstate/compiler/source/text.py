"""A text file with its name, and the arithmetic between offsets, lines and columns."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import lru_cache

_PROTOC_TAB = 8


@dataclass(frozen=True, slots=True)
class Source:
    """One input file.

    Attributes:
        name: the path as people read it, with forward slashes.
        text: the content; "" where the file could not be read, so that a finding can still name it.
    """

    name: str
    text: str = field(default="", repr=False)

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of a character offset, both counted from 1, columns in characters."""
        starts = _line_starts(self.text)
        line = bisect_right(starts, max(0, min(offset, len(self.text))))
        return line, offset - starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line, counted from 1, without its end."""
        starts = _line_starts(self.text)
        end = starts[number] if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end].rstrip("\r\n")

    def offset(self, line: int, column: int = 1) -> int:
        """The character offset of a line and column, both counted from 1; kept inside the text."""
        starts = _line_starts(self.text)
        if line > len(starts):
            return len(self.text)
        return min(starts[max(line, 1) - 1] + max(column, 1) - 1, len(self.text))

    def protoc_offset(self, line: int, column: int) -> int:
        """The character offset of what protoc calls (line, column), both counted from 0.

        protoc counts bytes of UTF-8, and a tab leads to the next multiple of eight.
        """
        content = self.line(line + 1) if line < len(_line_starts(self.text)) else ""
        if content.isascii() and "\t" not in content:
            return self.offset(line + 1, min(column, len(content)) + 1)
        reached = 0
        for index, character in enumerate(content):
            if reached >= column:
                return self.offset(line + 1, index + 1)
            reached += _PROTOC_TAB - reached % _PROTOC_TAB if character == "\t" else len(character.encode())
        return self.offset(line + 1, len(content) + 1)


@lru_cache(maxsize=64)
def _line_starts(text: str) -> tuple[int, ...]:
    starts = [0]
    position = text.find("\n")
    while position >= 0:
        starts.append(position + 1)
        position = text.find("\n", position + 1)
    return tuple(starts)
