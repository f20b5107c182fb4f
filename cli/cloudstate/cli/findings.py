"""What every command that checks specs does with what it has found."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
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
    add_format(parser)


def add_format(parser: argparse.ArgumentParser) -> None:
    """Declare the argument that says how findings are printed."""
    parser.add_argument(
        "--format",
        choices=["text", "json", "github", "sarif"],
        default="text",
        help="how to print findings: text goes to stderr, the others to stdout (default: %(default)s)",
    )


def add_judgement(parser: argparse.ArgumentParser, also_errors: bool = False) -> None:
    """Declare the arguments that say what counts; ``also_errors``: errors can be ignored as well."""
    what = "a finding" if also_errors else "a warning or note"
    parser.add_argument(
        "--ignore",
        action="append",
        default=[],
        type=_known if also_errors else _ignorable,
        metavar="CODE",
        help=f"{what} that is not shown, by code or name; may be given several times",
    )
    parser.add_argument(
        "--select",
        action="append",
        default=[],
        type=_selection,
        metavar="CODES",
        help="show and count these only: codes, names, or beginnings of codes such as CS31, with commas between them",
    )
    parser.add_argument("--strict", action="store_true", help="let warnings count as errors")
    parser.add_argument(
        "--baseline", type=_baseline, metavar="FILE", help="leave out the findings that are recorded in FILE"
    )
    parser.add_argument(
        "--write-baseline", type=Path, metavar="FILE", help="record the findings of this run in FILE, as known"
    )


def _known(text: str) -> str:
    """The id of a code."""
    from cloudstate.compiler.diagnostics import codes

    code = codes.find(text)
    if code is None:
        raise argparse.ArgumentTypeError(f"`{text}` is no code; `cloudstate explain` lists them")
    return code.id


def _ignorable(text: str) -> str:
    """The id of a code that may be ignored."""
    from cloudstate.compiler.diagnostics import Severity, codes

    code = codes.CATALOGUE[_known(text)]
    if code.severity not in (Severity.WARNING, Severity.NOTE):
        raise argparse.ArgumentTypeError(f"`{text}` is an error, and errors cannot be ignored")
    return code.id


def _selection(text: str) -> frozenset[str]:
    """The ids of the codes that are named."""
    from cloudstate.compiler.diagnostics import codes

    selected: set[str] = set()
    for part in text.split(","):
        code = codes.find(part)
        named = {code.id} if code else {id_ for id_ in codes.CATALOGUE if part and id_.startswith(part.upper())}
        if not named:
            raise argparse.ArgumentTypeError(f"`{part}` is no code; `cloudstate explain` lists them")
        selected |= named
    return frozenset(selected)


def _baseline(text: str) -> frozenset[str]:
    """The fingerprints in a file."""
    from cloudstate.compiler.diagnostics.baseline import BadBaseline, parse_baseline

    try:
        return parse_baseline(Path(text).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise argparse.ArgumentTypeError(f"cannot read `{text}`: {error}") from error
    except BadBaseline as error:
        raise argparse.ArgumentTypeError(f"`{text}` is not a baseline: {error}") from error


def judged(
    found: Iterable[Diagnostic], arguments: argparse.Namespace, counts_always: Callable[[Diagnostic], bool]
) -> list[Diagnostic]:
    """The findings that are shown and count; a new baseline is written first.

    Args:
        found: all findings of a run.
        arguments: which of them are ignored, selected, and known.
        counts_always: true of a finding that can be neither left out nor known.

    Raises:
        SystemExit: the new baseline cannot be written.
    """
    from cloudstate.compiler.diagnostics.baseline import unknown

    found = list(found)
    forced = {finding for finding in found if counts_always(finding)}
    selected = frozenset().union(*arguments.select)
    wanted = [
        finding
        for finding in found
        if finding.code.id not in arguments.ignore and (not selected or finding.code.id in selected)
    ]
    if arguments.write_baseline is not None:
        _record([finding for finding in wanted if finding not in forced], arguments.write_baseline)
        wanted = []
    kept = forced.union(wanted if arguments.baseline is None else unknown(wanted, arguments.baseline))
    return [finding for finding in found if finding in kept]


def _record(found: Sequence[Diagnostic], file: Path) -> None:
    from cloudstate.compiler.diagnostics.baseline import render_baseline

    try:
        file.write_text(render_baseline(found), encoding="utf-8")
    except OSError as error:
        print(f"error: cannot write `{file}`: {error.strerror}\n  help: name another file", file=sys.stderr)
        raise SystemExit(ENVIRONMENT) from error
    print(f"recorded {len(found)} finding{'' if len(found) == 1 else 's'} in {file}", file=sys.stderr)


def stops(found: Iterable[Diagnostic], arguments: argparse.Namespace) -> bool:
    """Whether there is an error among what counts, or a warning where none may be."""
    from cloudstate.compiler.diagnostics import Severity

    severities = {finding.severity for finding in found}
    return bool(severities & {Severity.ERROR, Severity.BUG}) or (arguments.strict and Severity.WARNING in severities)


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
