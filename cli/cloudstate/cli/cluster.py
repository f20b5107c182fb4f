"""What the commands that speak to a cluster share: their arguments, what they read, and how they fail."""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cloudstate.cli.findings import ENVIRONMENT
from cloudstate.cli.project import NotCompiled, Project, find_project, project_root

if TYPE_CHECKING:
    from cloudstate.compiler.cluster.client import Cluster
    from cloudstate.compiler.cluster.commands import Target

FINDINGS = 1


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that say what, and in which cluster."""
    parser.add_argument(
        "project",
        nargs="?",
        type=Path,
        default=Path(),
        metavar="PROJECT",
        help="the folder with service.yaml, or a folder of such folders, compiled (default: this folder)",
    )
    parser.add_argument("--namespace", "-n", help="where the objects go (default: the context's namespace)")
    parser.add_argument("--context", help="the context of the kubeconfig (default: its current one)")
    parser.add_argument("--kubeconfig", metavar="FILE", help="how to reach the cluster (default: as kubectl does)")
    parser.add_argument(
        "--inventory", metavar="NAME", help="what the list of applied objects is named after (default: the project)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="where `cloudstate compile --out` has written")


def with_cluster(arguments: argparse.Namespace, command: Callable[[Cluster, Target], int]) -> int:
    """Run a command against the cluster. Returns its exit code, or that of what went wrong."""
    from cloudstate.compiler.cluster.errors import ClusterError, ClusterUnusable
    from cloudstate.compiler.cluster.inventory import InventoryUnreadable
    from cloudstate.compiler.cluster.objects import ManifestsUnreadable

    try:
        target = _target(arguments)
        with _connected(arguments) as cluster:
            return command(cluster, target)
    except (NotCompiled, ManifestsUnreadable) as error:
        return _failed(error, FINDINGS)
    except (ClusterUnusable, InventoryUnreadable) as error:
        return _failed(error, ENVIRONMENT)
    except ClusterError as error:
        return _failed(error, FINDINGS)


@contextmanager
def _connected(arguments: argparse.Namespace) -> Iterator[Cluster]:
    from cloudstate.compiler.cluster.client import connect

    cluster = connect(arguments.kubeconfig, arguments.context, arguments.namespace)
    try:
        yield cluster
    finally:
        cluster.close()


def _failed(error: Exception, code: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return code


def _target(arguments: argparse.Namespace) -> Target:
    """The manifests of all services of the project.

    Raises:
        NotCompiled: there is no service, or one is not compiled.
        ManifestsUnreadable: a service has no manifests, or two name the same object.
    """
    from cloudstate.compiler.cluster.commands import Target
    from cloudstate.compiler.cluster.objects import ManifestsUnreadable, read_manifests
    from cloudstate.compiler.cluster.plan import duplicates

    projects = _projects(arguments.project, arguments.out)
    manifests = [it for project in projects for it in read_manifests(project.generated / "manifests")]
    for twice in duplicates(manifests, arguments.namespace or ""):
        raise ManifestsUnreadable(f"{twice} is there twice\n  help: give the services different names")
    name = arguments.inventory or (projects[0].name if _is_spec(arguments.project) else _root_name(arguments.project))
    return Target(name, tuple(manifests))


def _is_spec(folder: Path) -> bool:
    return (folder / "service.yaml").is_file()


def _projects(folder: Path, out: Path | None) -> list[Project]:
    if _is_spec(folder):
        return [find_project(folder, out)]
    found = [find_project(spec.parent, out) for spec in sorted(folder.glob("*/service.yaml"))]
    if not found:
        raise NotCompiled(f"there is no service.yaml in {folder} or a folder of it\n  help: name the folder of a spec")
    return found


def _root_name(folder: Path) -> str:
    """What pyproject.toml calls the project, or its folder; as an object may be called."""
    root = project_root(folder)
    name = root.name
    if (root / "pyproject.toml").is_file():
        name = tomllib.loads((root / "pyproject.toml").read_text()).get("project", {}).get("name", name)
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "project"
