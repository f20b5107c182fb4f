"""The settings of the runtime in the pod: a ConfigMap of environment variables, and a hash that rolls the pods."""

from __future__ import annotations

import hashlib
import json

from cloudstate.compiler.backends.kubernetes.dump import Manifest
from cloudstate.compiler.backends.kubernetes.metadata import metadata
from cloudstate.compiler.backends.kubernetes.names import config_name
from cloudstate.compiler.model import Model, Placement, Service, StoreKind

#: The runtime serves everything on this port: commands over gRPC and HTTP, and the health service.
PORT = 9000
#: Where a journal that lives in files is mounted.
DATA = "/var/lib/cloudstate"
#: Metrics are served here, without TLS, where the spec asks for them; so is whether a proxy is alive.
METRICS_PORT = 9090
#: The key of a Secret under which an address with its credentials stands.
URL_KEY = "url"


def is_stateful(service: Service) -> bool:
    """True if any entity keeps state; services of actions alone need no identity and no disk."""
    return any(entity.model is not Model.ACTION for entity in service.entities)


def has_volume(service: Service) -> bool:
    """True if the journal is a file."""
    return is_stateful(service) and service.store.kind is StoreKind.SQLITE


def settings(service: Service) -> dict[str, str]:
    """The environment of the container. Never the number of replicas: scaling must not restart pods."""
    values = {"HOST": "0.0.0.0", "HTTP_PORT": str(PORT)}  # noqa: S104 - a pod has its own address
    if has_volume(service):
        values["CLOUDSTATE_JOURNAL"] = f"sqlite:{DATA}/{service.name}.db"
    if service.deployment.metrics or service.placement is Placement.SIDECAR:
        values["METRICS_PORT"] = str(METRICS_PORT)
    return values


def from_secrets(service: Service) -> list[Manifest]:
    """The environment that holds credentials: named here, kept in Secrets that somebody else makes."""
    named = {
        "CLOUDSTATE_JOURNAL": service.store.secret,
        "CLOUDSTATE_BROKER": service.deployment.broker,
        "CLOUDSTATE_CLUSTER": service.deployment.cluster,
    }
    return [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": URL_KEY}}}
        for name, secret in named.items()
        if secret
    ]


def config_map(service: Service) -> Manifest:
    """The ConfigMap."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(service, config_name(service.name)),
        "data": settings(service),
    }


def config_hash(service: Service) -> str:
    """Changes when the settings do. Standing in the pod template, it makes Kubernetes replace the pods."""
    canonical = json.dumps(settings(service), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
