"""A service that can be changed: what mutations work on. It is built again into what the compiler hands to the lock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

from cloudstate.compiler.model import Entity, Service

PACKAGE = "shop.stored"


@dataclass(slots=True)
class Draft:
    """One state of the service; ``files`` are its descriptors by path, ``first`` is its first state."""

    service: Service
    files: dict[str, FileDescriptorProto]
    first: Service

    @classmethod
    def of(cls, service: Service) -> Draft:
        """A draft that says what the service says."""
        files = FileDescriptorSet.FromString(service.descriptors).file
        return cls(service, {file.name: file for file in files}, service)

    def copy(self) -> Draft:
        """One that can be changed without changing this one."""
        return Draft(self.service, deepcopy(self.files), self.first)

    def built(self) -> Service:
        """The service as the compiler would have made it."""
        descriptors = FileDescriptorSet(file=self.files.values()).SerializeToString(deterministic=True)
        return replace(self.service, descriptors=descriptors)

    def message(self, name: str) -> DescriptorProto:
        """A message, by its short name; the stored one if there are several."""
        return next(found for found in self.file_of(name).message_type if found.name == name)

    def file_of(self, message: str) -> FileDescriptorProto:
        """The file of a message, by its short name."""
        files = sorted(self.files.values(), key=lambda file: file.package != PACKAGE)
        return next(file for file in files if any(found.name == message for found in file.message_type))

    def field(self, path: str) -> FieldDescriptorProto:
        """A field, as ``Message.field``."""
        message, _, name = path.partition(".")
        return next(field for field in self.message(message).field if field.name == name)

    def values_of(self, path: str) -> FieldDescriptorProto:
        """The field that types the values of a map, or the field itself."""
        field = self.field(path)
        entry = field.type_name.rpartition(".")[2]
        message = self.message(path.partition(".")[0])
        nested = [inner for inner in message.nested_type if inner.name == entry and inner.options.map_entry]
        return next(part for part in nested[0].field if part.name == "value") if nested else field

    def enum(self, name: str) -> EnumDescriptorProto:
        """An enum, by its short name."""
        return next(found for file in self.files.values() for found in file.enum_type if found.name == name)

    def entity(self, type_: str) -> Entity:
        """An entity, by its type."""
        return next(entity for entity in self.service.entities if entity.type == type_)

    def change_entity(self, type_: str, **changes: object) -> None:
        """Say something else about an entity."""
        self.change_service(
            entities=tuple(
                replace(entity, **changes) if entity.type == type_ else entity  # type: ignore[arg-type]
                for entity in self.service.entities
            )
        )

    def change_service(self, **changes: object) -> None:
        """Say something else about the service."""
        self.service = replace(self.service, **changes)  # type: ignore[arg-type]


Mutation = Callable[[Draft], None]


@dataclass(frozen=True, slots=True)
class Case:
    """A pair of schemas, or a longer history, with its verdict.

    Attributes:
        name: what is changed.
        mutations: each makes the next release of the one before; the last one makes today's spec.
        verdict: ``safe``, ``breaking``, or one of the verdicts of the lock; None where the journal says it alone.
        journal_knows: what a journal of all releases shows is decisive; False where bytes alone cannot show what went
            wrong, because a number got another meaning.
    """

    name: str
    mutations: tuple[Mutation, ...]
    verdict: str | None = None
    journal_knows: bool = True


def fields_of(message: DescriptorProto) -> Iterator[FieldDescriptorProto]:
    """The fields of a message, as a list that stays as it is while the message is changed."""
    yield from list(message.field)
