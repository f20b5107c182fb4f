"""Fields that the oldest Kubernetes in question does not have yet (K8S190)."""

from __future__ import annotations

from collections.abc import Iterator

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.rules.field import Field
from cloudstate.compiler.rules.manifests import Manifests, Pod


def check(manifests: Manifests) -> Iterator[Diagnostic]:
    """Fields that are too new."""
    for field, name, since in _dated(manifests):
        if field and since > manifests.minor:
            found = codes.TOO_NEW_FIELD.at(field.span, f"from 1.{since} on", name=name, target=f"1.{manifests.minor}")
            yield found.help("leave it out, or name a newer Kubernetes")


def _dated(manifests: Manifests) -> Iterator[tuple[Field, str, int]]:
    """Fields with the minor version from which on they are there without further ado."""
    for pod in manifests.pods:
        rolling = pod.owner.at("spec", "updateStrategy", "rollingUpdate", "maxUnavailable")
        if pod.kind == "apps/StatefulSet":
            yield rolling, "maxUnavailable", 35
            yield pod.owner.at("spec", "ordinals"), "ordinals", 27
        yield from _of_pod(pod)
    for it in manifests.of("Service"):
        yield it.at("spec", "trafficDistribution"), "trafficDistribution", 31
    for it in manifests.of("policy/PodDisruptionBudget"):
        yield it.at("spec", "unhealthyPodEvictionPolicy"), "unhealthyPodEvictionPolicy", 27


def _of_pod(pod: Pod) -> Iterator[tuple[Field, str, int]]:
    yield pod.spec.at("hostUsers"), "hostUsers", 33
    yield pod.spec.at("resources"), "resources of the pod", 34
    yield from ((it.at("restartPolicy"), "restartPolicy", 29) for it in pod.sidecars())
    for container in pod.containers():
        hook = container.at("lifecycle", "preStop", "sleep")
        yield hook, "sleep", 33 if hook.at("seconds").number == 0 else 30
