"""Where findings are collected, each once, and put in order."""

from __future__ import annotations

from collections.abc import Iterable

from cloudstate.compiler.diagnostics.diagnostic import Diagnostic, Severity

_STOPS = {Severity.ERROR, Severity.BUG}


class Sink:
    """Collects the findings of all phases; equal ones count once."""

    def __init__(self) -> None:
        self._findings: dict[Diagnostic, None] = {}

    def add(self, *diagnostics: Diagnostic) -> None:
        """Take some findings."""
        self.extend(diagnostics)

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Take all findings of a check."""
        self._findings.update(dict.fromkeys(diagnostics))

    @property
    def has_errors(self) -> bool:
        """True if nothing may be written."""
        return any(diagnostic.severity in _STOPS for diagnostic in self._findings)

    def sorted(self) -> tuple[Diagnostic, ...]:
        """All findings by file, offset and code."""
        return tuple(sorted(self._findings, key=lambda diagnostic: diagnostic.sort_key))
