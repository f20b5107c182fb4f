"""Path templates of google.api.http, compiled once.

    Template = "/" Segments [ ":" Verb ]
    Segments = Segment { "/" Segment }
    Segment  = "*" | "**" | Literal | "{" FieldPath [ "=" Segments ] "}"

``**`` stands last, variables do not nest, and no variable is named twice. Every segment of a template except ``**``
takes exactly one segment of a path, so a variable is a slice of the path's segments and nothing is captured on the way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

ONE = "*"
REST = "**"

_LITERAL = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()+,;=@]|%[0-9A-Fa-f]{2})+")
_FIELD_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")


class TemplateInvalid(ValueError):
    """The text is not a path template; says at which character, and what was expected."""

    def __init__(self, message: str, *, text: str, position: int) -> None:
        super().__init__(f"{message} at character {position + 1} of `{text}`")
        self.position = position


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable and the segments that it takes: ``segments[start:end]``; ``end`` is None if it ends with ``**``."""

    name: str
    start: int
    end: int | None


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template.

    Attributes:
        text: as the author wrote it.
        segments: ``*``, ``**`` or a literal (percent-decoded), one for each segment of a path.
        verb: the literal after ``:``, "" if there is none.
        variables: in the order in which they stand.
    """

    text: str
    segments: tuple[str, ...]
    verb: str
    variables: tuple[Variable, ...]

    @classmethod
    def parse(cls, text: str) -> Template:
        """Compile a template.

        Raises:
            TemplateInvalid: the text is not one.
        """
        return _Parser(text).template()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._segments: list[str] = []
        self._variables: list[Variable] = []

    def template(self) -> Template:
        if not self._take("/"):
            raise self._error("a path template starts with `/`")
        if self._at == len(self._text):
            self._segments.append("")  # the template `/`
        else:
            self._take_segments(inside=None)
        verb = self._take_literal("a verb") if self._take(":") else ""
        if self._at < len(self._text):
            raise self._error(f"unexpected `{self._text[self._at]}`")
        return Template(self._text, tuple(self._segments), verb, tuple(self._variables))

    def _take_segments(self, inside: str | None) -> None:
        self._take_segment(inside)
        while self._take("/"):
            self._take_segment(inside)

    def _take_segment(self, inside: str | None) -> None:
        if self._segments and self._segments[-1] == REST:
            raise self._error("nothing may follow `**`")
        if self._peek("{"):
            if inside is not None:
                raise self._error(f"a variable inside the variable `{inside}`")
            self._take_variable()
        elif self._take(REST):
            self._segments.append(REST)
        elif self._take(ONE):
            self._segments.append(ONE)
        else:
            self._segments.append(self._take_literal("a segment"))

    def _take_variable(self) -> None:
        opened = self._at
        self._at += 1
        name = self._take_match(_FIELD_PATH, "the name of a field")
        if any(variable.name == name for variable in self._variables):
            raise self._error(f"the variable `{name}` for the second time", opened)
        start = len(self._segments)
        if self._take("="):
            self._take_segments(inside=name)
        else:
            self._segments.append(ONE)
        if not self._take("}"):
            raise self._error(f"expected `}}` to end the variable `{name}`")
        end = None if self._segments[-1] == REST else len(self._segments)
        self._variables.append(Variable(name, start, end))

    def _take_literal(self, what: str) -> str:
        return unquote(self._take_match(_LITERAL, what))

    def _take_match(self, pattern: re.Pattern[str], what: str) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise self._error(f"expected {what}")
        self._at = found.end()
        return found.group()

    def _peek(self, text: str) -> bool:
        return self._text.startswith(text, self._at)

    def _take(self, text: str) -> bool:
        if not self._peek(text):
            return False
        self._at += len(text)
        return True

    def _error(self, message: str, position: int | None = None) -> TemplateInvalid:
        return TemplateInvalid(message, text=self._text, position=self._at if position is None else position)
