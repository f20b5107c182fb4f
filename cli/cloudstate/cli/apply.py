"""``cloudstate apply [PROJECT]``: apply the manifests to a cluster, and delete what left the project."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cloudstate.cli.cluster import FINDINGS, add_cluster, with_cluster

if TYPE_CHECKING:
    from cloudstate.compiler.cluster.client import Cluster
    from cloudstate.compiler.cluster.commands import Target
    from cloudstate.compiler.cluster.errors import FieldsTaken

HELP = "apply the generated manifests to a Kubernetes cluster, and delete what left the project"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_cluster(parser)
    parser.add_argument("--dry-run", action="store_true", help="let the server judge everything, change nothing")
    parser.add_argument(
        "--force-conflicts", action="store_true", help="take fields over that others have set; never an autoscaler's"
    )
    parser.add_argument("--wait", action="store_true", help="wait until the workloads have rolled out")
    parser.add_argument(
        "--timeout", type=_seconds, default=300.0, metavar="SECONDS", help="how long (default: %(default)g)"
    )


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of seconds")
    return value


def run(arguments: argparse.Namespace) -> int:
    """Apply. Returns 0, 1 if something is in the way or has not rolled out, 3 without a cluster."""

    def command(cluster: Cluster, target: Target) -> int:
        from cloudstate.compiler.cluster import commands

        # Everything is asked for before anything is done: a conflict in the last object leaves the first alone.
        taken = [] if arguments.force_conflicts else commands.conflicts(cluster, target)
        if taken:
            return _refused(taken)
        for change in commands.apply(cluster, target, dry_run=arguments.dry_run, force=arguments.force_conflicts):
            print(f"{change.ref} {change.action}{' (dry run)' if arguments.dry_run else ''}", flush=True)
        return _wait(cluster, target, arguments.timeout) if arguments.wait and not arguments.dry_run else 0

    return with_cluster(arguments, command)


def _refused(taken: Sequence[FieldsTaken]) -> int:
    for one in taken:
        print(f"error: {one.ref}: others have set fields that this would change", file=sys.stderr)
        for conflict in one.conflicts:
            print(f"  note: {conflict}", file=sys.stderr)
    print(
        "  help: nothing was applied; change the spec to what they want, let them give the fields up,\n"
        "        or take the fields over with `--force-conflicts`",
        file=sys.stderr,
    )
    return FINDINGS


def _wait(cluster: Cluster, target: Target, timeout: float) -> int:
    from cloudstate.compiler.cluster import commands

    try:
        for ref, waits_for in commands.wait(cluster, target, timeout):
            print(f"{ref} {waits_for or 'has rolled out'}", flush=True)
    except TimeoutError as late:
        print(f"error: {late}\n  help: `cloudstate status` and `kubectl describe pods` say more", file=sys.stderr)
        return FINDINGS
    return 0
