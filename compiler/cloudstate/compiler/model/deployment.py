"""Where and how the service is deployed: input of the Kubernetes backends."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class StoreKind(StrEnum):
    """Where the journal is kept."""

    MEMORY = "memory"
    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"
    JETSTREAM = "jetstream"


@dataclass(frozen=True, slots=True)
class Store:
    """The journal of the service; ``secret`` names the Kubernetes Secret with its address and credentials."""

    kind: StoreKind = StoreKind.SQLITE
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class Autoscale:
    """Bounds for the number of replicas, and the CPU utilisation (percent) to keep."""

    min: int
    max: int
    cpu: int = 80


@dataclass(frozen=True, slots=True)
class Resources:
    """Kubernetes quantities, e.g. ``500m`` and ``256Mi``."""

    cpu: str = "500m"
    memory: str = "256Mi"


@dataclass(frozen=True, slots=True)
class Deployment:
    """How many, of which image, and who may call.

    Attributes:
        image: container image; None while the author has not chosen one (no workload is generated then).
        replicas: number of pods when ``autoscale`` is None.
        mesh: ``none``, ``istio``, ``istio-ambient``, ``gateway-api`` or ``knative``.
        callers: names of the services that may call this one; empty = not restricted.
    """

    image: str | None = None
    replicas: int = 1
    autoscale: Autoscale | None = None
    mesh: str = "none"
    callers: tuple[str, ...] = ()
    resources: Resources = field(default_factory=Resources)
