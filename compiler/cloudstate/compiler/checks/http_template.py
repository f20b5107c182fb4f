"""Path templates of ``google.api.http``.

Template = "/" Segments [ ":" Verb ]
Segments = Segment { "/" Segment }
Segment  = "*" | "**" | Literal | "{" FieldPath [ "=" Segments ] "}"
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_LITERAL = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()+,;=@]|%[0-9A-Fa-f]{2})+")
_FIELD_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_ONE, _REST = "*", "**"


class NotATemplate(ValueError):
    """The text is not a template: says what is wrong at which offset."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Template:
    """A template: its variables, and the pattern that is left of it when they have no names."""

    variables: tuple[str, ...]
    pattern: str


def parse(text: str) -> Template:
    """Read a template.

    Raises:
        NotATemplate: it is none.
    """
    return _Parser(text).template()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._segments: list[str] = []
        self._variables: list[str] = []

    def template(self) -> Template:
        if not self._take("/"):
            raise NotATemplate("a path begins with `/`", 0)
        if self._at < len(self._text):
            self._take_segments(is_inside=False)
        verb = f":{self._match(_LITERAL, 'a verb')}" if self._take(":") else ""
        if self._at < len(self._text):
            raise self._unexpected()
        return Template(tuple(self._variables), f"/{'/'.join(self._segments)}{verb}")

    def _take_segments(self, is_inside: bool) -> None:
        self._take_segment(is_inside)
        while self._take("/"):
            self._take_segment(is_inside)

    def _take_segment(self, is_inside: bool) -> None:
        if self._segments[-1:] == [_REST]:
            raise NotATemplate("nothing can follow `**`", self._at)
        if self._take("{"):
            if is_inside:
                raise NotATemplate("a variable inside a variable", self._at - 1)
            self._take_variable()
        elif self._take(_REST):
            self._segments.append(_REST)
        elif self._take(_ONE):
            self._segments.append(_ONE)
        else:
            self._segments.append(self._match(_LITERAL, "a segment"))

    def _take_variable(self) -> None:
        start = self._at
        name = self._match(_FIELD_PATH, "the name of a field")
        if name in self._variables:
            raise NotATemplate(f"`{name}` for the second time", start)
        self._variables.append(name)
        if self._take("="):
            self._take_segments(is_inside=True)
        else:
            self._segments.append(_ONE)
        if not self._take("}"):
            raise NotATemplate("`}` is missing", self._at)

    def _match(self, pattern: re.Pattern[str], what: str) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise NotATemplate(f"{what} is missing", self._at)
        self._at = found.end()
        return found[0]

    def _take(self, text: str) -> bool:
        if not self._text.startswith(text, self._at):
            return False
        self._at += len(text)
        return True

    def _unexpected(self) -> NotATemplate:
        return NotATemplate(f"`{self._text[self._at]}` is not expected here", self._at)
