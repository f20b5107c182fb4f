"""``cloudstate status [PROJECT]``: show the workloads of a project in a cluster."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from cloudstate.cli.cluster import FINDINGS, add_cluster, with_cluster

if TYPE_CHECKING:
    from cloudstate.compiler.cluster.client import Cluster
    from cloudstate.compiler.cluster.commands import Target
    from cloudstate.compiler.cluster.rollout import Workload

HELP = "show the workloads of a project in a Kubernetes cluster"

_HEAD = ("WORKLOAD", "READY", "RESTARTS", "AGE", "IMAGE")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_cluster(parser)
    parser.add_argument("--json", action="store_true", help="print JSON lines")


def run(arguments: argparse.Namespace) -> int:
    """Look. Returns 0 if every workload is ready, 1 if not, 3 without a cluster."""

    def command(cluster: Cluster, target: Target) -> int:
        from cloudstate.compiler.cluster import commands

        found = list(commands.status(cluster, target))
        if arguments.json:
            for one in found:
                print(json.dumps(asdict(one), ensure_ascii=False))
        elif found:
            _print_table(found)
        else:
            print("there is no workload in this project: no spec has a `deploy.image`")
        return 0 if all(one.is_ready for one in found) else FINDINGS

    return with_cluster(arguments, command)


def _print_table(found: Sequence[Workload]) -> None:
    rows = [_HEAD, *(_cells(it) for it in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cells(one: Workload) -> tuple[str, ...]:
    name = f"{one.kind}/{one.name}"
    return (name, f"{one.ready}/{one.desired}", str(one.restarts), _age(one.age), one.image)


def _age(seconds: int) -> str:
    """In the largest unit that gives at least two."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
