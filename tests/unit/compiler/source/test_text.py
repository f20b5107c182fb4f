"""Positions: offsets, lines, columns, and protoc's way of counting."""

from __future__ import annotations

import pytest

from cloudstate.compiler.source import Source, Span


def test_positions_count_characters_from_one() -> None:
    source = Source("a.yaml", "eins\nzwei 🛒 drei\n")
    assert source.position(0) == (1, 1)
    assert source.position(5) == (2, 1)
    assert source.position(source.text.index("drei")) == (2, 8)
    assert source.position(len(source.text)) == (3, 1)


def test_offset_is_the_inverse_of_position() -> None:
    source = Source("a.yaml", "a\nbc\n\nd")
    assert [source.offset(*source.position(at)) for at in range(len(source.text) + 1)] == list(range(8))


def test_offsets_stay_inside_the_text() -> None:
    source = Source("a.yaml", "ab\n")
    assert source.offset(9, 9) == 3
    assert source.offset(1, 99) == 3
    assert Source("empty").position(0) == (1, 1)


def test_lines_have_no_ends() -> None:
    source = Source("a.yaml", "one\r\ntwo")
    assert [source.line(1), source.line(2)] == ["one", "two"]


@pytest.mark.parametrize(
    ("line", "column", "expected"),
    [("\tx", 8, "x"), ("  \tx", 8, "x"), ("ü x", 3, "x"), ("🛒x", 4, "x"), ("x", 0, "x")],
)
def test_protoc_counts_bytes_and_tabs(line: str, column: int, expected: str) -> None:
    source = Source("a.proto", f"first\n{line}\nlast")
    assert source.text[source.protoc_offset(1, column)] == expected


def test_protoc_columns_beyond_the_line_end_there() -> None:
    source = Source("a.proto", "ab\ncd")
    assert source.protoc_offset(0, 99) == 2
    assert source.protoc_offset(99, 0) == 5


def test_a_span_finds_text_inside_itself_only() -> None:
    source = Source("a.yaml", "type: cart # cart")
    assert source.position(Span(source, 7, 17).find("cart").start) == (1, 14)
    whole = Span(source, 0, 10)
    assert whole.find("basket") == whole
    assert whole.find("") == whole
