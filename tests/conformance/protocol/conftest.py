"""``CONFORMANCE_REPORT=FILE pytest tests/conformance/protocol`` writes each case's outcome as JSON, for machines."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.protocol.case import Case, Role

_OUTCOMES = pytest.StashKey[list[dict[str, str]]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note how a case has ended, if the test is one's."""
    report = yield
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    case = parameters.get("case")
    if isinstance(case, Case) and (report.when == "call" or report.outcome != "passed"):
        item.config.stash.setdefault(_OUTCOMES, []).append(_outcome(case, parameters, report))
    return report


def _outcome(case: Case, parameters: dict[str, Any], report: pytest.TestReport) -> dict[str, str]:
    compat = parameters.get("compat")
    excluded = report.outcome == "skipped"
    return {
        "case": case.id,
        "role": parameters.get("role", Role.FUNCTION),
        "compat": "none" if compat is None or compat.entity_metadata else "reference",
        "outcome": "excluded" if excluded else report.outcome,
        "reason": str(getattr(report, "wasxfail", "")).removeprefix("reason: ").removeprefix("[NOTRUN] "),
    }


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the report, if somebody wants one."""
    path = os.environ.get("CONFORMANCE_REPORT")
    outcomes = session.config.stash.get(_OUTCOMES, None)
    if path and outcomes:
        Path(path).write_text(json.dumps({"cases": outcomes}, indent=2) + "\n")
