"""Any value at any place of the operator's documents gives a spec or findings, never an exception."""

from __future__ import annotations

import json
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.compiler.migration.documents import FIRST, SECOND, SETTINGS

from cloudstate.compiler.diagnostics.render import render
from cloudstate.compiler.migration import migrate
from cloudstate.compiler.source import Source

DOCUMENTS = [it for text in (FIRST, SECOND, SETTINGS) for it in yaml.safe_load_all(text)]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths of everything inside of a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, it in inner for path in ((*at, key), *places(it, (*at, key)))]


def with_value(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    """``value`` with another one at a path."""
    if not path:
        return new
    copy: Any = list(value) if isinstance(value, list) else dict(value)
    copy[path[0]] = with_value(value[path[0]], path[1:], new)
    return copy


@given(path=st.sampled_from(places(DOCUMENTS)), new=VALUES)
def test_a_changed_value_never_breaks_it(path: tuple[str | int, ...], new: object) -> None:
    text = "\n---\n".join(json.dumps(it) for it in with_value(DOCUMENTS, path, new))
    result = migrate([Source("operator.yaml", text)])
    render(result.findings, "text")
    for written in result.specs.values():
        assert yaml.safe_load(written)["apiVersion"] == "cloudstate.io/v1"


@given(st.text())
def test_any_text_never_breaks_it(text: str) -> None:
    render(migrate([Source("operator.yaml", text)]).findings, "sarif")
