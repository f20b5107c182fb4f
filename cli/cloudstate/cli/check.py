"""``cloudstate check SPEC...``: check specs, and hold them against what their releases have stored. Writes nothing."""

from __future__ import annotations

import argparse
import sys

from cloudstate.cli.findings import add_specs, no_protoc, print_findings
from cloudstate.cli.recorded import add_today, day_of, exit_code, summary

HELP = "check specs, and hold them against what their releases have stored"

_FINDINGS = 1
_USAGE = 2


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_specs(parser)
    parser.add_argument(
        "--against",
        metavar="REF|FILE",
        help="hold the spec against this instead of the schema.lock beside it: a git revision (its lock file, or the "
        "spec as it was then), a lock file, or another spec",
    )
    add_today(parser)


def run(arguments: argparse.Namespace) -> int:
    """Check. Returns the exit code: 1 if there are errors, 2 if REF|FILE names nothing, 4 if something breaks."""
    from cloudstate.compiler import locks
    from cloudstate.compiler.frontend import ProtocMissing
    from cloudstate.compiler.lock.revision import NoRevision

    try:
        subjects, sink = locks.subjects_of(arguments.specs, arguments.name)
        gated = [locks.check(subject, day_of(arguments), arguments.against) for subject in subjects]
    except ProtocMissing as missing:
        return no_protoc(missing)
    except NoRevision as unknown:
        print(f"error: {unknown}", file=sys.stderr)
        return _USAGE
    for one in gated:
        sink.extend(one.findings)
    print_findings(sink.sorted(), arguments.format)
    if arguments.format == "text":
        for one in gated:
            print(summary(one))
    return exit_code(gated, _FINDINGS if sink.has_errors else 0)
