"""The cases that are known not to pass (``exclusions.yaml``), each with its reason.

An excluded case is played nevertheless, and fails the suite if it passes: its line is then to be removed. Only where
there is no player for a kind of case yet, it is not played.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.conformance.protocol.case import Case, Role

_FILE = Path(__file__).with_name("exclusions.yaml")


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why a case does not pass in a role, and whether it is played nevertheless."""

    reason: str
    played: bool = True


def exclusions(role: Role) -> Mapping[str, Exclusion]:
    """What does not pass in a role, by id."""
    document = yaml.safe_load(_FILE.read_text())
    return {
        name: Exclusion(it["reason"], it.get("played", True))
        for it in document["exclusions"]
        if role in it["roles"]
        for words in it["cases"]
        for name in _ids(words)
    }


def _ids(words: str) -> Iterator[str]:
    first, _, last = words.partition(" to ")
    if not last:
        yield first
        return
    letters = first.rstrip("0123456789")
    for number in range(int(first.removeprefix(letters)), int(last.removeprefix(letters)) + 1):
        yield f"{letters}{number}"


def parameters(role: Role, cases: Iterable[Case]) -> list[Any]:
    """Cases as parameters of a test, with their ids; the excluded ones have to fail."""
    known = exclusions(role)
    return [pytest.param(case, id=case.id, marks=_marks(known.get(case.id))) for case in cases]


def _marks(exclusion: Exclusion | None) -> list[pytest.MarkDecorator]:
    if exclusion is None:
        return []
    return [pytest.mark.xfail(reason=exclusion.reason, strict=True, run=exclusion.played)]
