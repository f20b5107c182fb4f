"""Comments of .proto files as Python docstrings."""

from __future__ import annotations

import re
import textwrap

_MANY_QUOTES = re.compile('"{3,}')
_QUOTES_OUTSIDE = re.compile('"{3,}|^"|"$')


def docstring(text: str, fallback: str, indent: int) -> str:
    """The docstring literal for a comment, or for ``fallback`` where there is none.

    Whatever the comment holds (quotes, backslashes, control characters), the literal's value shows the same text.
    """
    lines = _lines(text) or _lines(fallback)
    margin = " " * indent
    first = _escape(lines[0], _QUOTES_OUTSIDE)
    if len(lines) == 1:
        return f'"""{first}"""'
    rest = (f"{margin}{_escape(line, _MANY_QUOTES)}" if line else "" for line in lines[1:])
    return "\n".join((f'"""{first}', *rest, f'{margin}"""'))


def _lines(text: str) -> list[str]:
    plain = text.replace("\r\n", "\n").replace("\r", "\n").expandtabs()
    lines = [line.rstrip() for line in textwrap.dedent(plain).strip().split("\n")]
    return lines if lines != [""] else []


def _escape(line: str, quotes: re.Pattern[str]) -> str:
    doubled = line.replace("\\", "\\\\")
    text = quotes.sub(lambda match: '\\"' * len(match[0]), doubled)
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
