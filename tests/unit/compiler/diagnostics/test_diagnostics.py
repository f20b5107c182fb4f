"""Findings as values: how they are built, collected, guessed at and rendered."""

from __future__ import annotations

import json
import re

import pytest

from cloudstate.compiler.diagnostics import Code, Diagnostic, Sink, closest, closest_name, codes
from cloudstate.compiler.diagnostics.render import FORMATS, render
from cloudstate.compiler.source import Source, Span

SOURCE = Source("specs/cart/service.yaml", "a: 1\ncommands:\n\tAddItm: {}  # ü\n")


def finding(word: str = "AddItm", source: Source = SOURCE) -> Diagnostic:
    span = Span(source, 0, len(source.text)).find(word)
    return codes.UNKNOWN_COMMAND.at(span, "not an rpc", name=word)


def test_a_finding_grows_without_changing() -> None:
    first = finding()
    second = first.also(Span(SOURCE, 0, 1), "here too").note("a fact").help("an advice").edit(first.span, "AddItem")
    assert first.notes == ()
    assert [label.text for label in second.labels] == ["not an rpc", "here too"]
    assert second.edits[0].replacement == "AddItem"
    assert second.span == first.span


def test_no_guess_is_no_help() -> None:
    assert finding().did_you_mean("") == finding()


def test_the_sink_counts_equal_findings_once_and_sorts() -> None:
    sink = Sink()
    other = finding("x", Source("b.yaml", "x"))
    earlier = codes.UNUSED_PROTO.at(Span(SOURCE, 0, 1), path="a.proto")
    sink.add(finding(), other, finding(), earlier)
    assert sink.sorted() == (other, earlier, finding())
    assert sink.has_errors


def test_warnings_are_no_errors() -> None:
    sink = Sink()
    sink.add(codes.UNUSED_PROTO.at(Span(SOURCE), path="a.proto"))
    assert not sink.has_errors


@pytest.mark.parametrize(
    ("written", "known", "expected"),
    [
        ("AddItm", ["AddItem", "GetCart"], "AddItem"),
        ("additem", ["AddItem"], "AddItem"),
        ("AdItemd", ["AddItem", "AddItems"], ""),  # as far from one as from the other
        ("Checkout", ["AddItem", "GetCart"], ""),
        ("evnets", ["events", "effect"], "events"),
        ("x", [], ""),
    ],
)
def test_a_guess_is_made_only_when_it_is_clear(written: str, known: list[str], expected: str) -> None:
    assert closest(written, known) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("shop.Item", "shop.Items"),
        ("Items", "shop.Items"),
        ("shop.store.Added", "shop.stored.Added"),
        ("other.Removed", ""),
    ],
)
def test_dotted_names_are_compared_by_their_last_part_first(written: str, expected: str) -> None:
    assert closest_name(written, ["shop.Items", "shop.v1.Added", "shop.stored.Added"]) == expected


def test_text_marks_what_it_is_about() -> None:
    assert render([finding().help("did you mean `AddItem`?\nor not")], "text") == (
        "error[CS2004]: unknown command `AddItm`\n"
        " --> specs/cart/service.yaml:3:2\n"
        "  |\n"
        "3 |     AddItm: {}  # ü\n"
        "  |     ^^^^^^ not an rpc\n"
        "  help: did you mean `AddItem`?\n"
        "        or not\n"
        "\n"
        "1 error\n"
    )


def test_text_keeps_marks_under_wide_characters() -> None:
    source = Source("a.yaml", "名前: x\n")
    lines = render([finding("x", source)], "text").splitlines()
    assert lines[3:5] == ["1 | 名前: x", "  |       ^ not an rpc"]


def test_text_does_not_pass_control_characters_on() -> None:
    assert "\x1b" not in render([finding("x", Source("a.yaml", "\x1b[31mx"))], "text")


def test_a_span_over_lines_marks_the_first() -> None:
    found = codes.EMPTY_SPEC.at(Span(SOURCE, 5, len(SOURCE.text)))
    assert "  | ^^^^^^^^^\n" in render([found], "text")


def test_a_file_without_text_is_named_only() -> None:
    assert render([codes.SPEC_NOT_FOUND.at(Span(Source("a.yaml")), path="a.yaml")], "text").startswith(
        "error[CS0001]: no spec at `a.yaml`\n --> a.yaml\n\n"
    )


def test_json_has_everything() -> None:
    found = finding().note("a fact").did_you_mean("AddItem", finding().span)
    document = json.loads(render([found], "json"))
    assert document["errors"] == 1
    (entry,) = document["diagnostics"]
    place = {"file": "specs/cart/service.yaml", "line": 3, "column": 2, "end_line": 3, "end_column": 8}
    assert entry == {
        "code": "CS2004",
        "name": "unknown-command",
        "severity": "error",
        "message": "unknown command `AddItm`",
        "labels": [{**place, "text": "not an rpc"}],
        "notes": ["a fact"],
        "help": ["did you mean `AddItem`?"],
        "edits": [{**place, "replacement": "AddItem"}],
    }


def test_github_annotations_are_escaped() -> None:
    source = Source("a,b:c.yaml", "x")
    line = render([codes.UNREADABLE_FILE.at(Span(source, 0, 1), path="50%", reason="a\nb")], "github")
    assert line == (
        "::error file=a%2Cb%3Ac.yaml,line=1,endLine=1,col=1,endColumn=2,title=CS0002 unreadable-file"
        "::cannot read `50%25`: a%0Ab\n"
    )


def test_sarif_names_rules_places_and_fixes() -> None:
    found = finding().also(Span(SOURCE, 0, 1), "here too").did_you_mean("AddItem", finding().span)
    log = json.loads(render([found], "sarif"))
    (run,) = log["runs"]
    (rule,), (result,) = run["tool"]["driver"]["rules"], run["results"]
    assert log["version"] == "2.1.0"
    assert rule["id"] == result["ruleId"] == "CS2004"
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "CS2004"
    region = {"startLine": 3, "startColumn": 2, "endLine": 3, "endColumn": 8}
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "specs/cart/service.yaml"}, "region": region}
    assert result["relatedLocations"][0]["message"] == {"text": "here too"}
    (change,) = result["fixes"][0]["artifactChanges"]
    assert change["replacements"] == [{"deletedRegion": region, "insertedContent": {"text": "AddItem"}}]


@pytest.mark.parametrize("format_", FORMATS)
def test_nothing_found_is_said_in_every_format(format_: str) -> None:
    text = render([], format_)
    assert text == "" if format_ in ("text", "github") else json.loads(text)


def test_an_unknown_format_is_a_defect() -> None:
    with pytest.raises(ValueError, match="html"):
        render([], "html")


def test_codes_are_found_by_id_and_name() -> None:
    assert codes.find("cs2004") is codes.find("unknown-command") is codes.UNKNOWN_COMMAND
    assert codes.find("CS0000") is None


@pytest.mark.parametrize("code", codes.CATALOGUE.values(), ids=lambda code: code.id)
def test_messages_are_lower_case_without_a_full_stop(code: Code) -> None:
    assert re.fullmatch(r"CS[0-79]\d{3}|(IST|K8S|KNA|STO)\d{3}", code.id)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code.name)
    assert not code.template.endswith(".")
    assert code.template[0] in "`{" or code.template[0].islower() or code.template.startswith("Knative")
