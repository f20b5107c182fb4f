"""Labels. Selectors use the two that never change; the rest describes."""

from __future__ import annotations

from cloudstate.compiler.backends.kubernetes.dump import Manifest
from cloudstate.compiler.model import Service


def selector(service: Service) -> dict[str, str]:
    """What selects the service's pods; immutable once applied."""
    return {"app.kubernetes.io/name": service.name, "app.kubernetes.io/instance": service.name}


def metadata(service: Service, name: str, component: str = "service") -> Manifest:
    """The metadata of an object."""
    labels = selector(service) | {
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/part-of": service.name,
        "app.kubernetes.io/managed-by": "cloudstate",
    }
    return {"name": name, "labels": labels}
