"""What generated code says about an entity: which method handles what. Authors never write these by hand.

The generated base class of every entity carries one as ``definition``; the runtime serves what it says.
"""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import Message

from cloudstate.runtime.authoring.data import Data


@dataclass(frozen=True, slots=True)
class CommandType:
    """One rpc and the method that handles it.

    Attributes:
        name: the rpc's name, e.g. ``AddItem``.
        method: the handler's name in the entity class, e.g. ``add_item``.
        input, output: the message classes.
        key: names of the input's key fields in declaration order; empty for actions.
        client_streaming, server_streaming: the rpc's shape.
        reads_only: the spec says that this command changes nothing; emitting or updating in it is an error.
    """

    name: str
    method: str
    input: type[Message]
    output: type[Message]
    key: tuple[str, ...] = ()
    client_streaming: bool = False
    server_streaming: bool = False
    reads_only: bool = False

    @property
    def streamed(self) -> bool:
        """True for every shape but one request, one reply."""
        return self.client_streaming or self.server_streaming


@dataclass(frozen=True, slots=True)
class EventType:
    """One event type and the method that folds it into the state."""

    method: str
    type: type[Message]


@dataclass(frozen=True, slots=True)
class UpcasterType:
    """A type that older releases have stored, and what it is today.

    Attributes:
        source: the full name under which it is stored.
        target: an event, the state, or what another upcaster comes from.
        method: the method of the entity class that makes the one of the other; "" if the bytes of the one are read as
            the other.
        type: what the stored bytes are decoded as; None without a method.
    """

    source: str
    target: type[Message]
    method: str = ""
    type: type[Message] | None = None


@dataclass(frozen=True, slots=True)
class EventSourcedType:
    """An event-sourced entity. ``snapshot_every`` 0 means never; ``passivation`` is in seconds."""

    service: str
    entity_type: str
    state: type[Message]
    commands: tuple[CommandType, ...]
    events: tuple[EventType, ...]
    snapshot_every: int = 100
    passivation: float = 30.0
    upcasters: tuple[UpcasterType, ...] = ()


@dataclass(frozen=True, slots=True)
class ValueType:
    """A value entity. ``passivation`` is in seconds."""

    service: str
    entity_type: str
    state: type[Message]
    commands: tuple[CommandType, ...]
    passivation: float = 30.0
    upcasters: tuple[UpcasterType, ...] = ()


@dataclass(frozen=True, slots=True)
class CrdtType:
    """A CRDT entity. ``passivation`` is in seconds.

    Attributes:
        data: the type of its value, e.g. ``ORSet``.
        element: the type of the elements, the value or the keys of ``data``, where it has some.
    """

    service: str
    entity_type: str
    data: type[Data]
    commands: tuple[CommandType, ...]
    element: type[Message] | type[str] | None = None
    passivation: float = 30.0


@dataclass(frozen=True, slots=True)
class ActionType:
    """A stateless service."""

    service: str
    commands: tuple[CommandType, ...]
