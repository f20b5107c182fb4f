"""YAML: values with positions, and problems as values."""

from __future__ import annotations

import pytest

from cloudstate.compiler.source import Mapping, ProblemKind, Scalar, Sequence, Source
from cloudstate.compiler.source.yaml_nodes import parse


def problems(text: str) -> list[tuple[ProblemKind, str]]:
    _, found = parse(Source("a.yaml", text))
    return [(problem.kind, problem.span.text) for problem in found]


def test_every_key_and_value_knows_its_place() -> None:
    node, found = parse(Source("a.yaml", "ü: 1\nlist: [one, 'two']  # comment\nmap:\n  inner: yes\n"))
    assert found == ()
    assert isinstance(node, Mapping)
    assert [(entry.key, entry.key_span.text, entry.value.span.text) for entry in node.entries] == [
        ("ü", "ü", "1"),
        ("list", "list", "[one, 'two']"),
        ("map", "map", "inner: yes"),
    ]
    items = node.entries[1].value
    assert isinstance(items, Sequence)
    assert [item.span.text for item in items.items] == ["one", "'two'"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("7", 7), ("-0x10", -16), ("1.5", 1.5), ("no", False), ("~", None), ("2024-01-01", "2024-01-01"), ("'7'", "7")],
)
def test_scalars_have_the_types_of_yaml(text: str, value: object) -> None:
    node, _ = parse(Source("a.yaml", text))
    assert isinstance(node, Scalar)
    assert node.value == value
    assert type(node.value) is type(value)


def test_an_alias_is_what_it_stands_for() -> None:
    node, found = parse(Source("a.yaml", "a: &x [1]\nb: *x\n"))
    assert found == ()
    assert isinstance(node, Mapping)
    assert node.entries[0].value == node.entries[1].value


@pytest.mark.parametrize(
    ("text", "kind", "at"),
    [
        ("a: 1\na: 2\n", ProblemKind.DUPLICATE_KEY, "a"),
        ("a: [1\n", ProblemKind.SYNTAX, ""),
        ("a:\n\t- b\n", ProblemKind.SYNTAX, "\t"),
        ("a: !x b\n", ProblemKind.SYNTAX, "!x b"),
        ("a: !!int b\n", ProblemKind.SYNTAX, "!!int b"),
        ("a: *b\n", ProblemKind.SYNTAX, "*"),
        ("a: \x01\n", ProblemKind.SYNTAX, "\x01"),
        ("? [1]\n: 2\n", ProblemKind.SYNTAX, "[1]"),
        ("&a [*a]", ProblemKind.SYNTAX, "&a [*a]"),
        ("--- 1\n--- 2\n", ProblemKind.SEVERAL_DOCUMENTS, "2"),
        ("", ProblemKind.EMPTY, ""),
        ("# nothing\n", ProblemKind.EMPTY, ""),
    ],
)
def test_problems_are_values(text: str, kind: ProblemKind, at: str) -> None:
    assert problems(text) == [(kind, at)]


def test_several_problems_are_found_at_once() -> None:
    assert [kind for kind, _ in problems("a: !x 1\nb: 2\nb: 3\n---\nc: 4\n")] == [
        ProblemKind.SYNTAX,
        ProblemKind.DUPLICATE_KEY,
        ProblemKind.SEVERAL_DOCUMENTS,
    ]


def test_aliases_that_multiply_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert [kind for kind, _ in problems("\n".join(lines))] == [ProblemKind.SYNTAX]


@pytest.mark.parametrize("depth", [100, 900, 50_000])
def test_deep_nesting_is_refused(depth: int) -> None:
    assert [kind for kind, _ in problems("[" * depth + "]" * depth)] == [ProblemKind.SYNTAX]
