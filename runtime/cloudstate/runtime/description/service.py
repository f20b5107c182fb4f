"""What one service is: its entities, their commands, and the protobuf types that they use.

These values do not say where they came from. ``compiled.py`` reads them from the compiler's output; a function that
runs elsewhere announces the same facts when it is discovered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from cloudstate.runtime.description.schema import Schema
from cloudstate.runtime.errors import ServiceInvalid


class Model(StrEnum):
    """The state models."""

    EVENT_SOURCED = "event-sourced"
    VALUE = "value"
    CRDT = "crdt"
    ACTION = "action"


class Placement(StrEnum):
    """Where entity code runs: in the runtime's process, or behind it in a process of its own."""

    EMBEDDED = "embedded"
    SIDECAR = "sidecar"


@dataclass(frozen=True, slots=True)
class StoreDescription:
    """Which kind of journal keeps the service's data, and the Kubernetes Secret with its address, if any."""

    kind: str
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class CommandDescription:
    """One method of an entity's gRPC service.

    Attributes:
        name: the method's name, e.g. ``AddItem``.
        input, output: full names of its message types.
        key: names of the input's key fields, in declaration order.
        client_streaming, server_streaming: the method's shape.
        effect: ``read`` or ``write`` where the spec says so, else None.
        emits: full names of the event types it may emit, where the spec says so.
    """

    name: str
    input: str
    output: str
    key: tuple[str, ...] = ()
    client_streaming: bool = False
    server_streaming: bool = False
    effect: str | None = None
    emits: tuple[str, ...] = ()

    @property
    def is_unary(self) -> bool:
        """True if neither side streams."""
        return not (self.client_streaming or self.server_streaming)


@dataclass(frozen=True, slots=True)
class EntityDescription:
    """One entity type (or action) and the gRPC service that it serves.

    Attributes:
        service: full name of the gRPC service.
        model: its state model.
        type: the persistence id, under which the journal keeps its entities.
        implementation: ``module.Class`` of the author's code; "" where the code runs elsewhere.
        state: full name of the state or value type, None for actions and where it is not known.
        events: full names of the event types, empty where they are not known.
        snapshot_every: a snapshot after so many events; 0 = never.
        passivation_ms: an idle entity leaves memory after so many milliseconds.
        crdt: the CRDT's data type, where the model is CRDT.
        idempotency_window: how many answers of an entity are kept for retries; None: as many as the host keeps.
        commands: in the order of the .proto file.
    """

    service: str
    model: Model
    type: str
    commands: tuple[CommandDescription, ...]
    implementation: str = ""
    state: str | None = None
    events: tuple[str, ...] = ()
    snapshot_every: int = 100
    passivation_ms: int = 30_000
    crdt: str | None = None
    idempotency_window: int | None = None

    def messages(self) -> Iterator[str]:
        """Full names of all message types that the entity names, with repetitions."""
        if self.state is not None:
            yield self.state
        yield from self.events
        for command in self.commands:
            yield from (command.input, command.output, *command.emits)


@dataclass(frozen=True, slots=True)
class ServiceDescription:
    """One deployable service.

    Attributes:
        name: e.g. ``shopping-cart``.
        entities: in the order of the spec.
        schema: every type that the entities name, and all that those need.
        package: the generated Python package; "" where there is none.
        placement: where entity code runs.
        shards: number of shards, fixed for the life of the service's data.
        store: where its journal is kept.
        digest: hash of the compiler's input.
    """

    name: str
    entities: tuple[EntityDescription, ...]
    schema: Schema = field(repr=False, compare=False)
    package: str = ""
    placement: Placement = Placement.EMBEDDED
    shards: int = 256
    store: StoreDescription = field(default_factory=lambda: StoreDescription("memory"))
    digest: str = ""

    def __post_init__(self) -> None:
        """Hold the entities against the schema, so that nothing later needs to ask whether a name exists.

        Raises:
            ServiceInvalid: an entity and the descriptors disagree.
        """
        seen: set[str] = set()
        for entity in self.entities:
            if entity.service in seen:
                raise ServiceInvalid(
                    f"service `{entity.service}` is served by two entities", help="keep one entity per gRPC service"
                )
            seen.add(entity.service)
            _check_types(entity, self.schema)
            _check_methods(entity, self.schema)

    def entity(self, service: str) -> EntityDescription | None:
        """The entity that serves the gRPC service, or None."""
        return next((entity for entity in self.entities if entity.service == service), None)


def _check_types(entity: EntityDescription, schema: Schema) -> None:
    for name in entity.messages():
        try:
            schema.message(name)
        except ServiceInvalid as error:
            raise ServiceInvalid(f"entity `{entity.service}`: {error.args[0]}", help=error.help) from None
    for command in entity.commands:
        fields = schema.message(command.input).fields_by_name
        for key in command.key:
            if key not in fields:
                raise ServiceInvalid(
                    f"command `{entity.service}.{command.name}`: its key `{key}` is not a field of `{command.input}`",
                    help="compile the spec again",
                )


def _check_methods(entity: EntityDescription, schema: Schema) -> None:
    for command in entity.commands:
        method = schema.method(entity.service, command.name)
        declared = (
            method.input_type.full_name,
            method.output_type.full_name,
            bool(method.client_streaming),
            bool(method.server_streaming),
        )
        if declared != (command.input, command.output, command.client_streaming, command.server_streaming):
            raise ServiceInvalid(
                f"command `{entity.service}.{command.name}` is described otherwise than its method is declared",
                help="compile the spec again: service.json and service.binpb are not of one run",
            )
