"""SARIF 2.1.0 for code scanning."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import quote

from cloudstate.compiler.diagnostics.diagnostic import Code, Diagnostic, Edit, Label, Severity
from cloudstate.compiler.diagnostics.fingerprint import fingerprints
from cloudstate.compiler.source import Span
from cloudstate.compiler.version import version

_LEVELS = {Severity.ERROR: "error", Severity.BUG: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render(diagnostics: Sequence[Diagnostic]) -> str:
    """A log with one run; its rules are the codes that occur."""
    codes = sorted({diagnostic.code.id: diagnostic.code for diagnostic in diagnostics}.values(), key=lambda c: c.id)
    index = {code.id: number for number, code in enumerate(codes)}
    driver = {
        "name": "cloudstate",
        "version": version(),
        "rules": [_rule(code) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(diagnostic, index, mark)
            for diagnostic, mark in zip(diagnostics, fingerprints(diagnostics), strict=True)
        ],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _rule(code: Code) -> dict[str, object]:
    return {
        "id": code.id,
        "name": code.name,
        "shortDescription": {"text": code.name.replace("-", " ")},
        "help": {"text": f"cloudstate explain {code.id}"},
        "defaultConfiguration": {"level": _LEVELS[code.severity]},
    }


def _result(diagnostic: Diagnostic, index: dict[str, int], fingerprint: str) -> dict[str, object]:
    primary, *others = diagnostic.labels
    text = "\n".join([diagnostic.message, *filter(None, [primary.text]), *diagnostic.notes, *diagnostic.helps])
    result: dict[str, object] = {
        "ruleId": diagnostic.code.id,
        "ruleIndex": index[diagnostic.code.id],
        "level": _LEVELS[diagnostic.severity],
        "message": {"text": text},
        "locations": [_location(primary.span)],
        "partialFingerprints": {"cloudstate/v1": fingerprint},
    }
    if others:
        result["relatedLocations"] = [_related(number, label) for number, label in enumerate(others)]
    if diagnostic.edits:
        result["fixes"] = [_fix(diagnostic)]
    return result


def _related(number: int, label: Label) -> dict[str, object]:
    return {"id": number, **_location(label.span), "message": {"text": label.text}}


def _fix(diagnostic: Diagnostic) -> dict[str, object]:
    sources = dict.fromkeys(edit.span.source for edit in diagnostic.edits)
    return {
        "description": {"text": "\n".join(diagnostic.helps) or diagnostic.message},
        "artifactChanges": [
            {
                "artifactLocation": _artifact(Span(source)),
                "replacements": [_replacement(edit) for edit in diagnostic.edits if edit.span.source == source],
            }
            for source in sources
        ],
    }


def _replacement(edit: Edit) -> dict[str, object]:
    return {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.replacement}}


def _location(span: Span) -> dict[str, object]:
    physical: dict[str, object] = {"artifactLocation": _artifact(span)}
    if span.source.text:
        physical["region"] = _region(span)
    return {"physicalLocation": physical}


def _artifact(span: Span) -> dict[str, object]:
    name = span.source.name
    return {"uri": f"file://{quote(name)}" if name.startswith("/") else quote(name)}


def _region(span: Span) -> dict[str, object]:
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}
