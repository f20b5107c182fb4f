"""The settings of the runtime in the pod: a ConfigMap of environment variables, and a hash that rolls the pods."""

from __future__ import annotations

import hashlib
import json

from cloudstate.compiler.backends.kubernetes.dump import Manifest
from cloudstate.compiler.backends.kubernetes.metadata import metadata
from cloudstate.compiler.backends.kubernetes.names import config_name
from cloudstate.compiler.model import Model, Service, StoreKind

#: The runtime serves everything on this port: commands over gRPC and HTTP, and the health service.
PORT = 9000
#: Where a journal that lives in files is mounted.
DATA = "/var/lib/cloudstate"
#: Where the Secret of the store is mounted: one file per key.
STORE_SECRET = "/etc/cloudstate/store"  # noqa: S105 - a path


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
    if service.store.secret:
        values["CLOUDSTATE_STORE_SECRET"] = STORE_SECRET
    return values


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
