"""What to apply, what to delete, and in which order. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cloudstate.compiler.cluster.objects import OWNER, Object, Ref, annotation, ref_of

#: Later kinds need earlier ones. What is not here comes after these and before what limits.
_FIRST = (
    "Namespace",
    "CustomResourceDefinition",
    "ServiceAccount",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "Secret",
    "ConfigMap",
    "PersistentVolumeClaim",
    "Service",
    "Deployment",
    "StatefulSet",
)
_LAST = ("HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy", "AuthorizationPolicy")

#: What holds data, or other people's objects, is never deleted by us.
_NEVER_PRUNED = frozenset(
    {"Namespace", "PersistentVolumeClaim", "PersistentVolume", "Secret", "CustomResourceDefinition"}
)

#: What brings the kinds of a group into a cluster.
_BRINGS = {
    "networking.istio.io": "Istio",
    "security.istio.io": "Istio",
    "telemetry.istio.io": "Istio",
    "gateway.networking.k8s.io": "the custom resources of the Gateway API",
    "serving.knative.dev": "Knative Serving",
    "monitoring.coreos.com": "the Prometheus operator",
    "keda.sh": "KEDA",
    "external-secrets.io": "the External Secrets operator",
    "cert-manager.io": "cert-manager",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What an apply does.

    Attributes:
        apply: the objects, in the order in which they are applied.
        prune: what left the project, in the order in which it is deleted.
        kept: what left the project and stays, because its kind is never deleted.
    """

    apply: tuple[Object, ...]
    prune: tuple[Ref, ...]
    kept: tuple[Ref, ...] = ()


def plan(manifests: Sequence[Object], inventory: Iterable[Ref], namespace: str) -> Plan:
    """What makes a cluster with ``inventory`` that of ``manifests``."""
    wanted = {ref_of(it, namespace).identity for it in manifests}
    ordered = sorted(manifests, key=lambda it: _position(ref_of(it, namespace)))
    left = sorted((it for it in inventory if it.identity not in wanted), key=_position, reverse=True)
    return Plan(
        tuple(ordered),
        tuple(it for it in left if it.kind not in _NEVER_PRUNED),
        tuple(it for it in left if it.kind in _NEVER_PRUNED),
    )


def duplicates(manifests: Sequence[Object], namespace: str) -> list[Ref]:
    """What is named twice."""
    seen: set[tuple[str, str, str, str]] = set()
    found = []
    for ref in (ref_of(it, namespace) for it in manifests):
        if ref.identity in seen:
            found.append(ref)
        seen.add(ref.identity)
    return found


def is_ours(live: Object, inventory: str) -> bool:
    """Whether an object may be deleted: the inventory that it says is ours.

    An object that was deleted and made anew by somebody else under the same name says nothing, and another project that
    took it over has written its own inventory there.
    """
    return annotation(live, OWNER) == inventory


def what_to_install(ref: Ref) -> str:
    """A sentence for a kind that the cluster does not know."""
    if ref.group in _BRINGS:
        return f"install {_BRINGS[ref.group]}, or compile for a target without it"
    return f"install what serves `{ref.api_version}`, or compile for the cluster's version"


def _position(ref: Ref) -> tuple[int, str, str, str]:
    if ref.kind in _FIRST:
        floor = _FIRST.index(ref.kind)
    elif ref.kind in _LAST:
        floor = len(_FIRST) + 1 + _LAST.index(ref.kind)
    else:
        floor = len(_FIRST)
    return (floor, ref.kind, ref.namespace, ref.name)
