"""The files with which projects run the compiler in their own CI name commands and options that exist."""

from __future__ import annotations

import argparse
import importlib
import shlex
from typing import Any

import pytest
import yaml
from tests.processes import ROOT

HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())


def parse(line: str) -> argparse.Namespace:
    program, command, *words = shlex.split(line)
    assert program == "cloudstate"
    parser = argparse.ArgumentParser(exit_on_error=False)
    importlib.import_module(f"cloudstate.cli.{command}").configure(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: str(hook["id"]))
def test_hooks(hook: Any) -> None:
    assert parse(" ".join([hook["entry"], *hook["args"]])).specs == ["."]
    assert hook["pass_filenames"] is False  # a project's specs belong together


def test_the_action() -> None:
    lines = [step["run"] for step in ACTION["runs"]["steps"] if step.get("run", "").startswith("cloudstate")]
    compile_, check = (parse(line) for line in lines)
    assert (compile_.check, compile_.format, check.format) == (True, "github", "github")
    assert ACTION["inputs"].keys() == {"specs", "python-version"}
