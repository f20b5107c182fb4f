"""What can go wrong between us and an API server. Every message says what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from cloudstate.compiler.cluster.conflicts import Conflict
from cloudstate.compiler.cluster.objects import Ref
from cloudstate.compiler.cluster.plan import what_to_install


class ClusterError(Exception):
    """The root of what this room raises about a cluster."""


class ClusterUnusable(ClusterError):
    """There is no cluster: no configuration, no connection, no right to ask. Nothing was changed by this call."""


class NotAllowed(ClusterUnusable):
    """The API server does not let this user do that."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the API server refuses: {reason}\n"
            "  help: `kubectl auth can-i --list` shows what you may; applying needs get, list, create, patch and delete"
        )


class KindsUnknown(ClusterUnusable):
    """The cluster does not know the kinds of some objects."""

    def __init__(self, refs: Sequence[Ref]) -> None:
        kinds = {(it.group, it.version, it.kind): it for it in refs}
        lines = [
            f"the cluster does not know the kind `{it.kind}` ({it.api_version})\n  help: {what_to_install(it)}"
            for it in kinds.values()
        ]
        super().__init__("\n".join(lines))


class NamespaceMissing(ClusterUnusable):
    """The namespace does not exist."""

    def __init__(self, namespace: str) -> None:
        super().__init__(
            f"there is no namespace `{namespace}`\n  help: `kubectl create namespace {namespace}`, or name another one"
        )


class ObjectRefused(ClusterError):
    """The API server does not accept an object."""

    def __init__(self, ref: Ref, reason: str) -> None:
        super().__init__(f"{ref}: the API server does not accept it: {reason}")


class ChangedMeanwhile(ClusterError):
    """Somebody else wrote an object between our reading and our writing."""

    def __init__(self, ref: Ref) -> None:
        super().__init__(f"{ref}: somebody else has changed it at the same time\n  help: run the command again")


class FieldsTaken(ClusterError):
    """Fields that we want to set belong to others."""

    def __init__(self, ref: Ref, conflicts: Sequence[Conflict]) -> None:
        super().__init__(f"{ref}: " + "; ".join(map(str, conflicts)))
        self.ref = ref
        self.conflicts = tuple(conflicts)
