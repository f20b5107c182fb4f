"""JSON for tools: one document with every finding.

Lines and columns count from 1, columns in characters; ends are exclusive.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from cloudstate.compiler.diagnostics.diagnostic import Diagnostic, Severity
from cloudstate.compiler.source import Span


def render(diagnostics: Sequence[Diagnostic]) -> str:
    """The document, also where there is nothing to report."""
    document = {
        "format": "cloudstate.io/diagnostics/v1",
        "errors": sum(found.severity in (Severity.ERROR, Severity.BUG) for found in diagnostics),
        "warnings": sum(found.severity is Severity.WARNING for found in diagnostics),
        "diagnostics": [_diagnostic(diagnostic) for diagnostic in diagnostics],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _diagnostic(diagnostic: Diagnostic) -> dict[str, object]:
    return {
        "code": diagnostic.code.id,
        "name": diagnostic.code.name,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "labels": [{**location(label.span), "text": label.text} for label in diagnostic.labels],
        "notes": list(diagnostic.notes),
        "help": list(diagnostic.helps),
        "edits": [{**location(edit.span), "replacement": edit.replacement} for edit in diagnostic.edits],
    }


def location(span: Span) -> dict[str, object]:
    """A span as file, line, column, end line and end column."""
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {"file": span.source.name, "line": line, "column": column, "end_line": end_line, "end_column": end_column}
