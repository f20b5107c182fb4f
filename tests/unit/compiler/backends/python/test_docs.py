"""Comments become docstrings that show the same text."""

from __future__ import annotations

import ast
import inspect

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cloudstate.compiler.backends.python.docs import docstring


def value_of(literal: str) -> str:
    value = ast.literal_eval(literal)
    assert isinstance(value, str)
    return value


@given(st.text(st.characters(exclude_categories=["Cs"])))
@example('"')
@example('""')
@example('"""')
@example('\\"""\\')
@example('"a\nb"')
def test_every_comment_survives(text: str) -> None:
    """Up to white space: indent, tabs and empty lines at the ends are the docstring's own affair."""
    shown = value_of(docstring(text, "fallback", 4))
    assert shown.split() == (text.split() or ["fallback"])


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_nothing_unprintable_gets_into_the_source(text: str) -> None:
    literal = docstring(text, "fallback", 4)
    assert all(char.isprintable() or char == "\n" for char in literal)


def test_one_line() -> None:
    assert docstring("Adds.", "", 4) == '"""Adds."""'


def test_several_lines_keep_their_shape() -> None:
    literal = docstring(" Adds.\n\n   - more  \n last\n", "", 4)
    assert literal == '"""Adds.\n\n      - more\n    last\n    """'
    assert inspect.cleandoc(value_of(literal)) == "Adds.\n\n  - more\nlast"


@pytest.mark.parametrize("text", ["", "  \n\t\n"])
def test_without_a_comment_the_fallback_counts(text: str) -> None:
    assert docstring(text, "Handles ``Add``.", 4) == '"""Handles ``Add``."""'


def test_quotes_are_escaped_only_where_they_must_be() -> None:
    assert docstring('a "b" c', "", 0) == '"""a "b" c"""'
    assert docstring('a "b"', "", 0) == '"""a "b\\""""'
