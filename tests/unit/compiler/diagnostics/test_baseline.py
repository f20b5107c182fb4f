"""Fingerprints know a finding again after its line has moved; a baseline knows what it has recorded."""

from __future__ import annotations

import json

import pytest

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.diagnostics.baseline import BadBaseline, parse_baseline, render_baseline, unknown
from cloudstate.compiler.diagnostics.fingerprint import fingerprints
from cloudstate.compiler.diagnostics.render import render
from cloudstate.compiler.source import Source, Span

TEXT = "state: Itms\nother: 1\n"


def finding(text: str, word: str = "Itms", after: int = 0) -> Diagnostic:
    start = text.index(word, after)
    return codes.UNKNOWN_MESSAGE.at(Span(Source("service.yaml", text), start, start + len(word)), name=word)


def test_lines_that_move_change_no_fingerprint() -> None:
    moved = "# a comment\n\n    " + TEXT
    assert fingerprints([finding(TEXT)]) == fingerprints([finding(moved)])


def test_another_line_file_or_word_is_another_finding() -> None:
    elsewhere = codes.UNKNOWN_MESSAGE.at(Span(Source("b.yaml", TEXT), 7, 11), name="Itms")
    others = [finding("value: Itms\n"), finding(TEXT.replace("Itms", "Itm"), "Itm"), elsewhere]
    assert len({*fingerprints([finding(TEXT)]), *(fingerprints([other])[0] for other in others)}) == 4


def test_equal_findings_are_counted() -> None:
    twice = TEXT + TEXT
    first, second = finding(twice), finding(twice, after=12)
    assert len(set(fingerprints([first, second]))) == 2
    known = parse_baseline(render_baseline([finding(TEXT)]))
    assert unknown([first, second], known) == (second,)


def test_sarif_has_the_same_fingerprint() -> None:
    result = json.loads(render([finding(TEXT)], "sarif"))["runs"][0]["results"][0]
    assert result["partialFingerprints"] == {"cloudstate/v1": fingerprints([finding(TEXT)])[0]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"format": "other/v1", "findings": []}',
        '{"format": "cloudstate.io/baseline/v1"}',
        '{"format": "cloudstate.io/baseline/v1", "findings": [1]}',
        '{"format": "cloudstate.io/baseline/v1", "findings": [{"code": "CS2003"}]}',
    ],
)
def test_what_is_no_baseline(text: str) -> None:
    with pytest.raises(BadBaseline):
        parse_baseline(text)
