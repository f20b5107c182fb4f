"""How many pods: budgets that let nodes be drained (K8S160), and one owner of the number (K8S161)."""

from __future__ import annotations

from collections.abc import Iterator

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.rules.field import Field
from cloudstate.compiler.rules.manifests import WORKLOADS, Manifests


def check(manifests: Manifests) -> Iterator[Diagnostic]:
    """What is wrong with numbers of pods."""
    for budget in manifests.of("policy/PodDisruptionBudget"):
        for pod in manifests.selected(budget.at("spec", "selector", "matchLabels").texts()):
            least, _ = manifests.bounds(pod.owner)
            blocking = _blocking(budget.at("spec"), least)
            if blocking is not None:
                found = codes.BUDGET_BLOCKS_DRAIN.at(blocking.span, "no pod may be evicted", replicas=least)
                yield found.help("write `maxUnavailable: 1`, or leave the budget out")
    for workload in manifests.of(*WORKLOADS):
        replicas = workload.at("spec", "replicas")
        if replicas and (scaler := next(manifests.scalers(workload), None)):
            found = codes.REPLICAS_FIXED.at(replicas.span, "undoes what the autoscaler did")
            yield found.also(scaler.at("spec", "scaleTargetRef").span, "scales it").help("leave `replicas` out")


def _blocking(spec: Field, replicas: int) -> Field | None:
    """What keeps every pod from being evicted."""
    most, least = spec.at("maxUnavailable"), spec.at("minAvailable")
    if most and _share(most, replicas) == 0:
        return most
    return least if least and replicas and _share(least, replicas) >= replicas else None


def _share(field: Field, replicas: int) -> int:
    """The number of pods; percents are rounded up, as Kubernetes does here."""
    if field.number is not None:
        return field.number
    percent = field.text.removesuffix("%")
    return -(-int(percent) * replicas // 100) if percent.isdecimal() else 1
