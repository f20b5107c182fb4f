"""Where lines break."""

from __future__ import annotations

from cloudstate.compiler.backends.python import layout

LONG = "x" * 50


def test_what_fits_stays_on_its_line() -> None:
    assert layout.render(layout.call("f", "a", "b"), 4) == "f(a, b)"


def test_what_does_not_fit_is_opened() -> None:
    assert layout.render(layout.call("f", LONG, LONG), 4) == f"f(\n        {LONG},\n        {LONG},\n    )"


def test_the_last_column_is_used() -> None:
    node = layout.call("f", "x" * 85)
    assert layout.render(node, 0) == f"f({'x' * 85})"
    assert layout.render(node, 1).startswith("f(\n")
    assert layout.render(node, 0, after=1).startswith("f(\n")


def test_a_single_subscript_gets_no_comma() -> None:
    node = layout.subscript("Reply", "x" * 90)
    assert layout.render(node, 0) == f"Reply[\n    {'x' * 90}\n]"


def test_several_subscripts_get_one() -> None:
    node = layout.subscript("Call", LONG, LONG)
    assert layout.render(node, 0) == f"Call[\n    {LONG},\n    {LONG},\n]"


def test_a_tuple_of_one_keeps_its_comma() -> None:
    assert layout.flat(layout.strings("key=", ["a"])) == 'key=("a",)'
    assert layout.flat(layout.strings("key=", ["a", "b"])) == 'key=("a", "b")'
    assert layout.flat(layout.strings("key=", [])) == "key=()"


def test_rows_stand_below_each_other() -> None:
    assert layout.render(layout.rows("t=", ["a", "b"]), 0) == "t=(\n    a,\n    b,\n)"
    assert layout.render(layout.rows("t=", ["a"]), 0) == "t=(a,)"
    assert layout.render(layout.rows("t=", []), 0) == "t=()"


def test_an_open_part_opens_what_is_around_it() -> None:
    node = layout.call("f", layout.rows("t=", ["a", "b"]))
    assert layout.render(node, 0) == "f(\n    t=(\n        a,\n        b,\n    ),\n)"


def test_a_signature_breaks_at_its_parameters_first() -> None:
    assert layout.signature("def f", ("self", "a: int"), "int", 4) == "def f(self, a: int) -> int:"
    opened = layout.signature("def f", ("self", f"a: {LONG}"), LONG, 4)
    assert opened == f"def f(\n        self,\n        a: {LONG},\n    ) -> {LONG}:"


def test_annotations_keep_their_default() -> None:
    assert layout.flat(layout.annotated("a", layout.subscript("list", "int"), " = []")) == "a: list[int] = []"


def test_quotes_are_double() -> None:
    assert layout.quote('say "hi"\n') == '"say \\"hi\\"\\n"'
