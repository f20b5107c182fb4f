"""``cloudstate check SPEC...``: check specs, and hold them against what their releases have stored. Writes nothing."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cloudstate.cli.findings import (
    add_judgement,
    add_specs,
    no_protoc,
    print_findings,
    too_strict,
    without_ignored,
)
from cloudstate.cli.project import NotCompiled
from cloudstate.cli.recorded import BREAKING, add_today, day_of, exit_code, summary
from cloudstate.cli.upcasters import try_upcasters

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
    add_today(parser)


def run(arguments: argparse.Namespace) -> int:
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
    found = without_ignored(sink.sorted(), arguments)
    print_findings(found, arguments.format)
    if arguments.format == "text" and not failed:
        for one in gated:
            print(summary(one))
    return BREAKING if failed else exit_code(gated, _FINDINGS if sink.has_errors or too_strict(found, arguments) else 0)
