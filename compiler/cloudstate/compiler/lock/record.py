"""From a compiled service to what it stores and routes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool

from cloudstate import eventing_pb2
from cloudstate.compiler.lock.recorded import (
    Channel,
    Current,
    Direction,
    Entity,
    Enum,
    Field,
    Key,
    Label,
    Message,
    Stored,
    Upcast,
)
from cloudstate.compiler.model import Command, Model, Service
from cloudstate.compiler.model import Entity as ServiceEntity

_SCALAR_NAMES: dict[int, str] = {
    number: name.removeprefix("TYPE_").lower()
    for name, number in FieldDescriptorProto.Type.items()
    if name not in ("TYPE_MESSAGE", "TYPE_GROUP", "TYPE_ENUM")
}


def pool_of(service: Service) -> DescriptorPool:
    """The descriptors of a service, linked in a pool of their own."""
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(service.descriptors).file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


def record(service: Service, pool: DescriptorPool) -> Stored:
    """What the service stores and routes today."""
    entities = [_entity(entity, pool) for entity in service.entities if entity.model is not Model.ACTION]
    channels = sorted({channel for entity in service.entities for channel in _channels(entity, pool)})
    closure = _Closure(pool)
    closure.add(name for entity in entities for name in (entity.state, *entity.events) if name)
    closure.add(channel.message for channel in channels)
    upcasters = [upcaster for entity in service.entities for upcaster in entity.upcasters]
    closure.add(part.full_name for upcaster in upcasters for part in (upcaster.type, upcaster.target) if part)
    return Stored(
        service=service.name,
        shards=service.shards,
        entities={entity.type: entity for entity in sorted(entities, key=lambda entity: entity.type)},
        channels=tuple(channels),
        messages=dict(sorted(closure.messages.items())),
        enums=dict(sorted(closure.enums.items())),
    )


def current(service: Service, pool: DescriptorPool) -> Current:
    """The service as changes are judged by it."""
    return Current(
        stored=record(service, pool),
        services={entity.service: entity.model.value for entity in service.entities},
        upcasters={
            entity.type: {it.source: Upcast(it.target.full_name, it.type is not None) for it in entity.upcasters}
            for entity in service.entities
        },
    )


def sampled(stored: Stored) -> tuple[str, ...]:
    """The names of the messages that are stored themselves, not only as parts of others."""
    names = {channel.message for channel in stored.channels}
    for entity in stored.entities.values():
        names.update(entity.events, [entity.state] if entity.stores_state else ())
    return tuple(sorted(names))


def _entity(entity: ServiceEntity, pool: DescriptorPool) -> Entity:
    return Entity(
        type=entity.type,
        service=entity.service,
        model=entity.model.value,
        state=entity.state.full_name if entity.state else "",
        has_snapshots=entity.model is Model.EVENT_SOURCED and entity.snapshot_every > 0,
        events=tuple(sorted(event.full_name for event in entity.events)),
        crdt=entity.crdt or "",
        keys={command.name: _keys(command, pool) for command in sorted(entity.commands, key=lambda it: it.name)},
    )


def _keys(command: Command, pool: DescriptorPool) -> tuple[Key, ...]:
    fields = pool.FindMessageTypeByName(command.input.full_name).fields_by_name
    return tuple(Key(_type(fields[name]), name, fields[name].number) for name in command.key)


def _channels(entity: ServiceEntity, pool: DescriptorPool) -> Iterator[Channel]:
    methods = pool.FindServiceByName(entity.service).methods_by_name
    for command in entity.commands:
        proto = MethodDescriptorProto()
        methods[command.name].CopyToProto(proto)
        options: Any = proto.options
        if not options.HasExtension(eventing_pb2.eventing):
            continue
        eventing: Any = options.Extensions[eventing_pb2.eventing]
        source, out = getattr(eventing, "in"), eventing.out
        kind = source.WhichOneof("source")
        if kind is not None:
            name = f"topic {source.topic}" if kind == "topic" else f"log {source.event_log}"
            group = source.consumer_group or entity.service
            yield Channel(Direction.CONSUMED, name, group, command.input.full_name)
        if out.WhichOneof("destination") == "topic":
            yield Channel(Direction.PUBLISHED, f"topic {out.topic}", "", command.output.full_name)


class _Closure:
    """Messages and enums, with all that they are made of."""

    def __init__(self, pool: DescriptorPool) -> None:
        self._pool = pool
        self.messages: dict[str, Message] = {}
        self.enums: dict[str, Enum] = {}

    def add(self, names: Iterable[str]) -> None:
        waiting = [self._pool.FindMessageTypeByName(name) for name in names]
        while waiting:
            message = waiting.pop()
            if message.full_name in self.messages:
                continue
            self.messages[message.full_name] = _message(message)
            for field in message.fields:
                part = _values_of(field)
                if part.enum_type is not None:
                    self.enums[part.enum_type.full_name] = _enum(part.enum_type)
                elif part.message_type is not None:
                    waiting.append(part.message_type)


def _map_entry(field: FieldDescriptor) -> Descriptor | None:
    """The entries of a map; None of other fields."""
    message = field.message_type
    return message if message is not None and message.GetOptions().map_entry else None


def _values_of(field: FieldDescriptor) -> FieldDescriptor:
    """The field itself, or the values of a map."""
    entry = _map_entry(field)
    return entry.fields_by_name["value"] if entry is not None else field


def _type(field: FieldDescriptor) -> str:
    if field.enum_type is not None:
        return str(field.enum_type.full_name)
    return str(field.message_type.full_name) if field.message_type is not None else _SCALAR_NAMES[field.type]


def _message(message: Descriptor) -> Message:
    proto = DescriptorProto()
    message.CopyToProto(proto)
    synthetic = {field.name for field in proto.field if field.proto3_optional}
    fields = (_field(field, field.name in synthetic) for field in message.fields)
    reserved = sorted((part.start, part.end - 1) for part in proto.reserved_range)
    return Message(message.full_name, tuple(sorted(fields, key=lambda field: field.number)), tuple(reserved))


def _field(field: FieldDescriptor, is_synthetic: bool) -> Field:
    entry = _map_entry(field)
    oneof = field.containing_oneof.name if field.containing_oneof is not None and not is_synthetic else ""
    return Field(
        number=field.number,
        name=field.name,
        type=_type(_values_of(field)),
        label=Label.MAP if entry is not None else _label(field, oneof),
        map_key=_type(entry.fields_by_name["key"]) if entry is not None else "",
        oneof=oneof,
        default=_default(field),
        is_group=field.type == FieldDescriptor.TYPE_GROUP,
    )


def _label(field: FieldDescriptor, oneof: str) -> Label:
    if field.is_repeated:
        return Label.REPEATED
    if field.is_required:
        return Label.REQUIRED
    has_own_presence = field.has_presence and field.message_type is None and not oneof
    return Label.OPTIONAL if has_own_presence else Label.IMPLICIT


def _default(field: FieldDescriptor) -> str:
    """What an absent field is read as, as text on one line; "" for zeros."""
    if field.is_repeated or field.message_type is not None or not field.default_value:
        return ""
    value = field.default_value
    return json.dumps(value.decode("latin-1") if isinstance(value, bytes) else value)


def _enum(enum: EnumDescriptor) -> Enum:
    proto = EnumDescriptorProto()
    enum.CopyToProto(proto)
    reserved = sorted((part.start, part.end) for part in proto.reserved_range)
    return Enum(enum.full_name, tuple(sorted((value.number, value.name) for value in proto.value)), tuple(reserved))
