"""How the service is reached: the Service that callers use, the one that only its pods use, and who may call."""

from __future__ import annotations

from cloudstate.compiler.backends.kubernetes.config import METRICS_PORT, PORT
from cloudstate.compiler.backends.kubernetes.dump import Manifest
from cloudstate.compiler.backends.kubernetes.metadata import metadata, selector
from cloudstate.compiler.backends.kubernetes.names import object_name, peers_name, waypoint_name
from cloudstate.compiler.model import Service

#: Istio reads ``grpc``; everybody else reads the name that Kubernetes has standardised for HTTP/2 without TLS.
_ISTIO = frozenset({"istio", "istio-ambient"})
#: Ambient meshes wrap all traffic between pods; to a policy it arrives at this port.
_AMBIENT_TUNNEL = 15008


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
    """Lets in the declared callers and the service's own pods, nobody else."""
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
            "policyTypes": ["Ingress"],
            "ingress": [
                {"from": [*callers, {"podSelector": {"matchLabels": selector(service)}}], "ports": ports},
                *([{"ports": [{"protocol": "TCP", "port": METRICS_PORT}]}] if service.deployment.metrics else []),
            ],
        },
    }
