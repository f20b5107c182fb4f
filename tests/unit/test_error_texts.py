"""The texts that docs/errors.md promises are those that the code has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from tests.processes import ROOT

from cloudstate.runtime.errors import StatusCode

_PAGE = (ROOT / "docs" / "errors.md").read_text()
_CALLERS = re.findall(r"^\| `([A-Z_]+)` \| ([^|]+) \| ([^|]+) \| [^|]+ \|$", _PAGE, re.M)
_STARTS = re.findall(r"^\| \d \| ([^|]+) \| [^|]+ \|$", _PAGE, re.M)
_LOGGED = {
    line for _, _, cell in _CALLERS for line in re.findall(r"(?:ERROR|WARNING|INFO), ([^,(]+?)(?: and|,| \(|$)", cell)
}

#: What stands for a value in a text of the code.
_VALUE = "\0"
#: Texts with less than this besides values would fit everything.
_LEAST = 8


def texts(node: ast.AST) -> Iterator[str]:
    """Every text of a module; values that are put in are ``_VALUE``, with the quotes around them."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else _VALUE for part in child.values)
            yield text.replace(f"`{_VALUE}`", _VALUE)
        elif isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield re.sub("`?%[a-z]`?", _VALUE, child.value)
        yield from texts(child)


class Said(NamedTuple):
    """What can be said by the runtime and its commands: whole texts, and their beginnings up to some value."""

    whole: list[re.Pattern[str]]
    begun: list[re.Pattern[str]]

    def has(self, text: str) -> bool:
        patterns = self.whole + self.begun if text.endswith("...") else self.whole
        return any(pattern.fullmatch(text) for pattern in patterns)


def patterns(found: set[str]) -> list[re.Pattern[str]]:
    kept = [text for text in found if len(text.replace(_VALUE, "")) >= _LEAST]
    return [re.compile(".*".join(map(re.escape, text.split(_VALUE))), re.S) for text in kept]


@pytest.fixture(scope="module")
def said() -> Said:
    files = [*(ROOT / "runtime").rglob("*.py"), *(ROOT / "cli").rglob("*.py")]
    whole = {text.removeprefix("error: ") for file in files for text in texts(ast.parse(file.read_text()))}
    begun = {text[: end.end()] for text in whole for end in re.finditer(_VALUE, text)}
    return Said(patterns(whole), patterns(begun))


@pytest.mark.parametrize(("status", "text"), [row[:2] for row in _CALLERS], ids=[text for _, text, _ in _CALLERS])
def test_callers_are_told_this(status: str, text: str, said: Said) -> None:
    assert status in StatusCode.__members__
    assert said.has(text)


@pytest.mark.parametrize("text", _STARTS, ids=_STARTS)
def test_starts_fail_like_this(text: str, said: Said) -> None:
    assert said.has(text)


@pytest.mark.parametrize("line", sorted(_LOGGED))
def test_the_log_has_this(line: str, said: Said) -> None:
    sources = [pattern.pattern for pattern in said.whole]
    assert said.has(f"{line}: ...") or any(re.escape(line) in source for source in sources)


def test_nothing_is_forgotten() -> None:
    assert len(_CALLERS) >= 39
    assert len(_STARTS) >= 18
