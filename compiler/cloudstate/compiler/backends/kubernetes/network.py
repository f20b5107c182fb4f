"""How the service is reached: the Service that callers use, the one that only its pods use, who may call, and what it
may call itself.
"""

from __future__ import annotations

from cloudstate.compiler.backends.kubernetes.config import METRICS_PORT, PORT, is_stateful
from cloudstate.compiler.backends.kubernetes.dump import Manifest
from cloudstate.compiler.backends.kubernetes.metadata import metadata, selector
from cloudstate.compiler.backends.kubernetes.names import object_name, peers_name, waypoint_name
from cloudstate.compiler.model import Service, StoreKind

#: Istio reads ``grpc``; everybody else reads the name that Kubernetes has standardised for HTTP/2 without TLS.
_ISTIO = frozenset({"istio", "istio-ambient"})
#: Ambient meshes wrap all traffic between pods; to a policy it arrives at this port.
_AMBIENT_TUNNEL = 15008
#: Where the proxy of a pod in a mesh of sidecars gets its configuration.
_ISTIOD = 15012
_DNS = 53
_NATS = 4222
_POSTGRESQL = 5432


def front_service(service: Service) -> Manifest:
    """The Service for callers."""
    ports = [_port("grpc", service)]
    if service.deployment.metrics:
        ports.append({"name": "http-metrics", "port": METRICS_PORT, "targetPort": "http-metrics", "protocol": "TCP"})
    meta = metadata(service, object_name(service.name))
    if service.deployment.mesh == "istio-ambient":
        meta["labels"]["istio.io/use-waypoint"] = waypoint_name(service.name)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {"type": "ClusterIP", "selector": selector(service), "ports": ports},
    }


def peers_service(service: Service) -> Manifest:
    """The headless Service for the pods. It lists pods that are not ready too: to become ready they must meet."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(service, peers_name(service.name), component="peers"),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": selector(service),
            "ports": [_port("grpc-peer", service)],
        },
    }


def _port(name: str, service: Service) -> Manifest:
    protocol = "grpc" if service.deployment.mesh in _ISTIO else "kubernetes.io/h2c"
    return {"name": name, "port": PORT, "targetPort": "grpc", "protocol": "TCP", "appProtocol": protocol}


def network_policy(service: Service) -> Manifest:
    """Lets in the declared callers and the service's own pods, and lets out what the runtime needs: nothing else."""
    callers = [
        {"podSelector": {"matchLabels": {"app.kubernetes.io/name": caller}}} for caller in service.deployment.callers
    ]
    if service.deployment.mesh == "istio-ambient":
        # What comes through the waypoint has the waypoint's address.
        waypoint = {"gateway.networking.k8s.io/gateway-name": waypoint_name(service.name)}
        callers.append({"podSelector": {"matchLabels": waypoint}})
    ports = [{"protocol": "TCP", "port": PORT}]
    if service.deployment.mesh == "istio-ambient":
        ports.append({"protocol": "TCP", "port": _AMBIENT_TUNNEL})
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(service, object_name(service.name)),
        "spec": {
            "podSelector": {"matchLabels": selector(service)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {"from": [*callers, {"podSelector": {"matchLabels": selector(service)}}], "ports": ports},
                *([{"ports": [{"protocol": "TCP", "port": METRICS_PORT}]}] if service.deployment.metrics else []),
            ],
            "egress": _egress(service),
        },
    }


def _egress(service: Service) -> list[Manifest]:
    """Names are looked up anywhere; the hosts of stores, brokers and clusters are in Secrets: only ports are known."""
    rules: list[Manifest] = [{"ports": [{"protocol": protocol, "port": _DNS} for protocol in ("UDP", "TCP")]}]
    if is_stateful(service):
        peers: Manifest = {"to": [{"podSelector": {"matchLabels": selector(service)}}]}
        rules.append(peers | {"ports": [{"protocol": "TCP", "port": PORT}]})
    stores = {StoreKind.POSTGRESQL: _POSTGRESQL, StoreKind.JETSTREAM: _NATS}
    ports = {port for kind, port in stores.items() if service.store.kind is kind and service.store.secret}
    if service.deployment.broker or service.deployment.cluster:
        ports.add(_NATS)
    tunnels = {"istio": _ISTIOD, "istio-ambient": _AMBIENT_TUNNEL}
    ports |= {port for mesh, port in tunnels.items() if service.deployment.mesh == mesh}
    return [*rules, *({"ports": [{"protocol": "TCP", "port": port}]} for port in sorted(ports))]
