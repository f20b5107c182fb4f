"""The service: the root of the model. The frontend builds it, checks read it, backends see nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from cloudstate.compiler.model.deployment import Deployment, Store
from cloudstate.compiler.model.entity import Entity
from cloudstate.compiler.model.message import ProtoFile


class Placement(StrEnum):
    """Where entity code runs: inside the runtime process, or behind it in a process of its own."""

    EMBEDDED = "embedded"
    SIDECAR = "sidecar"


@dataclass(frozen=True, slots=True)
class Service:
    """One deployable service.

    Attributes:
        name: DNS-1123 label, e.g. ``shopping-cart``.
        entities: in the order of the spec.
        files: every file of ``descriptors``, dependencies first.
        descriptors: serialized ``FileDescriptorSet`` of the service's protos and all that they import, dependencies
            first, without source info.
        placement, store, deployment, shards: as in the spec.
        digest: hash of all input (spec and protos); generated files carry it.
    """

    name: str
    entities: tuple[Entity, ...]
    files: tuple[ProtoFile, ...]
    descriptors: bytes = field(repr=False)
    placement: Placement = Placement.EMBEDDED
    store: Store = field(default_factory=Store)
    deployment: Deployment = field(default_factory=Deployment)
    shards: int = 256
    digest: str = ""

    @property
    def package(self) -> str:
        """The generated Python package, e.g. ``shopping_cart_service``."""
        return self.name.replace("-", "_") + "_service"
