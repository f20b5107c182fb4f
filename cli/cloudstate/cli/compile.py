"""``cloudstate compile SPEC...``: check specs, and write what is generated from them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cloudstate.cli.findings import (
    add_judgement,
    add_specs,
    judged,
    no_protoc,
    print_findings,
    stops,
)
from cloudstate.cli.recorded import add_today, day_of, exit_code

if TYPE_CHECKING:
    from cloudstate.compiler.diagnostics import Diagnostic
    from cloudstate.compiler.driver import Compiled, Outcome

HELP = "check specs and generate code, a service description and manifests from them"

_FINDINGS = 1
_USAGE = 2
_ENVIRONMENT = 3


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_specs(parser)
    add_judgement(parser)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="write to DIR/NAME for each service (default: generated/ beside the nearest pyproject.toml)",
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if something would change, and show it"
    )
    parser.add_argument("--diff", action="store_true", help="write nothing; show what would change")
    parser.add_argument(
        "--fix", action="store_true", help="first change the specs and protos as the findings suggest, and show how"
    )
    add_today(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compile. Returns the exit code: 1 if there are errors or drift, 3 if the machine lacks something, 4 if --check
    finds that stored data would become unreadable."""
    from cloudstate.compiler import driver, locks
    from cloudstate.compiler.protoc import ProtocMissing

    is_dry = arguments.check or arguments.diff
    if arguments.fix and is_dry:
        print("error: `--fix` changes files, and `--check` and `--diff` must not", file=sys.stderr)
        return _USAGE
    try:
        outcome = _outcome(arguments)
    except ProtocMissing as missing:
        return no_protoc(missing)
    except OSError as error:
        print(f"error: cannot write `{error.filename}`: {error.strerror}", file=sys.stderr)
        return _ENVIRONMENT
    found = judged(outcome.diagnostics, arguments, _is_error)
    failed = stops(found, arguments)
    if not failed:
        late = driver.stale(outcome.compiled) if arguments.check else ()
        late = late if is_dry else driver.write_all(outcome.compiled)
        failed = bool(late)
        found += late
    gated = (
        locks.check_compiled(outcome.compiled, day_of(arguments)) if arguments.check and not outcome.has_errors else ()
    )
    found += [finding for one in gated for finding in one.findings]
    print_findings(found, arguments.format)
    if arguments.format == "text" and not outcome.has_errors:
        _print_result(outcome.compiled, is_dry, failed)
    failed = failed or any(one.is_unreadable for one in gated)
    return exit_code(gated, _FINDINGS if failed else 0)


def _outcome(arguments: argparse.Namespace) -> Outcome:
    from cloudstate.cli.fixing import fix
    from cloudstate.compiler import driver

    def compiled() -> Outcome:
        return driver.compile_specs(arguments.specs, arguments.out, arguments.name)

    return fix(compiled(), compiled) if arguments.fix else compiled()


def _is_error(found: Diagnostic) -> bool:
    """An error keeps files from being written, so nobody may overlook it."""
    from cloudstate.compiler.diagnostics import Severity

    return found.severity in (Severity.ERROR, Severity.BUG)


def _print_result(compiled: Sequence[Compiled], is_dry: bool, failed: bool) -> None:
    from cloudstate.compiler.inputs import shown
    from cloudstate.compiler.output import diff

    for service in compiled:
        if is_dry:
            sys.stdout.buffer.write(diff(service.files, service.difference).encode("utf-8"))
        elif not failed:
            changes = len(service.difference.paths)
            what = f"{changes} of {len(service.files)} files changed" if changes else "nothing to change"
            print(f"compiled {service.service.name} to {shown(service.folder)}/: {what}")
    sys.stdout.flush()
