"""YAML as the lock file has it: whatever is written is read as what it was."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cloudstate.compiler.lock.file.dump import Data, dump, scalar

TEXTS = st.text(st.characters(codec="utf-8"))
TREES = st.recursive(
    TEXTS | st.booleans() | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(TEXTS, TREES, max_size=5))
def test_what_is_written_is_read(data: dict[str, Data]) -> None:
    assert yaml.safe_load(dump(data)) == data


@given(TEXTS)
def test_any_text(text: str) -> None:
    assert yaml.safe_load(dump({"a": text})) == {"a": text}


@pytest.mark.parametrize(
    "text",
    [
        "string user_id = 1",
        "map<string, shop.Item> items = 1",
        "shop.Cart",
        "CgNhYmM=",
        "reserved 3, 5 to 9",
        "A <a@x.y>",
    ],
)
def test_what_needs_no_quotes(text: str) -> None:
    assert scalar(text) in (text, f"'{text}'")
    assert (scalar(text) == text) is ("@" not in text)


@pytest.mark.parametrize(
    "text", ["", "no", "Yes", "null", "1", "1.0", "a: b", "a #b", "- a", "a ", "0x1F", "2027-01-31", "=", "~"]
)
def test_what_needs_quotes(text: str) -> None:
    assert scalar(text) == f"'{text}'"


def test_quotes_and_what_cannot_be_printed() -> None:
    assert scalar("it's") == "'it''s'"
    assert scalar('a\n"b"') == '"a\\U0000000A\\"b\\""'
