"""The quick look at a spec's shape: it never says yes where the models say no, and it says yes to what is right."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from cloudstate.cli.schema import schema_text
from cloudstate.compiler.frontend import document, shape

ROOT = Path(__file__).parents[4]
FULL: dict[str, Any] = {
    "apiVersion": "cloudstate.io/v1",
    "kind": "StatefulService",
    "metadata": {"name": "shop"},
    "spec": {
        "protos": ["shop.proto"],
        "placement": "sidecar",
        "shards": 16,
        "store": {"kind": "postgresql", "secret": "db"},
        "entities": [
            {
                "service": "shop.Cart",
                "model": "event-sourced",
                "class": "cart.Cart",
                "events": ["shop.Added"],
                "upcasters": [{"from": "shop.Old", "to": "shop.Added"}],
                "snapshot": {"every": 10},
                "passivation": "30s",
                "commands": {"Add": {"effect": "write", "emits": ["shop.Added"]}},
            }
        ],
        "deploy": {
            "image": "shop:1",
            "autoscale": {"min": 1, "max": 3},
            "resources": {"cpu": 2, "memory": "1Gi"},
            "jwt": {"issuer": "me", "keys": "https://example.org"},
            "metrics": True,
            "kubernetes": "1.30",
        },
    },
}
WORDS = st.sampled_from(["", "x", "1", "30s", "30s\n", "\ud800", "sidecar", "1.30"])
NUMBERS = st.sampled_from([0, 1, -1, 1.0, 1.5, float("nan"), 10**30])
KEYS = st.sampled_from(["x", "name", "service", "every", "min", "max", "from", "\ud800"])
ODD = st.recursive(
    WORDS | NUMBERS | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=3,
)


def places(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all parts of a document."""
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))


def is_right(value: object) -> bool:
    """What the models say."""
    try:
        document.SpecDocument.model_validate(value)
    except ValidationError:
        return False
    return True


@st.composite
def mistaken(draw: st.DrawFn) -> object:
    """The full document with some parts replaced, left out, or added."""
    value: Any = copy.deepcopy(FULL)
    for path in draw(st.lists(st.sampled_from(list(places(FULL))[1:]), min_size=1, max_size=3)):
        try:
            around = value
            for part in path[:-1]:
                around = around[part]
            match draw(st.sampled_from(["replace", "remove", "add"])):
                case "replace":
                    around[path[-1]] = draw(ODD)
                case "remove":
                    del around[path[-1]]
                case _ if isinstance(around, dict):
                    around[draw(st.sampled_from(["more", "model", "kind", "proxy", "\ud800"]))] = draw(ODD)
        except (KeyError, IndexError, TypeError):
            continue
    return value


@given(mistaken())
def test_a_yes_is_a_yes_of_the_models(value: object) -> None:
    assert not shape.has_shape(value) or is_right(value)


def test_right_documents_are_seen_to_be_right() -> None:
    assert shape.has_shape(FULL)
    for spec in (ROOT / "specs").glob("*/service.yaml"):
        assert shape.has_shape(yaml.safe_load(spec.read_text())), spec


@pytest.mark.parametrize("value", [None, [], "text", {}, {1: 2}, {"apiVersion": 1}])
def test_what_is_no_document_at_all(value: object) -> None:
    assert not shape.has_shape(value)


def test_the_schema_is_that_of_the_models() -> None:
    file = Path(shape.__file__).with_name("spec.schema.json")
    advice = f"refresh it: cloudstate schema > {file.relative_to(ROOT)}"
    assert file.read_text(encoding="utf-8") == schema_text(), advice


def test_the_models_demand_nothing_that_the_schema_cannot_say() -> None:
    models = [model for model in vars(document).values() if isinstance(model, type) and issubclass(model, BaseModel)]
    assert len(models) > 10
    for model in models:
        decorators = model.__pydantic_decorators__
        demands = {**decorators.validators, **decorators.field_validators, **decorators.model_validators}
        assert demands == {}, model
