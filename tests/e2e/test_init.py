"""New projects and added entities: they compile, their tests pass, and their tools have nothing to say."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from tests.service_models import read_service

from cloudstate.cli import add, init
from cloudstate.compiler.backends import description, kubernetes, python
from cloudstate.compiler.scaffold import MODELS

ROOT = Path(__file__).parents[2]
SOURCES = os.pathsep.join(str(ROOT / root) for root in ("compiler", "runtime", "generated"))


def call(command: ModuleType, *arguments: str) -> int:
    """Run a subcommand of ``cloudstate``; its exit code."""
    parser = argparse.ArgumentParser()
    command.configure(parser)
    code = command.run(parser.parse_args(arguments))
    assert isinstance(code, int)
    return code


def compile_project(root: Path) -> None:
    """Write ``generated/`` of a project."""
    service = read_service(root)
    for backend in (description, kubernetes, python):
        for path, content in backend.emit(service).items():
            target = root / "generated" / service.name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


def tool(root: Path, *arguments: str) -> str:
    """Run a Python tool in the project, as its author would; its output, once it has succeeded."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    result = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        env=environment | {"MYPYPATH": SOURCES},
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def accept(root: Path) -> None:
    """Compile the project, run its tests, and let the usual tools look at it."""
    compile_project(root)
    assert " passed" in tool(root, "pytest", "-q", "-W", "error", "-p", "no:asyncio", "-p", "no:cacheprovider")
    tool(root, "mypy", "--cache-dir=.mypy_cache", ".")
    tool(root, "ruff", "check", "--no-cache", ".")
    tool(root, "ruff", "format", "--no-cache", "--check", ".")


@pytest.mark.parametrize("model", [model.value for model in MODELS])
def test_a_new_project_works_from_the_start(tmp_path: Path, model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(init, "shop", "--model", model, "--dir", str(tmp_path)) == 0
    assert f"cd {tmp_path / 'shop'}" in capsys.readouterr().out
    accept(tmp_path / "shop")


def test_entities_of_every_model_can_be_added(tmp_path: Path) -> None:
    """Under a name that Python itself has taken, and with names of several words."""
    root = tmp_path / "platform"
    assert call(init, "platform", "--dir", str(tmp_path)) == 0
    assert call(add, "entity", "PurchaseOrder", "--spec", str(root)) == 0
    assert call(add, "entity", "token", "--model", "value", "--spec", str(root / "service.yaml")) == 0
    assert call(add, "entity", "mail", "--model", "action", "--spec", str(root)) == 0
    accept(root)


def test_what_exists_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(init, "shop", "--dir", str(tmp_path)) == 0
    (tmp_path / "shop" / "shop_entity.py").write_text("mine")
    assert call(init, "shop", "--dir", str(tmp_path)) == 1
    assert "exist already\n  help: nothing was written" in capsys.readouterr().err
    assert (tmp_path / "shop" / "shop_entity.py").read_text() == "mine"


def test_bad_names_are_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(init, "My_Shop", "--dir", str(tmp_path)) == 2
    assert "help: use lower-case letters" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_without_a_spec_nothing_can_be_added(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(add, "entity", "Order", "--spec", str(tmp_path)) == 1
    assert "cannot read" in capsys.readouterr().err
