"""Selectors that select what they are for (K8S110)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.rules.field import Field
from cloudstate.compiler.rules.manifests import WORKLOADS, Manifests

_MESH = tuple(
    f"security.istio.io/{it}" for it in ("PeerAuthentication", "RequestAuthentication", "AuthorizationPolicy")
)


def check(manifests: Manifests) -> Iterator[Diagnostic]:
    """Selectors that miss the pods of their own workload, or all pods of the manifests."""
    for pod in manifests.pods:
        if pod.kind in WORKLOADS:
            yield from _own(pod.owner, pod.labels)
    if manifests.pods:
        for selector in _selectors(manifests):
            if selector.entries() and not manifests.selected(selector.texts()):
                found = codes.SELECTS_NOTHING.at(selector.span, "no pod has these labels", what="any pod")
                yield found.help("write labels that the pod template has")
    yield from _monitors(manifests)


def _own(workload: Field, labels: Mapping[str, str]) -> Iterator[Diagnostic]:
    selector = workload.at("spec", "selector", "matchLabels")
    if not selector.entries() or not selector.texts().items() <= labels.items():
        found = codes.SELECTS_NOTHING.at(selector.span, "not what the template says", what="its own pods")
        template = workload.at("spec", "template", "metadata", "labels")
        yield found.also(template.span, "the labels of the pods").help("let both say the same")


def _selectors(manifests: Manifests) -> Iterator[Field]:
    for it in manifests.of("Service"):
        yield it.at("spec", "selector")
    for it in manifests.of("policy/PodDisruptionBudget", *_MESH):
        yield it.at("spec", "selector", "matchLabels")
    for it in manifests.of("networking.k8s.io/NetworkPolicy"):
        yield it.at("spec", "podSelector", "matchLabels")
    for pod in manifests.pods:
        for spread in pod.spec.at("topologySpreadConstraints").items():
            yield spread.at("labelSelector", "matchLabels")


def _monitors(manifests: Manifests) -> Iterator[Diagnostic]:
    services = list(manifests.of("Service"))
    for it in manifests.of("monitoring.coreos.com/ServiceMonitor"):
        selector = it.at("spec", "selector", "matchLabels")
        hit = [one for one in services if selector.texts().items() <= one.at("metadata", "labels").texts().items()]
        ports = {port.at("name").text for one in hit for port in one.at("spec", "ports").items()}
        if not hit:
            found = codes.SELECTS_NOTHING.at(selector.span, "no Service has these labels", what="any Service")
            yield found.help("write labels that the Service has")
            continue
        for endpoint in it.at("spec", "endpoints").items():
            if endpoint.at("port").text not in ports:
                found = codes.SELECTS_NOTHING.at(endpoint.at("port").span, "no such port", what="a port of the Service")
                yield found.help("write the name of a port of the Service")
