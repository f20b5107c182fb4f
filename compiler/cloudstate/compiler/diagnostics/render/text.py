"""Text for people: each finding with the lines it is about, marked, and a count at the end."""

from __future__ import annotations

from collections.abc import Sequence
from unicodedata import east_asian_width

from cloudstate.compiler.diagnostics.diagnostic import Diagnostic, Label, Severity

_TAB = "    "


def render(diagnostics: Sequence[Diagnostic]) -> str:
    """All findings, one after the other, and how many there are."""
    if not diagnostics:
        return ""
    blocks = [_block(diagnostic) for diagnostic in diagnostics]
    return "\n".join([*blocks, summary(diagnostics)]) + "\n"


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """E.g. ``2 errors, 1 warning``."""
    counts = {severity: sum(found.severity is severity for found in diagnostics) for severity in Severity}
    parts = [f"{count} {severity}{'s' if count > 1 else ''}" for severity, count in counts.items() if count]
    return ", ".join(parts)


def _block(diagnostic: Diagnostic) -> str:
    lines = [f"{diagnostic.severity}[{diagnostic.code.id}]: {diagnostic.message}"]
    gutter = max(len(str(_line_number(label))) for label in diagnostic.labels)
    for index, label in enumerate(diagnostic.labels):
        lines += _snippet(label, gutter, is_primary=index == 0)
    for note in diagnostic.notes:
        lines += _paragraph("note", note)
    for help_ in diagnostic.helps:
        lines += _paragraph("help", help_)
    return "\n".join(lines) + "\n"


def _paragraph(kind: str, text: str) -> list[str]:
    first, *rest = text.splitlines()
    return [f"  {kind}: {first}", *(f"        {line}".rstrip() for line in rest)]


def _snippet(label: Label, gutter: int, is_primary: bool) -> list[str]:
    source = label.span.source
    arrow = "-->" if is_primary else ":::"
    margin = " " * gutter
    if not source.text:
        return [f"{margin}{arrow} {source.name}", *([f"{margin} = {label.text}"] if label.text else [])]
    number, column = source.position(label.span.start)
    line = source.line(number)
    mark = "^" if is_primary else "-"
    before = _shown(line[: column - 1])
    marked = _shown(line[column - 1 : column - 1 + label.span.end - label.span.start])
    underline = f"{' ' * _width(before)}{mark * max(1, _width(marked))}"
    return [
        f"{margin}{arrow} {source.name}:{number}:{column}",
        f"{margin} |",
        f"{number:>{gutter}} | {_shown(line)}".rstrip(),
        f"{margin} | {underline} {label.text}".rstrip(),
    ]


def _line_number(label: Label) -> int:
    return label.span.source.position(label.span.start)[0]


def _shown(text: str) -> str:
    """A line as a terminal can show it: tabs widened, control characters made visible."""
    text = text.replace("\t", _TAB)
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _width(text: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)
