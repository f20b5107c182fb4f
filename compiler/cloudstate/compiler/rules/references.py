"""What an object names must be there (K8S112)."""

from __future__ import annotations

from collections.abc import Iterator

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.rules.field import Field
from cloudstate.compiler.rules.manifests import Manifests, Pod

_WAYPOINT = "istio.io/use-waypoint"


def check(manifests: Manifests) -> Iterator[Diagnostic]:
    """What is named and is not there. What may come from elsewhere, Secrets and foreign hosts, is not looked for."""
    for pod in manifests.pods:
        yield from _of_pod(manifests, pod)
    for it in manifests.of("Service"):
        yield from _target_ports(manifests, it)
        waypoint = it.at("metadata", "labels").at(_WAYPOINT)
        if waypoint and not manifests.named("gateway.networking.k8s.io/Gateway", waypoint.text):
            yield _missing(waypoint, "Gateway")
    for it in manifests.of("autoscaling/HorizontalPodAutoscaler"):
        target = it.at("spec", "scaleTargetRef")
        if not manifests.named(f"apps/{target.at('kind').text}", target.at("name").text):
            yield _missing(target.at("name"), target.at("kind").text)
    yield from _hosts(manifests)


def _of_pod(manifests: Manifests, pod: Pod) -> Iterator[Diagnostic]:
    if pod.account != "default" and not manifests.named("ServiceAccount", pod.account):
        yield _missing(pod.spec.at("serviceAccountName"), "ServiceAccount")
    governing = pod.owner.at("spec", "serviceName")
    if governing and not manifests.named("Service", governing.text):
        yield _missing(governing, "Service")
    volumes = {it.at("name").text for it in pod.spec.at("volumes").items()}
    volumes |= {it.at("metadata", "name").text for it in pod.owner.at("spec", "volumeClaimTemplates").items()}
    for container in pod.containers():
        for mount in container.at("volumeMounts").items():
            if mount.at("name").text not in volumes:
                yield _missing(mount.at("name"), "volume")
    for reference in _configs(pod):
        name = reference.at("name")
        if reference.at("optional").value is not True and not manifests.named("ConfigMap", name.text):
            yield _missing(name, "ConfigMap")


def _configs(pod: Pod) -> Iterator[Field]:
    for container in pod.containers():
        yield from (it for source in container.at("envFrom").items() if (it := source.at("configMapRef")))
        for env in container.at("env").items():
            if reference := env.at("valueFrom", "configMapKeyRef"):
                yield reference
    yield from (it for volume in pod.spec.at("volumes").items() if (it := volume.at("configMap")))


def _target_ports(manifests: Manifests, service: Field) -> Iterator[Diagnostic]:
    selector = service.at("spec", "selector").texts()
    pods = manifests.selected(selector) if selector else ()
    names = {
        port.at("name").text for pod in pods for container in pod.serving() for port in container.at("ports").items()
    }
    for port in service.at("spec", "ports").items() if pods else ():
        target = port.at("targetPort")
        if target.text and target.text not in names:
            yield _missing(target, "port of the pods")


def _hosts(manifests: Manifests) -> Iterator[Diagnostic]:
    for it in manifests.of("networking.istio.io/DestinationRule"):
        yield from _backend(manifests, it.at("spec", "host"))
    for it in manifests.of("networking.istio.io/VirtualService"):
        for http in it.at("spec", "http").items():
            for route in http.at("route").items():
                destination = route.at("destination")
                yield from _backend(manifests, destination.at("host"), destination.at("port", "number"))
    for it in manifests.of("gateway.networking.k8s.io/GRPCRoute", "gateway.networking.k8s.io/HTTPRoute"):
        for rule in it.at("spec", "rules").items():
            for backend in rule.at("backendRefs").items():
                if not backend.at("namespace"):
                    yield from _backend(manifests, backend.at("name"), backend.at("port"))


def _backend(manifests: Manifests, host: Field, port: Field | None = None) -> Iterator[Diagnostic]:
    """A name without a dot is a Service beside the object."""
    if "." in host.text:
        return
    service = manifests.named("Service", host.text)
    if service is None:
        yield _missing(host, "Service")
    elif port and port.number not in {it.at("port").number for it in service.at("spec", "ports").items()}:
        yield _missing(port, "port of the Service")


def _missing(name: Field, kind: str) -> Diagnostic:
    found = codes.DANGLING_REFERENCE.at(name.span, "not in these manifests", kind=kind, name=name.value)
    return found.help("add it, or name one that is there")
