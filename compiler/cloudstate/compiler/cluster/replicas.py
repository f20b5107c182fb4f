"""Replicas belong to an autoscaler where there is one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cloudstate.compiler.cluster.objects import FIELD_MANAGER, Object

_SCALED = frozenset({"Deployment", "StatefulSet", "ReplicaSet"})
#: The controllers that scale write under this name.
_CONTROLLERS = "kube-controller-manager"


def is_scaled(kind: str) -> bool:
    """Whether objects of this kind have replicas."""
    return kind in _SCALED


def targets_of(autoscalers: Iterable[Object]) -> frozenset[tuple[str, str]]:
    """Kind and name of what autoscalers scale."""
    references = [it["spec"]["scaleTargetRef"] for it in autoscalers if it["kind"] == "HorizontalPodAutoscaler"]
    return frozenset((str(it["kind"]), str(it["name"])) for it in references)


def with_replicas_left(manifest: Object, live: Object | None, scaled: frozenset[tuple[str, str]]) -> Object:
    """``manifest`` as it may be applied beside an autoscaler.

    An autoscaled workload is applied without replicas. While nobody but us has ever set them, it is applied with the
    number that is live: leaving a field out that only we own would give its default, one.
    """
    name = (manifest["kind"], manifest["metadata"]["name"])
    managers = _owners(live) if live is not None else frozenset()
    if name[0] not in _SCALED or not (name in scaled or _CONTROLLERS in managers):
        return manifest
    spec = {key: value for key, value in manifest["spec"].items() if key != "replicas"}
    if live is not None and managers == {FIELD_MANAGER}:
        spec["replicas"] = live["spec"]["replicas"]
    return {**manifest, "spec": spec}


def _owners(live: Object) -> frozenset[str]:
    entries: list[Mapping[str, Any]] = live["metadata"].get("managedFields") or []
    return frozenset(
        str(entry.get("manager"))
        for entry in entries
        if "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
    )
