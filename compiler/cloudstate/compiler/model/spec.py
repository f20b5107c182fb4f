"""The spec with its names resolved and its positions kept: what checks read, before a ``Service`` is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cloudstate.compiler.model.deployment import StoreKind
from cloudstate.compiler.model.entity import CommandEffect, Model
from cloudstate.compiler.model.schema import MessageDeclaration, RpcDeclaration, Schema, ServiceDeclaration
from cloudstate.compiler.model.service import Placement
from cloudstate.compiler.source import Located, Span


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """What the spec says about one command."""

    rpc: Located[RpcDeclaration]
    effect: Located[CommandEffect] | None = None
    emits: tuple[Located[MessageDeclaration], ...] = ()


@dataclass(frozen=True, slots=True)
class UpcasterSpec:
    """What the spec says about a message that older releases have stored.

    Attributes:
        source: its full name.
        declared: the message, where it is still declared.
        target: what it becomes.
    """

    source: Located[str]
    declared: MessageDeclaration | None
    target: Located[MessageDeclaration]


@dataclass(frozen=True, slots=True)
class EntitySpec:
    """What the spec says about one entity.

    Attributes:
        service: the gRPC service, located where the spec names it.
        model: its state model.
        given: where each key was written, by the key's name; also of keys whose value could not be resolved.
        attempted: the keys that are there in some form, even a broken one; nothing is said about their absence.
        type, implementation, crdt, snapshot_every, passivation_ms: None where the spec does not say.
        idempotency_window: the same.
        state: None where the spec does not say, or names something unknown.
        events: the known ones among those that the spec lists.
        commands: the known ones among those that the spec mentions.
        upcasters: those whose target is known.
    """

    service: Located[ServiceDeclaration]
    model: Located[Model]
    given: Mapping[str, Span] = field(default_factory=dict)
    attempted: frozenset[str] = frozenset()
    type: Located[str] | None = None
    implementation: Located[str] | None = None
    crdt: Located[str] | None = None
    state: Located[MessageDeclaration] | None = None
    events: tuple[Located[MessageDeclaration], ...] = ()
    snapshot_every: Located[int] | None = None
    passivation_ms: Located[int] | None = None
    idempotency_window: Located[int] | None = None
    commands: tuple[CommandSpec, ...] = ()
    upcasters: tuple[UpcasterSpec, ...] = ()

    @property
    def name(self) -> str:
        """The service's short name."""
        return self.service.value.full_name.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class StoreSpec:
    """The ``store`` of the spec."""

    kind: Located[StoreKind]
    secret: Located[str] | None


@dataclass(frozen=True, slots=True)
class AutoscaleSpec:
    """The ``deploy.autoscale`` of the spec."""

    min: Located[int]
    max: Located[int]
    cpu: int
    span: Span


@dataclass(frozen=True, slots=True)
class JwtSpec:
    """The ``deploy.jwt`` of the spec."""

    issuer: Located[str]
    keys: Located[str]
    span: Span


@dataclass(frozen=True, slots=True)
class DeploymentSpec:
    """The ``deploy`` of the spec."""

    image: Located[str] | None = None
    replicas: Located[int] | None = None
    autoscale: AutoscaleSpec | None = None
    mesh: Located[str] | None = None
    callers: tuple[Located[str], ...] = ()
    cpu: Located[str] | None = None
    memory: Located[str] | None = None
    proxy: Located[str] | None = None
    broker: Located[str] | None = None
    cluster: Located[str] | None = None
    jwt: JwtSpec | None = None
    gateway: Located[str] | None = None
    hosts: tuple[Located[str], ...] = ()
    metrics: Located[bool] | None = None
    kubernetes: Located[str] | None = None


@dataclass(frozen=True, slots=True)
class AuthorClass:
    """A class of the author: the names that its body defines, the short names of its bases, and where it is."""

    defines: frozenset[str]
    bases: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class AuthorModule:
    """A Python module beside the spec.

    Attributes:
        classes: by name; None where the file is not valid Python.
        mistake: then where it is not, and why, if Python says so.
    """

    classes: Mapping[str, AuthorClass] | None
    mistake: tuple[Span, str] | None = None


@dataclass(frozen=True, slots=True)
class Handlers:
    """What Python calls the handlers of an entity: the backend decides on these names.

    Attributes:
        entity: the entity's service.
        base: the generated class that the author's class extends.
        commands: rpc and method, by pairs.
        events: full name of the event type and method, by pairs.
        upcasters: full name of the stored type and method, by pairs.
    """

    entity: str
    base: str
    commands: tuple[tuple[str, str], ...]
    events: tuple[tuple[str, str], ...]
    upcasters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Spec:
    """One spec.

    Attributes:
        name: the service's name.
        is_complete: every file could be read and every name resolved: only then does absence mean something.
        protos: the listed proto files.
        schema: what they and their imports declare.
        entities: those whose service is known.
        declared: how the spec names the services of all its entities, known or not.
        store, placement, deployment, shards: as written; None where the spec does not say.
        shards_span: where the number of shards stands.
        modules: the author's Python modules that the entities name, by dotted name.
        neighbours: the names of all modules and packages beside the spec.
    """

    name: Located[str]
    is_complete: bool
    protos: tuple[Located[str], ...]
    schema: Schema
    entities: tuple[EntitySpec, ...]
    declared: frozenset[str] = frozenset()
    placement: Located[Placement] | None = None
    store: StoreSpec | None = None
    deployment: DeploymentSpec = field(default_factory=DeploymentSpec)
    shards: int = 256
    shards_span: Span | None = None
    modules: Mapping[str, AuthorModule] = field(default_factory=dict)
    neighbours: frozenset[str] = frozenset()
