"""How every command that checks specs prints what it has found."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstate.compiler.diagnostics import Diagnostic

ENVIRONMENT = 3


def add_specs(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that name specs, and the one that names a format."""
    parser.add_argument(
        "specs",
        nargs="+",
        metavar="SPEC",
        help="a folder with service.yaml, a folder of such folders, a YAML file, or an annotated .proto file",
    )
    parser.add_argument("--name", help="the service's name, where the spec is a .proto file (default: the file's)")
    parser.add_argument(
        "--format",
        choices=["text", "json", "github", "sarif"],
        default="text",
        help="how to print findings: text goes to stderr, the others to stdout (default: %(default)s)",
    )


def print_findings(found: Sequence[Diagnostic], format_: str) -> None:
    """Print all findings of a run."""
    from cloudstate.compiler.diagnostics.render import render

    text = render(found, format_)
    stream = sys.stderr if format_ == "text" else sys.stdout
    stream.buffer.write(text.encode("utf-8"))
    stream.flush()


def no_protoc(missing: Exception) -> int:
    """Say that there is no protoc. Returns the exit code."""
    print(f"error: protoc cannot be used: {missing}\n  help: install the package grpcio-tools", file=sys.stderr)
    return ENVIRONMENT
