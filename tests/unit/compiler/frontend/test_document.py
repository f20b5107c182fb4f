"""The shape of specs: durations, the schema for editors, and paths to what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.compiler.projects import HEAD, spec_text

from cloudstate.compiler.frontend.document import json_schema
from cloudstate.compiler.frontend.duration import milliseconds
from cloudstate.compiler.frontend.validation import validate
from cloudstate.compiler.frontend.yaml_path import data, key_span, lookup
from cloudstate.compiler.source import Mapping, Source
from cloudstate.compiler.source.yaml_nodes import parse


def tree(text: str) -> Mapping:
    node, problems = parse(Source("service.yaml", text))
    assert isinstance(node, Mapping)
    assert problems == ()
    return node


@pytest.mark.parametrize(
    ("text", "expected"),
    [("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("2h", 7_200_000), ("1d", 86_400_000)],
)
def test_durations(text: str, expected: int) -> None:
    assert milliseconds(text) == expected


@pytest.mark.parametrize("text", ["", "30", "s", "-1s", "1.5s", "30 s", "30S", "1w", "9" * 13 + "s", "\u0663s"])
def test_what_is_no_duration(text: str) -> None:
    assert milliseconds(text) is None


def test_the_schema_describes_specs() -> None:
    schema: dict[str, Any] = json_schema()
    assert schema["required"] == ["apiVersion", "kind", "metadata", "spec"]
    assert schema["additionalProperties"] is False
    entity = schema["$defs"]["EntityDocument"]["properties"]
    assert {"service", "model", "class", "passivation"} <= entity.keys()


def test_what_is_wrong_is_cut_out_and_the_rest_stays() -> None:
    text = spec_text("    - {service: shop.Cart, model: valeu, tpye: x, state: 7}\n    - {model: value}\n")
    cut, findings = validate(tree(text + "  store: {kind: sqlite, secrets: x}\n  shards: x\n"))
    assert data(lookup(cut, "spec") or cut) == {
        "protos": ["shop.proto"],
        "entities": [{"service": "shop.Cart"}],
        "store": {"kind": "sqlite"},
    }
    assert sorted(found.code.name for found in findings) == [
        "missing-key",
        "unknown-key",
        "unknown-key",
        "unknown-model",
        "wrong-type",
        "wrong-type",
    ]


def test_missing_parts_do_not_take_the_others_along() -> None:
    cut, findings = validate(tree("spec: {entities: [{service: shop.Cart}]}\n"))
    assert data(cut) == {"spec": {"entities": [{"service": "shop.Cart"}]}}
    assert [found.message for found in findings] == [
        "`apiVersion` is missing",
        "`kind` is missing",
        "`metadata` is missing",
        "`spec.protos` is missing",
    ]


def test_nothing_right_is_left_of_nonsense() -> None:
    cut, findings = validate(tree("apiVersion: 1\nkind: [2]\nmetadata: x\nspec: []\nmore: y\n"))
    assert data(cut) == {}
    assert len(findings) == 5


@pytest.mark.parametrize("text", [HEAD + "  protos:\n", HEAD + "  protos: [~, 1, [], {}]\n", "spec: &a {x: *b}"])
def test_odd_values_never_break_the_reader(text: str) -> None:
    node, _ = parse(Source("service.yaml", text))
    if isinstance(node, Mapping):
        validate(node)


def test_a_mapping_is_shown_by_its_first_key() -> None:
    root = tree("a:\n  - b: 1\n    c: 2\n")
    assert key_span(root, ("a",)).text == "a"
    assert key_span(root, ("a", 0)).text == "b"
    assert key_span(root, ()).text == "a"
