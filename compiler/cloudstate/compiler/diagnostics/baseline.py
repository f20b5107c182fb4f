"""A baseline: the findings that a project has on a day, as a file. Those that are known do not fail; new ones do."""

from __future__ import annotations

import json
from collections.abc import Sequence

from cloudstate.compiler.diagnostics.diagnostic import Diagnostic
from cloudstate.compiler.diagnostics.fingerprint import fingerprints

_FORMAT = "cloudstate.io/baseline/v1"


class BadBaseline(ValueError):
    """The text is no baseline; says why."""


def render_baseline(diagnostics: Sequence[Diagnostic]) -> str:
    """The file that knows these findings. People read it, so that each has its code, file and message beside it."""
    entries = [
        {"fingerprint": made, "code": found.code.id, "file": found.span.source.name, "message": found.message}
        for made, found in zip(fingerprints(diagnostics), diagnostics, strict=True)
    ]
    return json.dumps({"format": _FORMAT, "findings": entries}, indent=2, ensure_ascii=False) + "\n"


def parse_baseline(text: str) -> frozenset[str]:
    """The fingerprints that a baseline knows.

    Raises:
        BadBaseline: it is none.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise BadBaseline(f"it is not JSON: {error}") from error
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise BadBaseline(f"its format is not {_FORMAT}")
    entries = document.get("findings")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadBaseline("its `findings` are not a list of mappings")
    known = [entry.get("fingerprint") for entry in entries]
    if not all(isinstance(one, str) for one in known):
        raise BadBaseline("a finding has no fingerprint")
    return frozenset(map(str, known))


def unknown(diagnostics: Sequence[Diagnostic], known: frozenset[str]) -> tuple[Diagnostic, ...]:
    """Those of a run's findings that a baseline does not know."""
    made = fingerprints(diagnostics)
    return tuple(found for mark, found in zip(made, diagnostics, strict=True) if mark not in known)
