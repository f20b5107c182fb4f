"""``cloudstate init NAME``: a new project that compiles, runs and passes its own test."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cloudstate.cli.schema import schema_text
from cloudstate.compiler.model import Model
from cloudstate.compiler.scaffold import MODELS, BadName, ScaffoldRefused, plan_project, write_new

HELP = "write a new project that compiles, runs and passes its own test"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", help="the service's name, e.g. shop; its folder gets the same name")
    parser.add_argument(
        "--model",
        choices=[model.value for model in MODELS],
        default=Model.EVENT_SOURCED.value,
        help="how the first entity keeps its state (default: %(default)s)",
    )
    parser.add_argument(
        "--dir", type=Path, default=Path(), metavar="DIR", help="the folder to make the project in (default: this one)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the project. Returns the exit code: 1 if something is in the way, 2 if the name is not usable."""
    root: Path = arguments.dir / arguments.name
    try:
        files = plan_project(arguments.name, Model(arguments.model), schema_text())
        write_new({root / path: text for path, text in files.items()})
    except ScaffoldRefused as refused:
        return report(refused)
    print(f"wrote {len(files)} files into {root}/")
    print(f"next: cd {root} && cloudstate compile . && python -m pytest && cloudstate run .")
    return 0


def report(refused: ScaffoldRefused) -> int:
    """Say why nothing was written. Returns the exit code."""
    print(f"error: {refused}\n  help: {refused.help}", file=sys.stderr)
    return 2 if isinstance(refused, BadName) else 1
