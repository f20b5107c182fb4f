"""``cloudstate check SPEC...``: check specs, and hold them against what their releases have stored. Writes nothing."""

from __future__ import annotations

import argparse
import sys
import time
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
from cloudstate.cli.project import NotCompiled
from cloudstate.cli.recorded import BREAKING, add_today, day_of, exit_code, summary
from cloudstate.cli.upcasters import try_upcasters
from cloudstate.cli.watching import INTERVAL, watch

if TYPE_CHECKING:
    from cloudstate.compiler.diagnostics import Diagnostic

HELP = "check specs, and hold them against what their releases have stored"

_FINDINGS = 1
_USAGE = 2


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_specs(parser)
    add_judgement(parser)
    parser.add_argument(
        "--against",
        metavar="REF|FILE",
        help="hold the spec against this instead of the schema.lock beside it: a git revision (its lock file, or the "
        "spec as it was then), a lock file, or another spec",
    )
    parser.add_argument(
        "--upcasters",
        action="store_true",
        help="run the upcasters of the compiled services on all recorded samples, too; this runs the services' code",
    )
    parser.add_argument("--watch", action="store_true", help="check again whenever a file changes, until Ctrl-C")
    add_today(parser)


def run(arguments: argparse.Namespace) -> int:
    """Check, once or until the user has had enough. Returns the exit code of the last check."""
    if arguments.watch:
        return watch(arguments.specs, lambda: _check(arguments), lambda: time.sleep(INTERVAL))
    return _check(arguments)


def _check(arguments: argparse.Namespace) -> int:
    """Check. Returns the exit code: 1 if there are errors, 2 if REF|FILE names nothing, 4 if something breaks."""
    from cloudstate.compiler import locks
    from cloudstate.compiler.lock.revision import NoRevision
    from cloudstate.compiler.protoc import ProtocMissing

    try:
        subjects, sink = locks.subjects_of(arguments.specs, arguments.name)
        if arguments.against is not None and Path(arguments.against).is_file() and len(subjects) > 1:
            raise NoRevision(f"`{arguments.against}` is for one spec, and these are {len(subjects)}")
        gated = [locks.check(subject, day_of(arguments), arguments.against) for subject in subjects]
        failed = [found for subject in subjects if arguments.upcasters for found in try_upcasters(subject)]
    except ProtocMissing as missing:
        return no_protoc(missing)
    except NoRevision as unknown:
        print(f"error: {unknown}", file=sys.stderr)
        return _USAGE
    except NotCompiled as missing:
        print(f"error: {missing}", file=sys.stderr)
        return _FINDINGS
    for one in gated:
        sink.extend(one.findings)
    sink.extend(failed)
    found = judged(sink.sorted(), arguments, _is_about_data)
    print_findings(found, arguments.format)
    if arguments.format == "text" and not failed:
        for one in gated:
            print(summary(one))
    return BREAKING if failed else exit_code(gated, _FINDINGS if stops(found, arguments) else 0)


def _is_about_data(found: Diagnostic) -> bool:
    """What would become unreadable is signed in the lock file, or mended; no baseline hides it."""
    from cloudstate.compiler.diagnostics import Severity

    return found.severity is Severity.ERROR and found.code.id.startswith("CS6")
