"""Plain YAML: mappings, lists and scalars, one thing a line. What needs no quotes has none.

The lock file can be long, and general YAML writers take their time over every scalar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

Data: TypeAlias = "str | int | bool | list[Data] | dict[str, Data]"

#: Words of letters, digits and signs that mean nothing to YAML inside of a word, the first one beginning with a letter.
_PLAIN = re.compile(r"[A-Za-z_][\w.<>/+=()-]*(?:,? [\w.<>/+=()][\w.<>/+=()-]*)*", re.ASCII)
#: What YAML takes for something else than text.
_WORDS = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"}


def dump(data: dict[str, Data]) -> str:
    """A document."""
    return "".join(f"{line}\n" for line in _lines(data))


def _lines(data: Data) -> Iterator[str]:
    """Anything, one line after the other, without indentation."""
    match data:
        case dict() if data:
            for key, value in data.items():
                yield from _entry(f"{scalar(key)}:", value)
        case list() if data:
            for item in data:
                first, *rest = _lines(item)
                yield f"- {first}"
                yield from (f"  {line}" for line in rest)
        case dict():
            yield "{}"
        case list():
            yield "[]"
        case _:
            yield scalar(data)


def _entry(head: str, value: Data) -> Iterator[str]:
    if isinstance(value, dict | list) and value:
        yield head
        yield from (f"  {line}" for line in _lines(value))
    else:
        yield f"{head} {next(_lines(value))}"


def scalar(value: str | int | bool) -> str:
    """One value, so that it is read as what it is."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    if value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return '"' + "".join(map(_escaped, value)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08X}"
