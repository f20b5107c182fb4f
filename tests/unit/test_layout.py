"""The shape of the tree: what would break installing it, and what would make it hard to read."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE_ROOTS = ("compiler", "runtime", "cli", "generated")
WRITTEN_BY_HAND = ("compiler", "runtime", "cli", "specs", "tests", "protocols")

MAX_LINES_OF_A_FILE = 600
MAX_LINES_OF_A_FUNCTION = 60

#: Names under which undecided things pile up.
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}

FILES = [path for root in WRITTEN_BY_HAND for path in sorted((ROOT / root).rglob("*.*")) if path.is_file()]
MODULES = [path for path in FILES if path.suffix == ".py"]
TEXTS = [path for path in FILES if path.suffix in {".py", ".proto", ".j2"}]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_there_is_something_to_check() -> None:
    assert {name_of(path).partition("/")[0] for path in FILES} == set(WRITTEN_BY_HAND)


@pytest.mark.parametrize("root", SOURCE_ROOTS)
def test_cloudstate_stays_a_namespace_package(root: str) -> None:
    """One ``__init__.py`` here would hide the other source roots."""
    assert not (ROOT / root / "cloudstate" / "__init__.py").exists()


@pytest.mark.parametrize(
    "package",
    [
        "compiler/cloudstate/compiler",
        "runtime/cloudstate/runtime",
        "cli/cloudstate/cli",
        "generated/cloudstate",
    ],
)
def test_users_see_our_types(package: str) -> None:
    assert (ROOT / package / "py.typed").exists()


def test_files_are_short() -> None:
    lines = {name_of(path): len(path.read_text().splitlines()) for path in TEXTS}
    assert {name: count for name, count in lines.items() if count > MAX_LINES_OF_A_FILE} == {}


def test_functions_are_short() -> None:
    long = {
        f"{name_of(path)}:{function.lineno} {function.name}": length
        for path in MODULES
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (function.end_lineno or function.lineno) - function.lineno + 1) > MAX_LINES_OF_A_FUNCTION
    }
    assert long == {}


def test_no_module_has_a_vague_name() -> None:
    vague = [name_of(path) for path in MODULES if VAGUE_NAMES & set(path.relative_to(ROOT).with_suffix("").parts)]
    assert vague == []
