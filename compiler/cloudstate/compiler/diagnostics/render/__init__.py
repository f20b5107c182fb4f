"""The formats of findings: text for people, JSON for tools, GitHub annotations, SARIF for code scanning."""

from __future__ import annotations

from collections.abc import Sequence

from cloudstate.compiler.diagnostics.diagnostic import Diagnostic
from cloudstate.compiler.diagnostics.render import github, json, sarif, text

FORMATS = ("text", "json", "github", "sarif")


def render(diagnostics: Sequence[Diagnostic], format_: str) -> str:
    """The findings in one of ``FORMATS``; "" if the format says nothing where there are none."""
    match format_:
        case "text":
            return text.render(diagnostics)
        case "json":
            return json.render(diagnostics)
        case "github":
            return github.render(diagnostics)
        case "sarif":
            return sarif.render(diagnostics)
    raise ValueError(f"unknown format {format_!r}")
