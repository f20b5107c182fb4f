"""The documentation says what is so: links lead somewhere, examples run, and the catalogues are complete."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
from tests.processes import ROOT

from cloudstate.cli.command_line import SUBCOMMANDS
from cloudstate.compiler.diagnostics.codes import CATALOGUE
from cloudstate.compiler.driver import compile_specs
from cloudstate.compiler.frontend.document import json_schema

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "specs").glob("*/README.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_BLOCK = re.compile(r"^```(\w+)[ ]?(\{[^}]*\})?\n(.*?)^```$", re.M | re.S)


def without_code(text: str) -> str:
    return _BLOCK.sub("", text)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", without_code(page.read_text()), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def blocks(language: str) -> Iterator[tuple[str, str, str]]:
    """(where, mark, text) of every code block in a language."""
    for page in PAGES:
        text = page.read_text()
        for match in _BLOCK.finditer(text):
            if match[1] == language:
                line = text.count("\n", 0, match.start()) + 1
                yield f"{page.relative_to(ROOT)}:{line}", match[2] or "", match[3]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(without_code(page.read_text())):
        if link.startswith(("http://", "https://")):
            continue
        target, _, anchor = link.partition("#")
        other = (page.parent / target).resolve() if target else page
        assert other.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in anchors(other), f"{link}: no such heading"


# -- the command line


def commands() -> Iterator[tuple[str, str]]:
    """(where, line) of every command in an indented block."""
    for page in PAGES:
        for number, line in enumerate(page.read_text().splitlines(), 1):
            if line.startswith("    ") and "cloudstate " in line:
                for part in line.split("&&"):
                    words = part.split("#")[0].strip().removeprefix("$ ").removeprefix(".venv/bin/")
                    if words.startswith("cloudstate ") and "|" not in words:
                        yield f"{page.relative_to(ROOT)}:{number}", words


COMMANDS = sorted(set(commands()))


@pytest.mark.parametrize(("where", "line"), COMMANDS, ids=[f"{where} {line}" for where, line in COMMANDS])
def test_commands_can_be_typed(where: str, line: str) -> None:
    name, *arguments = shlex.split(re.sub(r"\[[^\]]*\]", "", line).replace("...", "").split(">")[0])[1:]
    assert name in SUBCOMMANDS, f"{where}: no such subcommand"
    parser = argparse.ArgumentParser(exit_on_error=False)
    importlib.import_module(f"cloudstate.cli.{name}").configure(parser)
    parser.parse_args(arguments)


# -- code


PYTHON = [block for block in blocks("python") if "notest" not in block[1]]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that the tutorial makes."""
    folder = tmp_path_factory.mktemp("docs")
    cloudstate = [sys.executable, "-m", "cloudstate.cli"]
    subprocess.run([*cloudstate, "init", "shop"], cwd=folder, check=True, capture_output=True)
    subprocess.run([*cloudstate, "compile", "."], cwd=folder / "shop", check=True, capture_output=True)
    return folder / "shop"


@pytest.mark.parametrize(("mark", "code"), [(mark, code) for _, mark, code in PYTHON], ids=[w for w, _, _ in PYTHON])
def test_python_runs(mark: str, code: str, project: Path) -> None:
    if "project" in mark:
        paths = [project / "generated" / "shop", project]
    else:
        paths = [ROOT / "generated" / "shopping-cart", ROOT / "specs" / "shopping-cart"]
    path = ":".join(map(str, [*paths, *(ROOT / part for part in ("runtime", "generated"))]))
    done = subprocess.run(
        [sys.executable, "-"], input=code, env={"PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


SPECS = [block for block in blocks("yaml") if block[2].startswith("apiVersion:")]


@pytest.mark.parametrize("spec", [spec for _, _, spec in SPECS], ids=[where for where, _, _ in SPECS])
def test_specs_compile(spec: str, project: Path) -> None:
    path = project / "documented.yaml"
    path.write_text(spec)
    assert [found.code.id for found in compile_specs([str(path)]).diagnostics] == []


# -- catalogues


def test_every_finding_is_listed() -> None:
    listed = re.findall(r"^\| ([A-Z]\w+\d) \| (\S+) \| (\w+): (.+) \|$", (ROOT / "docs/errors.md").read_text(), re.M)
    known = [(code.id, code.name, str(code.severity), code.template) for code in CATALOGUE.values()]
    assert listed == known


def schema_keys() -> set[str]:
    """Every key that a spec may have."""
    schema = json_schema()
    definitions, top = schema["$defs"], schema["properties"]
    assert isinstance(definitions, dict)
    assert isinstance(top, dict)
    return {*top, *(key for definition in definitions.values() for key in definition.get("properties", {}))}


def test_every_key_is_documented() -> None:
    rows = re.findall(r"^\| (`[^|]+`) \|", (ROOT / "docs/spec-reference.md").read_text(), re.M)
    listed = {part for row in rows for key in re.findall(r"`([^`]+)`", row) for part in key.split(".")}
    assert listed == schema_keys()


def test_every_limit_is_listed() -> None:
    from cloudstate.runtime import replication
    from cloudstate.runtime.host import HostLimits
    from cloudstate.runtime.journal.sqlite import SqliteSettings
    from cloudstate.runtime.proxy import FrontDoorLimits
    from cloudstate.runtime.transport import Limits

    rows = re.findall(r"^\| [^|]+ \| ([\d.]+) \| `([\w.]+)` \|$", (ROOT / "docs/limits.md").read_text(), re.M)
    listed = {place: float(value) for value, place in rows}
    for place, value in listed.items():
        assert limit(place) == value, place
    for holder in (Limits, FrontDoorLimits, HostLimits, SqliteSettings, replication.Limits):
        assert is_dataclass(holder)
        numbers = {field.name for field in fields(holder) if isinstance(field.default, int | float)}
        missing = numbers - {place.rpartition(".")[2] for place in listed}
        assert not missing, f"{holder.__name__}: {missing}"


def limit(place: str) -> object:
    """The default at ``module.Class.field``, ``module.NAME`` or ``module.OBJECT.field`` of the runtime or compiler."""
    parts = place.split(".")
    depth = next(n for n, part in enumerate(parts) if part[0].isupper())
    root = "cloudstate" if parts[0] == "compiler" else "cloudstate.runtime"
    found = getattr(importlib.import_module(".".join([root, *parts[:depth]])), parts[depth])
    if not is_dataclass(found):
        return found
    if not isinstance(found, type):
        return getattr(found, parts[depth + 1])
    [field] = [field for field in fields(found) if field.name == parts[depth + 1]]
    return field.default


def bounds(node: object, keys: tuple[str, ...] = ()) -> Iterator[tuple[str, int, int]]:
    """(last two keys, least, most) of every number with bounds in the schema of specs."""
    definitions: dict[str, object] = json_schema()["$defs"]  # type: ignore[assignment]
    if not isinstance(node, dict):
        return
    if "$ref" in node:
        yield from bounds(definitions[node["$ref"].rpartition("/")[2]], keys)
    if "maximum" in node:
        yield ".".join(keys[-2:]), node["minimum"], node["maximum"]
    for choice in node.get("anyOf", ()):
        yield from bounds(choice, keys)
    for key, below in node.get("properties", {}).items():
        yield from bounds(below, (*keys, key))
    yield from bounds(node.get("items"), keys)


def test_every_bound_of_a_spec_is_listed() -> None:
    rows = re.findall(r"^\| (`[^|]+`) \| (\d+) \| (\d+) \|$", (ROOT / "docs/limits.md").read_text(), re.M)
    listed = {(key, int(least), int(most)) for keys, least, most in rows for key in re.findall(r"`([^`]+)`", keys)}
    known = set(bounds(json_schema()))
    assert {(key.removeprefix("spec.").removeprefix("deploy."), least, most) for key, least, most in known} == listed
