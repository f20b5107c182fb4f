"""Entities (and actions): a gRPC service, its state model, and its commands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cloudstate.compiler.model.message import MessageType


class Model(StrEnum):
    """The state models."""

    EVENT_SOURCED = "event-sourced"
    VALUE = "value"
    CRDT = "crdt"
    ACTION = "action"


#: The data types of CRDT entities as specs name them, and the classes that authors work with.
CRDT_CLASSES = {
    "gcounter": "GCounter",
    "pncounter": "PNCounter",
    "gset": "GSet",
    "orset": "ORSet",
    "lwwregister": "LWWRegister",
    "flag": "Flag",
    "ormap": "ORMap",
    "vote": "Vote",
}


class CommandEffect(StrEnum):
    """What a command may do to the state: a read must not emit or update."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Command:
    """One rpc of the service.

    Attributes:
        name: the rpc's name, e.g. ``AddItem``.
        input, output: its message types.
        key: names of the input's key fields, in declaration order; empty for actions that have none.
        client_streaming, server_streaming: the rpc's shape.
        effect: read or write, as declared; None where the spec does not say.
        emits: the event types that the command may emit, as declared; empty where the spec does not say.
        docs: the rpc's leading comment.
    """

    name: str
    input: MessageType
    output: MessageType
    key: tuple[str, ...] = ()
    client_streaming: bool = False
    server_streaming: bool = False
    effect: CommandEffect | None = None
    emits: tuple[MessageType, ...] = ()
    docs: str = ""


@dataclass(frozen=True, slots=True)
class Upcaster:
    """How a message that older releases have stored is read today.

    Attributes:
        source: the full name under which it is stored.
        type: the message, for code that converts it; None where its encoding is read as the target's.
        target: what it becomes: an event, the state, or the source of another upcaster.
    """

    source: str
    type: MessageType | None
    target: MessageType


@dataclass(frozen=True, slots=True)
class Entity:
    """One gRPC service with its state model.

    Attributes:
        service: full name of the gRPC service.
        model: its state model.
        type: the persistence id: the journal keeps the entity's data under it. For actions the service's full name.
        implementation: ``module.Class`` of the author's class, relative to the directory of the spec.
        commands: in the order of the .proto file.
        state: type of the state (event-sourced), of the value, or of what a CRDT holds: elements of a set, the value of
            a register, keys of a map. None for actions and for CRDTs that hold nothing.
        events: event types, in the order of the spec.
        snapshot_every: a snapshot after so many events; 0 = never.
        passivation_ms: an idle entity leaves memory after so many milliseconds.
        crdt: the CRDT's data type where the model is CRDT, e.g. ``gcounter``.
        docs: the service's leading comment.
        upcasters: in the order of the spec.
        idempotency_window: how many answers are kept for retries; None: as many as the runtime keeps by itself.
    """

    service: str
    model: Model
    type: str
    implementation: str
    commands: tuple[Command, ...]
    state: MessageType | None = None
    events: tuple[MessageType, ...] = ()
    snapshot_every: int = 100
    passivation_ms: int = 30_000
    crdt: str | None = None
    docs: str = ""
    upcasters: tuple[Upcaster, ...] = ()
    idempotency_window: int | None = None

    @property
    def name(self) -> str:
        """The service's short name, e.g. ``ShoppingCart``."""
        return self.service.rpartition(".")[2]
