"""``cloudstate compile SPEC...``: check specs, and write what is generated from them."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
from cloudstate.cli.kubernetes_versions import add_target
from cloudstate.cli.recorded import add_today, day_of, exit_code

if TYPE_CHECKING:
    from cloudstate.compiler.diagnostics import Diagnostic
    from cloudstate.compiler.driver import Compiled
    from cloudstate.compiler.incremental import Record, Result
    from cloudstate.compiler.locks import Gated

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
    add_target(
        parser, "the oldest Kubernetes that the manifests are for, whatever the specs say (default: what they say)"
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if something would change, and show it"
    )
    parser.add_argument("--diff", action="store_true", help="write nothing; show what would change")
    parser.add_argument(
        "--fix", action="store_true", help="first change the specs and protos as the findings suggest, and show how"
    )
    parser.add_argument(
        "--no-cache",
        action="store_true",
        help="compile all services anew, also those that would come out as they are, and keep no records of them",
    )
    add_today(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compile. Returns the exit code: 1 if there are errors or drift, 3 if the machine lacks something, 4 if --check
    finds that stored data would become unreadable."""
    with _uncollected():
        return _run(arguments)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the collector of cycles: a compile makes few, and to look for them takes a tenth of its time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _run(arguments: argparse.Namespace) -> int:
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
        late = _late(outcome, arguments)
        failed = bool(late)
        found += late
    gated = _gated(outcome, arguments)
    found += [finding for one in gated for finding in one.findings]
    print_findings(found, arguments.format)
    if arguments.format == "text" and not outcome.has_errors:
        _print_result(outcome.services, is_dry, failed)
    failed = failed or any(one.is_unreadable for one in gated)
    return exit_code(gated, _FINDINGS if failed else 0)


def _outcome(arguments: argparse.Namespace) -> Result:
    """Compile: all of it where the answer must not rest on what earlier runs have noted, else what has changed."""
    from cloudstate.cli.fixing import fix
    from cloudstate.compiler.incremental import compile_all, compile_changed

    given = arguments.specs, arguments.out, arguments.name, arguments.target_k8s

    def compiled() -> Result:
        return compile_all(*given)

    if arguments.fix:
        return fix(compiled(), compiled)
    is_whole = arguments.no_cache or arguments.check or arguments.diff
    return compiled() if is_whole else compile_changed(*given)


def _late(outcome: Result, arguments: argparse.Namespace) -> tuple[Diagnostic, ...]:
    """What is found when the files are written, or held against those that are there."""
    if not outcome.compiled:
        return ()
    from cloudstate.compiler import driver
    from cloudstate.compiler.incremental import keep_records

    if arguments.check:
        return driver.stale(outcome.compiled)
    if arguments.diff:
        return ()
    late = driver.write_all(outcome.compiled)
    if not late:
        keep_records(outcome)
    return late


def _gated(outcome: Result, arguments: argparse.Namespace) -> tuple[Gated, ...]:
    """The services, held against their lock files."""
    if not arguments.check or outcome.has_errors:
        return ()
    from cloudstate.compiler import locks

    return locks.check_compiled(outcome.compiled, day_of(arguments))


def _is_error(found: Diagnostic) -> bool:
    """An error keeps files from being written, so nobody may overlook it."""
    from cloudstate.compiler.diagnostics import Severity

    return found.severity in (Severity.ERROR, Severity.BUG)


def _print_result(services: Sequence[Compiled | Record], is_dry: bool, failed: bool) -> None:
    for service in services:
        if is_dry:
            _print_difference(service)
        elif not failed:
            print(_summary(service))
    sys.stdout.flush()


def _print_difference(service: Compiled | Record) -> None:
    from cloudstate.compiler.incremental import Record
    from cloudstate.compiler.output import diff

    if not isinstance(service, Record):
        sys.stdout.buffer.write(diff(service.files, service.difference).encode("utf-8"))


def _summary(service: Compiled | Record) -> str:
    from cloudstate.compiler.incremental import Record
    from cloudstate.compiler.inputs import shown

    if isinstance(service, Record):
        name, what = service.name, "nothing to change"
    else:
        name, changes = service.service.name, len(service.difference.paths)
        what = f"{changes} of {len(service.files)} files changed" if changes else "nothing to change"
    return f"compiled {name} to {shown(Path(service.folder))}/: {what}"
