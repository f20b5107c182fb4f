"""The cases that are known not to pass (``cases/exclusions.yaml``), each with its reason.

An excluded case is played nevertheless, and fails the suite if it passes: its line is then to be removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
import yaml
from tests.conformance.protocol.case import CASES, Case, Role


def exclusions(role: Role) -> Mapping[str, str]:
    """Why cases do not pass in a role, by id."""
    document = yaml.safe_load((CASES.parent / "exclusions.yaml").read_text())
    return {name: it["reason"] for it in document["exclusions"] if role in it["roles"] for name in it["cases"]}


def parameters(role: Role, cases: Iterable[Case]) -> list[Any]:
    """Cases as parameters of a test, with their ids; the excluded ones have to fail."""
    known = exclusions(role)
    return [pytest.param(case, id=case.id, marks=_marks(known.get(case.id))) for case in cases]


def _marks(reason: str | None) -> list[pytest.MarkDecorator]:
    return [] if reason is None else [pytest.mark.xfail(reason=reason, strict=True)]
