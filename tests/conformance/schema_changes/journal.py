"""A journal that a release could have written, and whether today's service can go on from it.

Nothing of the lock is used here: records are written with the message classes of the release that wrote them and read
the way the runtime reads them, by entity type, entity id, type URL and bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from random import Random
from typing import Any, NamedTuple

from google.protobuf import message_factory
from google.protobuf.descriptor_pb2 import FileDescriptorSet, MethodOptions
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from tests.conformance.schema_changes.reading import reads_alike
from tests.conformance.schema_changes.values import fill

from cloudstate import eventing_pb2
from cloudstate.compiler.model import Entity, Model, Service
from cloudstate.runtime.function.endpoint import key_reader

_MESSAGES_OF_A_TYPE = 30


class Release:
    """One release of a service, with classes for its messages."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._pool = DescriptorPool()
        for file in FileDescriptorSet.FromString(service.descriptors).file:
            self._pool.AddSerializedFile(file.SerializeToString())

    @property
    def entities(self) -> dict[str, Entity]:
        """The entities that store something, by type."""
        return {entity.type: entity for entity in self.service.entities if entity.model is not Model.ACTION}

    def cls(self, name: str) -> type[Message]:
        """The class of a message."""
        return message_factory.GetMessageClass(self._pool.FindMessageTypeByName(name))

    def sources(self) -> set[tuple[str, str, str]]:
        """What is consumed: source, group, and type of the messages."""
        return {(source, group, message) for source, group, message, *_ in self._eventing() if source}

    def destinations(self) -> dict[str, str]:
        """Where messages are published, and their type."""
        return {out: message for *_, out, message in self._eventing() if out}

    @cached_property
    def records(self) -> list[Record]:
        """What the release could have stored: each type of message empty, then with many values."""
        return list(_records(self))

    @cached_property
    def commands(self) -> dict[str, list[bytes]]:
        """What clients could have sent, by the type of the message."""
        inputs = {command.input.full_name for entity in self.entities.values() for command in entity.commands}
        return {
            name: [record.message.SerializeToString() for record in _messages(self, "", False, name)] for name in inputs
        }

    def _eventing(self) -> Iterator[tuple[str, str, str, str, str]]:
        for entity in self.service.entities:
            methods = self._pool.FindServiceByName(entity.service).methods_by_name
            for command in entity.commands:
                options: Any = methods[command.name].GetOptions()
                eventing = eventing_pb2.Eventing.FromString(_extension(options.SerializeToString()))
                source: Any = getattr(eventing, "in")
                name = source.topic or source.event_log
                group = source.consumer_group or entity.service
                yield name, group, command.input.full_name, eventing.out.topic, command.output.full_name


def _extension(options: bytes) -> bytes:
    """The eventing option, out of encoded options of a pool that knows no extension."""
    parsed: Any = MethodOptions.FromString(options)
    return bytes(parsed.Extensions[eventing_pb2.eventing].SerializeToString())


class Record(NamedTuple):
    """One thing that is stored: whose, under which name of its type, and the message itself."""

    entity: str
    is_event: bool
    type_url: str
    message: Message


def can_go_on(old: Release, new: Release) -> bool:
    """Everything that ``old`` could have stored is found, and read as it was written."""
    return (
        old.service.name == new.service.name
        and old.service.shards == new.service.shards
        and old.sources() <= new.sources()
        and old.destinations().keys() <= new.destinations().keys()
        and all(_is_served(entity, new) for entity in old.entities.values())
        and all(_finds_entities(old, entity, new) for entity in old.entities.values())
        and all(_is_readable(record, new) for record in old.records)
        and all(_reads_waiting(old, name, new) for name in _waiting(old, new))
    )


def _is_served(entity: Entity, new: Release) -> bool:
    today = new.entities.get(entity.type)
    return today is not None and today.model is entity.model and today.crdt == entity.crdt


def _finds_entities(old: Release, entity: Entity, new: Release) -> bool:
    """Commands that are encoded as before reach the entities that they reached before."""
    commands = {command.name: command for command in new.entities[entity.type].commands}
    for command in entity.commands:
        today = commands.get(command.name)
        if today is None:
            continue
        if not command.key or not today.key:
            return command.key == today.key
        before, after = old.cls(command.input.full_name), new.cls(today.input.full_name)
        id_before, id_today = key_reader(before, command.key), key_reader(after, today.key)
        sent = old.commands[command.input.full_name]
        try:
            if any(id_before(before.FromString(data)) != id_today(after.FromString(data)) for data in sent):
                return False
        except DecodeError:
            return False
    return True


def _records(old: Release) -> Iterator[Record]:
    for entity in old.entities.values():
        for event in entity.events:
            yield from _messages(old, entity.type, True, event.full_name)
        has_states = entity.model is not Model.EVENT_SOURCED or entity.snapshot_every > 0
        if has_states and entity.state is not None:
            yield from _messages(old, entity.type, False, entity.state.full_name)


def _messages(old: Release, entity: str, is_event: bool, name: str) -> Iterator[Record]:
    chance, cls = Random(f"{entity} {name}"), old.cls(name)
    yield Record(entity, is_event, name, cls())
    for _ in range(_MESSAGES_OF_A_TYPE):
        yield Record(entity, is_event, name, fill(cls(), chance))


def _is_readable(record: Record, new: Release) -> bool:
    entity = new.entities[record.entity]
    state = [entity.state.full_name] if entity.state else []
    known = [event.full_name for event in entity.events] if record.is_event else state
    decoded, end = _upcast(record.type_url, entity, known)
    return end in known and _decodes(record.message, new.cls(decoded))


def _upcast(name: str, entity: Entity, known: list[str]) -> tuple[str, str]:
    """As what a stored type is decoded, and what the author's code, which is right, makes of it."""
    upcasters = {upcaster.source: upcaster for upcaster in entity.upcasters}
    if name in known or name not in upcasters:
        return name, name
    decoded, end = name if upcasters[name].type else upcasters[name].target.full_name, name
    while end in upcasters and end not in known:
        end = upcasters[end].target.full_name
    return decoded, end


def _waiting(old: Release, new: Release) -> set[str]:
    """The types of messages that may wait in topics and logs, for this service or for others."""
    published = old.destinations().items() & new.destinations().items()
    return {message for *_, message in old.sources()} | {message for _, message in published}


def _reads_waiting(old: Release, name: str, new: Release) -> bool:
    return all(_decodes(record.message, new.cls(name)) for record in _messages(old, "", True, name))


def _decodes(message: Message, today: type[Message]) -> bool:
    try:
        return reads_alike(message, today.FromString(message.SerializeToString(deterministic=True)))
    except DecodeError:
        return False
