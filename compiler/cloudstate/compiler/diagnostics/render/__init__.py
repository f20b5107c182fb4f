"""The formats of findings: text for people, JSON for tools, GitHub annotations, SARIF for code scanning."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from cloudstate.compiler.diagnostics.diagnostic import Diagnostic

FORMATS = ("text", "json", "github", "sarif")


def render(diagnostics: Sequence[Diagnostic], format_: str) -> str:
    """The findings in one of ``FORMATS``; "" if the format says nothing where there are none."""
    if format_ not in FORMATS:
        raise ValueError(f"unknown format {format_!r}")
    # Only the one that is asked for is imported.
    module = importlib.import_module(f"{__name__}.{format_}")
    text: str = module.render(diagnostics)
    return text
