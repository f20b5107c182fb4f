"""The YAML spec as pydantic models: what keys there are and what may stand at them. Editors get it as JSON Schema.

After a change: ``cloudstate schema > compiler/cloudstate/compiler/frontend/spec.schema.json`` (``shape`` reads it).
Only shapes are described here. What names mean is decided in ``bind.py``, what makes sense in the checks.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from cloudstate.compiler.frontend.duration import milliseconds

ModelName = Literal["event-sourced", "value", "crdt", "action"]
CrdtName = Literal["gcounter", "pncounter", "gset", "orset", "lwwregister", "flag", "ormap", "vote"]
EffectName = Literal["read", "write"]


def _check_duration(duration: str) -> str:
    if milliseconds(duration) is None:
        raise PydanticCustomError("bad_duration", "not a duration")
    return duration


def _number_as_text(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Duration = Annotated[
    str,
    AfterValidator(_check_duration),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,12}(ms|s|m|h|d)$"}),
]
Quantity = Annotated[str, BeforeValidator(_number_as_text), WithJsonSchema({"type": ["string", "number"]})]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SnapshotDocument(_Document):
    """When the journal gets a snapshot."""

    every: int = Field(ge=0, le=1_000_000, description="A snapshot after so many events; 0 = never.")


class IdempotencyDocument(_Document):
    """Which retries are known again."""

    window: int = Field(ge=0, le=1_000, description="The entity keeps its newest so many answers; 0 = none.")


class CommandDocument(_Document):
    """What a command does to the state."""

    effect: EffectName | None = Field(None, description="A read must not emit or update.")
    emits: list[str] | None = Field(None, description="The events that the command may emit.")


class UpcasterDocument(_Document):
    """How a message that older releases have stored is read today."""

    from_: str = Field(alias="from", description="The stored message; it need not be declared any more.")
    to: str = Field(description="The event, state or value that it becomes.")


class EntityDocument(_Document):
    """One gRPC service and its state model."""

    service: str = Field(description="The gRPC service, by its full name or a unique short one.")
    model: ModelName | None = Field(None, description="The state model; may be said in the .proto file instead.")
    type: str | None = Field(None, description="The name of the entity's data in the journal. Never change it.")
    class_: str | None = Field(None, alias="class", description="The implementation as `module.Class`.")
    state: str | None = Field(None, description="The message that is the state or value, or what a crdt holds.")
    events: list[str] | None = Field(None, min_length=1, description="The messages that are events.")
    crdt: CrdtName | None = Field(None, description="The data type of a crdt entity.")
    upcasters: list[UpcasterDocument] | None = Field(None, description="Stored messages that are others today.")
    snapshot: SnapshotDocument | None = None
    idempotency: IdempotencyDocument | None = None
    passivation: Duration | None = Field(None, description="An idle entity leaves memory after this, e.g. `30s`.")
    commands: dict[str, CommandDocument] | None = Field(None, description="What is known of each command, by its rpc.")


class StoreDocument(_Document):
    """The journal."""

    kind: Literal["sqlite", "postgresql", "jetstream", "memory"]
    secret: str | None = Field(None, description="The Kubernetes Secret with the address and the credentials.")


class AutoscaleDocument(_Document):
    """Bounds for the number of replicas."""

    min: int = Field(ge=1, le=10_000)
    max: int = Field(ge=1, le=10_000)
    cpu: int = Field(80, ge=1, le=100, description="The CPU utilisation to keep, in percent.")


class ResourcesDocument(_Document):
    """What each replica gets."""

    cpu: Quantity = Field("500m", description="A Kubernetes quantity.")
    memory: Quantity = Field("256Mi", description="A Kubernetes quantity.")


class BrokerDocument(_Document):
    """Where topics are."""

    secret: str = Field(description="The Kubernetes Secret whose key `url` is the broker's address.")


class ClusterDocument(_Document):
    """Where the pods of the service meet."""

    secret: str = Field(description="The Kubernetes Secret whose key `url` is the address of their NATS servers.")


class JwtDocument(_Document):
    """Whose tokens callers must show."""

    issuer: str = Field(description="The `iss` of the tokens.")
    keys: str = Field(description="Where the issuer's keys (JWKS) are: an https address.")


class DeployDocument(_Document):
    """How many, of which image, and who may call."""

    image: str | None = Field(None, description="Without an image there is no workload in the manifests.")
    replicas: int | None = Field(None, ge=0, le=10_000)
    autoscale: AutoscaleDocument | None = None
    mesh: Literal["none", "istio", "istio-ambient", "gateway-api", "knative"] = "none"
    callers: list[str] = Field(default=[], description="The services that may call this one; empty = all.")
    resources: ResourcesDocument | None = None
    proxy: str | None = Field(None, description="The proxy's image with `placement: sidecar`; else the function's.")
    broker: BrokerDocument | None = None
    cluster: ClusterDocument | None = None
    jwt: JwtDocument | None = None
    gateway: str | None = Field(None, description="The Gateway that routes to the service: `NAME` or `NAMESPACE/NAME`.")
    hosts: list[str] = Field(default=[], description="The host names under which the gateway serves it; empty = all.")
    metrics: bool = Field(False, description="Serve metrics, and have Prometheus collect them.")
    kubernetes: Literal["1.29", "1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37"] = Field(
        "1.30", description="The oldest Kubernetes that the manifests are for."
    )


class ServiceDocument(_Document):
    """What the service is made of."""

    protos: list[str] = Field(min_length=1, description="The .proto files, relative to the proto root.")
    entities: list[EntityDocument] = Field(default=[], description="May be said in the .proto files instead.")
    placement: Literal["embedded", "sidecar"] | None = Field(None, description="Where the entities' code runs.")
    shards: int = Field(256, ge=1, le=65_536, description="Never change it once data is stored.")
    store: StoreDocument | None = None
    deploy: DeployDocument | None = None


class MetadataDocument(_Document):
    """What the service is called."""

    name: str = Field(description="A DNS label, e.g. `shopping-cart`.")


class SpecDocument(_Document):
    """A spec of the CloudState compiler."""

    api_version: Literal["cloudstate.io/v1"] = Field(alias="apiVersion")
    kind: Literal["StatefulService"]
    metadata: MetadataDocument
    spec: ServiceDocument


def json_schema() -> dict[str, object]:
    """The JSON Schema of a spec, for editors."""
    schema = SpecDocument.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "CloudState spec"}
