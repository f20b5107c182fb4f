"""What every command that checks specs does with what it has found."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
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


def add_judgement(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that say what counts."""
    parser.add_argument(
        "--ignore",
        action="append",
        default=[],
        type=_ignorable,
        metavar="CODE",
        help="a warning or note that is not shown, by code or name; may be given several times",
    )
    parser.add_argument("--strict", action="store_true", help="let warnings count as errors")


def _ignorable(text: str) -> str:
    """The id of a code that may be ignored."""
    from cloudstate.compiler.diagnostics import Severity, codes

    code = codes.find(text)
    if code is None:
        raise argparse.ArgumentTypeError(f"`{text}` is no code; `cloudstate explain` lists them")
    if code.severity not in (Severity.WARNING, Severity.NOTE):
        raise argparse.ArgumentTypeError(f"`{text}` is an error, and errors cannot be ignored")
    return code.id


def without_ignored(found: Iterable[Diagnostic], arguments: argparse.Namespace) -> list[Diagnostic]:
    """The findings that are shown."""
    return [finding for finding in found if finding.code.id not in arguments.ignore]


def too_strict(found: Iterable[Diagnostic], arguments: argparse.Namespace) -> bool:
    """Whether there is a warning, where none may be."""
    from cloudstate.compiler.diagnostics import Severity

    return arguments.strict and any(finding.code.severity is Severity.WARNING for finding in found)


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
