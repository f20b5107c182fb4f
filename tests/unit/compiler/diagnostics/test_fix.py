"""Suggested edits as new texts."""

from __future__ import annotations

import pytest

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.diagnostics.fix import plan, without_item
from cloudstate.compiler.source import Source, Span


def at(source: Source, word: str, replacement: str) -> Diagnostic:
    span = Span(source, source.text.index(word), source.text.index(word) + len(word))
    return codes.UNKNOWN_KEY.at(span, key=word).edit(span, replacement)


def test_edits_of_several_findings_and_files() -> None:
    one, two = Source("a.yaml", "evnts: [A]\nstat: B\n"), Source("b.yaml", "typ: c\n")
    fixes = plan([at(one, "evnts", "events"), at(one, "stat", "state"), at(two, "typ", "type")])
    assert fixes.texts == {one: "events: [A]\nstate: B\n", two: "type: c\n"}
    assert len(fixes.applied) == 3


def test_edits_that_overlap_wait() -> None:
    source = Source("a.yaml", "evnts: [A]\n")
    fixes = plan([at(source, "evnts", "events"), at(source, "nts: [A", "x")])
    assert fixes.texts == {source: "events: [A]\n"}
    assert len(fixes.applied) == 1


def test_findings_without_edits_change_nothing() -> None:
    source = Source("a.yaml", "a: 1\n")
    assert plan([codes.UNKNOWN_KEY.at(Span(source, 0, 1), key="a")]).texts == {}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("x: [A, B, C, A2]\n", "x: [A, B, C]\n"),
        ("x: [A2, B]\n", "x: [B]\n"),
        ("x: [A2]\n", "x: []\n"),
        ("x: [A,\n    A2]\n", "x: [A]\n"),
        ("x:\n  - A\n  - A2  # again\n  - B\n", "x:\n  - A\n  - B\n"),
        ("x:\n  - A\n  - A2", "x:\n  - A\n"),
    ],
)
def test_an_item_goes_with_what_separates_it(text: str, left: str) -> None:
    source = Source("a.yaml", text)
    span = without_item(Span(source, text.index("A2"), text.index("A2") + 2))
    assert text[: span.start] + text[span.end :] == left
