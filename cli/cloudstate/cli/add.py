"""``cloudstate add entity NAME``: one more entity for a service, without touching what its author has written."""

from __future__ import annotations

import argparse
from pathlib import Path

from cloudstate.cli.init import report
from cloudstate.compiler.model import Model
from cloudstate.compiler.scaffold import MODELS, ScaffoldRefused, add_entity

HELP = "add an entity to a service: its .proto file, its class, its test, and its entry in the spec"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("what", choices=["entity"], help="what to add")
    parser.add_argument("name", metavar="NAME", help="the entity's name, e.g. PurchaseOrder or purchase-order")
    parser.add_argument(
        "--model",
        choices=[model.value for model in MODELS],
        default=Model.EVENT_SOURCED.value,
        help="how the entity keeps its state (default: %(default)s)",
    )
    parser.add_argument(
        "--spec", type=Path, default=Path(), metavar="PATH", help="the spec, or its folder (default: this one)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the entity. Returns the exit code: 1 if something is in the way, 2 if the name is not usable."""
    spec: Path = arguments.spec / "service.yaml" if arguments.spec.is_dir() else arguments.spec
    try:
        written = add_entity(spec, arguments.name, Model(arguments.model))
    except ScaffoldRefused as refused:
        return report(refused)
    print(f"extended {spec}, wrote {', '.join(map(str, written))}")
    print(f"next: cloudstate compile {spec.parent}")
    return 0
