"""Probes: one way to ask each (K8S140), not the same twice (K8S141), and none left out (K8S142)."""

from __future__ import annotations

from collections.abc import Iterator

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.rules.field import Field
from cloudstate.compiler.rules.manifests import KNATIVE, Manifests, Pod

_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_PROBE_HANDLERS = frozenset({"exec", "grpc", "httpGet", "tcpSocket"})
_HOOK_HANDLERS = frozenset({"exec", "httpGet", "sleep", "tcpSocket"})


def check(manifests: Manifests) -> Iterator[Diagnostic]:
    """What is wrong with probes, and with hooks, which are written alike."""
    for pod in manifests.pods:
        for container in pod.containers():
            yield from _handlers(container)
            ready, alive = container.at("readinessProbe"), container.at("livenessProbe")
            if ready and ready.value == alive.value:
                found = codes.SAME_PROBES.at(alive.span, "the same as `readinessProbe`")
                yield found.help("let the liveness probe wait longer, or ask something else")
        yield from _missing(pod)


def _handlers(container: Field) -> Iterator[Diagnostic]:
    places = [(it, container.at(it), _PROBE_HANDLERS) for it in _PROBES]
    places += [(it, container.at("lifecycle", it), _HOOK_HANDLERS) for it in ("postStart", "preStop")]
    for name, place, known in places:
        count = len(place.keys() & known)
        if place and count != 1:
            found = codes.PROBE_HANDLERS.at(place.span, f"{count} ways to do it", name=name)
            yield found.help(f"write one of {', '.join(f'`{it}`' for it in sorted(known))}")


def _missing(pod: Pod) -> Iterator[Diagnostic]:
    sidecars = pod.sidecars()
    for container in pod.serving():
        wanted = _PROBES if container.at("ports") else ("startupProbe",) if container in sidecars else ()
        for probe in wanted if pod.kind != KNATIVE else wanted[1:2]:
            if not container.at(probe):
                name = container.at("name")
                found = codes.PROBE_MISSING.at(name.span, f"has no `{probe}`", name=name.text, probe=probe)
                yield found.help(f"add a `{probe}`")
