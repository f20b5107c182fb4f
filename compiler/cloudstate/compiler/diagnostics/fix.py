"""Suggested edits, put together: the texts that files would have. Nothing is read or written here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cloudstate.compiler.diagnostics.diagnostic import Diagnostic, Edit
from cloudstate.compiler.source import Source, Span

_FLOW_BEFORE = re.compile(r",\s*$")
_FLOW_AFTER = re.compile(r"\s*,\s*")
_ITEM_BEFORE = re.compile(r"[ \t]*-[ \t]+$")
_LINE_AFTER = re.compile(r"[ \t]*(#[^\n]*)?(\n|$)")


@dataclass(frozen=True, slots=True)
class Fixes:
    """What applying edits comes to.

    Attributes:
        texts: the new text of each source that changes.
        applied: the findings whose edits are in there; the others overlap with them and wait for another round.
    """

    texts: Mapping[Source, str]
    applied: tuple[Diagnostic, ...]


def plan(diagnostics: Sequence[Diagnostic]) -> Fixes:
    """Apply the edits of as many findings as do not touch each other. All edits of a finding are taken, or none."""
    taken: list[Edit] = []
    applied = []
    for diagnostic in diagnostics:
        edits = [edit for edit in diagnostic.edits if edit not in taken]
        if diagnostic.edits and not any(_touch(edit.span, other.span) for edit in edits for other in taken):
            taken += edits
            applied.append(diagnostic)
    sources = dict.fromkeys(edit.span.source for edit in taken)
    texts = {source: _applied(source, [edit for edit in taken if edit.span.source == source]) for source in sources}
    return Fixes(texts, tuple(applied))


def without_item(span: Span) -> Span:
    """The stretch that has to go so that an item of a YAML list is gone: its comma, or its whole line, goes too."""
    text = span.source.text
    line = text.rfind("\n", 0, span.start) + 1
    before, rest = text[line : span.start], _LINE_AFTER.match(text, span.end)
    if _ITEM_BEFORE.fullmatch(before) and rest:
        return Span(span.source, line, rest.end())
    if comma := _FLOW_BEFORE.search(text[: span.start]):
        return Span(span.source, comma.start(), span.end)
    after = _FLOW_AFTER.match(text, span.end)
    return Span(span.source, span.start, after.end()) if after else span


def _applied(source: Source, edits: Sequence[Edit]) -> str:
    text = source.text
    for edit in sorted(edits, key=lambda edit: edit.span.start, reverse=True):
        text = text[: edit.span.start] + edit.replacement + text[edit.span.end :]
    return text


def _touch(one: Span, other: Span) -> bool:
    """Whether two stretches overlap or meet: then the order of the edits would matter."""
    return one.source == other.source and one.start <= other.end and other.start <= one.end
