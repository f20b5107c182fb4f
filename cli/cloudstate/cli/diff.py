"""``cloudstate diff [PROJECT]``: show what an apply would change in a cluster."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from cloudstate.cli.cluster import FINDINGS, add_cluster, with_cluster

if TYPE_CHECKING:
    from cloudstate.compiler.cluster.client import Cluster
    from cloudstate.compiler.cluster.commands import Change, Target

HELP = "show what an apply would change in a Kubernetes cluster"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_cluster(parser)
    parser.add_argument("--json", action="store_true", help="print JSON lines")


def run(arguments: argparse.Namespace) -> int:
    """Ask the server for a dry run of everything. Returns 0 for no change, 1 for changes, 3 without a cluster."""

    def command(cluster: Cluster, target: Target) -> int:
        from cloudstate.compiler.cluster import commands

        found = 0
        for change in commands.diff(cluster, target):
            found += 1
            _print(change, arguments.json)
        return FINDINGS if found else 0

    return with_cluster(arguments, command)


def _print(change: Change, as_json: bool) -> None:
    if as_json:
        row = {"object": str(change.ref), "namespace": change.ref.namespace, "action": change.action}
        taken = [it._asdict() for it in change.conflicts]
        print(json.dumps({**row, "diff": list(change.lines), "conflicts": taken}, ensure_ascii=False))
        return
    print(f"{change.action} {change.ref}")
    for line in change.lines:
        print(f"  {line}".rstrip())
    for conflict in change.conflicts:
        print(f"  conflict: {conflict}")
