"""What a release has stored and routed, as frozen values: what the lock file remembers and changes are judged by.

Only what can be found in a journal or a topic is here: commands and replies are not, apart from the keys of entities.
Names of options that do not change what bytes mean (packed, json_name, deprecated) are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from cloudstate.compiler.source import Span


class Label(StrEnum):
    """How often a field stands in a message, and whether its absence can be seen."""

    IMPLICIT = ""
    OPTIONAL = "optional"
    REQUIRED = "required"
    REPEATED = "repeated"
    MAP = "map"


#: The types that a field can have besides messages and enums.
SCALARS = frozenset(
    (
        *("int32", "int64", "uint32", "uint64", "sint32", "sint64"),
        *("fixed32", "fixed64", "sfixed32", "sfixed64", "float", "double"),
        *("bool", "string", "bytes"),
    )
)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message.

    Attributes:
        number, name: as declared.
        type: a scalar type, or the full name of a message or enum; of a map the type of its values.
        label: a singular message field has none: its absence can always be seen. Neither have members of a oneof.
        map_key: the type of a map's keys; "" where the field is no map.
        oneof: the oneof that the field is a member of, or "".
        default: what is read where the field is absent, if that is not the type's zero (proto2 only).
        is_group: the message is delimited, not length-prefixed (proto2 and editions only).
    """

    number: int
    name: str
    type: str
    label: Label = Label.IMPLICIT
    map_key: str = ""
    oneof: str = ""
    default: str = ""
    is_group: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """A message type; fields in the order of their numbers, reserved numbers as first and last of each range."""

    name: str
    fields: tuple[Field, ...] = ()
    reserved: tuple[tuple[int, int], ...] = ()

    def number(self, number: int) -> Field | None:
        """The field with this number."""
        return next((known for known in self.fields if known.number == number), None)

    def field(self, name: str) -> Field | None:
        """The field with this name."""
        return next((known for known in self.fields if known.name == name), None)

    def reserves(self, number: int) -> bool:
        """No field may have this number."""
        return _is_within(number, self.reserved)


@dataclass(frozen=True, slots=True)
class Enum:
    """An enum type: numbers and names, in the order of the numbers, then of the names (a number may have several)."""

    name: str
    values: tuple[tuple[int, str], ...]
    reserved: tuple[tuple[int, int], ...] = ()

    def names(self, number: int) -> tuple[str, ...]:
        """The names of a number."""
        return tuple(name for known, name in self.values if known == number)

    def number(self, name: str) -> int | None:
        """The number of a name."""
        return next((number for number, known in self.values if known == name), None)

    def reserves(self, number: int) -> bool:
        """No value may have this number."""
        return _is_within(number, self.reserved)


def _is_within(number: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= number <= last for first, last in ranges)


@dataclass(frozen=True, slots=True)
class Key:
    """One field of an entity's key, as a command has it."""

    type: str
    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity with state.

    Attributes:
        type: its persistence id.
        service: the gRPC service that serves it.
        model: ``event-sourced``, ``value`` or ``crdt``.
        state: the type of the state, the value, or the elements of the CRDT; "" where there is none.
        has_snapshots: the journal may hold states of an event-sourced entity.
        events: the types of its events, sorted.
        crdt: the data type of a CRDT, or "".
        keys: the key fields in the input of each command, in declaration order, by the command's name.
    """

    type: str
    service: str
    model: str
    state: str = ""
    has_snapshots: bool = False
    events: tuple[str, ...] = ()
    crdt: str = ""
    keys: Mapping[str, tuple[Key, ...]] = field(default_factory=dict)

    @property
    def stores_state(self) -> bool:
        """A journal may have states of the entity, apart from its events."""
        return bool(self.state) and (self.model != "event-sourced" or self.has_snapshots)


class Direction(StrEnum):
    """Whether messages come from a channel or go to it."""

    CONSUMED = "consumed"
    PUBLISHED = "published"


@dataclass(frozen=True, slots=True, order=True)
class Channel:
    """One type of messages on one topic or event log.

    Attributes:
        direction: from there or to there.
        source: ``topic NAME`` or ``log TYPE``.
        group: whose position in the source it is: the consumer group, or the service where none is named.
        message: the type of the messages.
    """

    direction: Direction
    source: str
    group: str
    message: str


@dataclass(frozen=True, slots=True)
class Stored:
    """All that one release of a service stores and routes.

    Attributes:
        service: the service's name, under which a store keeps the data.
        shards: the number of shards.
        entities: by type.
        channels: sorted.
        messages, enums: by name; all that entities and channels use, directly or through other messages.
    """

    service: str
    shards: int
    entities: Mapping[str, Entity] = field(default_factory=dict)
    channels: tuple[Channel, ...] = ()
    messages: Mapping[str, Message] = field(default_factory=dict)
    enums: Mapping[str, Enum] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Upcast:
    """What becomes of a message that an older release has stored.

    Attributes:
        target: the message that it becomes.
        is_converted: by code, which gets it as it is declared today; otherwise its bytes are read as the target.
    """

    target: str
    is_converted: bool


@dataclass(frozen=True, slots=True)
class Current:
    """What the spec says today.

    Attributes:
        stored: as for a release.
        services: the state model of each service that the spec has an entity for, actions too.
        upcasters: by the type of the entity, then by the message that they come from.
    """

    stored: Stored
    services: Mapping[str, str] = field(default_factory=dict)
    upcasters: Mapping[str, Mapping[str, Upcast]] = field(default_factory=dict)

    def read_as(self, entity: str, name: str) -> tuple[str, str] | None:
        """As what an entity decodes a stored message, and what that is to it in the end.

        Both are the message itself unless there are upcasters. None if nothing reads it.
        """
        today = self.stored.entities[entity]
        known = {today.state, *today.events} - {""}
        if name in known:
            return name, name
        upcasters = self.upcasters.get(entity, {})
        if name not in upcasters:
            return None
        decoded, end = name if upcasters[name].is_converted else upcasters[name].target, name
        seen: set[str] = set()
        while end not in known and end in upcasters and end not in seen:
            seen.add(end)
            end = upcasters[end].target
        return (decoded, end) if end in known else None


def parts_of(name: str, messages: Mapping[str, Message]) -> frozenset[str]:
    """The names of all messages and enums that a message is made of, itself too."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        part = waiting.pop()
        if part not in found:
            found.add(part)
            waiting += [field.type for field in messages[part].fields] if part in messages else []
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Version:
    """A release: its name, what it stores, and encodings that it could have stored, by the name of the message."""

    name: str
    stored: Stored
    samples: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A break that somebody answers for.

    Attributes:
        code: the id of the finding.
        subject: what it is about, e.g. ``shop.ItemAdded.quantity``.
        was, now: what is recorded of it, and what it has become: the acceptance is for nothing else.
        reason, author: why, and who says so.
        until: the last day on which it holds.
        span: where the lock file says so; None while it does not.
    """

    code: str
    subject: str
    was: tuple[str, ...]
    now: str
    reason: str
    author: str
    until: date
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock file: the releases of a service, oldest first, and the breaks that were accepted."""

    versions: tuple[Version, ...] = ()
    accepted: tuple[Acceptance, ...] = ()
