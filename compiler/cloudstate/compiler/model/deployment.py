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
class Jwt:
    """Whose tokens callers must show: the ``iss`` of the tokens, and where the issuer's keys are."""

    issuer: str
    keys: str


#: The Kubernetes minors that manifests can be made for, oldest first.
KUBERNETES = tuple(f"1.{minor}" for minor in range(29, 38))
#: The one where the spec does not say.
OLDEST = "1.30"


@dataclass(frozen=True, slots=True)
class Deployment:
    """How many, of which image, and who may call.

    Attributes:
        image: container image; None while the author has not chosen one (no workload is generated then).
        replicas: number of pods when ``autoscale`` is None.
        mesh: ``none``, ``istio``, ``istio-ambient``, ``gateway-api`` or ``knative``.
        callers: names of the services that may call this one; empty = not restricted.
        proxy: image of the proxy where the placement is sidecar; None = the one of the function.
        broker: the Secret with the address of the broker of topics; None = the service has no topics.
        cluster: the Secret with the address of the NATS servers on which the pods meet; None = they do not.
        jwt: the issuer whose tokens callers must show.
        gateway: the Gateway that routes to the service, as ``NAME`` or ``NAMESPACE/NAME``.
        hosts: the host names under which the gateway serves it; empty = all of the gateway.
        metrics: whether metrics are served and collected.
        kubernetes: the oldest minor that the manifests are for, one of ``KUBERNETES``.
    """

    image: str | None = None
    replicas: int = 1
    autoscale: Autoscale | None = None
    mesh: str = "none"
    callers: tuple[str, ...] = ()
    resources: Resources = field(default_factory=Resources)
    proxy: str | None = None
    broker: str | None = None
    cluster: str | None = None
    jwt: Jwt | None = None
    gateway: str | None = None
    hosts: tuple[str, ...] = ()
    metrics: bool = False
    kubernetes: str = OLDEST

    @property
    def minor(self) -> int:
        """The number behind the point of ``kubernetes``."""
        return int(self.kubernetes.partition(".")[2])
