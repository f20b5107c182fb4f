"""``cloudstate verify [PROJECT]``: hold what is in a cluster against what was generated."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from cloudstate.cli.cluster import FINDINGS, add_cluster, with_cluster

if TYPE_CHECKING:
    from cloudstate.compiler.cluster.client import Cluster
    from cloudstate.compiler.cluster.commands import Target

HELP = "hold what is in a Kubernetes cluster against what was generated"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_cluster(parser)
    parser.add_argument("--json", action="store_true", help="print JSON lines")


def run(arguments: argparse.Namespace) -> int:
    """Read, and compare. Returns 0 if all is as generated, 1 if not, 3 without a cluster."""

    def command(cluster: Cluster, target: Target) -> int:
        from cloudstate.compiler.cluster import commands

        found = list(commands.verify(cluster, target))
        for finding in found:
            if arguments.json:
                row = {"object": str(finding.ref), "namespace": finding.ref.namespace}
                print(json.dumps({**row, "problem": finding.problem, "reason": finding.reason}, ensure_ascii=False))
            else:
                print(f"{finding.problem} {finding.ref}: {finding.reason}")
        if not found and not arguments.json:
            print(f"{len(target.manifests)} objects are as generated")
        return FINDINGS if found else 0

    return with_cluster(arguments, command)
