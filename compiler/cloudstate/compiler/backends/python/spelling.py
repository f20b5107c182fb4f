"""The Python names of one service's entities, decided once so that all generated modules agree on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cloudstate.compiler.backends.python.imports import Imports
from cloudstate.compiler.backends.python.names import camel_case, distinct, method_name, snake_case
from cloudstate.compiler.model import Command, Entity, MessageType


@dataclass(frozen=True, slots=True)
class SpelledCommand:
    """A command and its method."""

    command: Command
    method: str

    @property
    def is_unary(self) -> bool:
        """One request, one reply."""
        return not (self.command.client_streaming or self.command.server_streaming)


@dataclass(frozen=True, slots=True)
class SpelledEvent:
    """An event type and the method that folds it."""

    type: MessageType
    method: str


@dataclass(frozen=True, slots=True)
class SpelledUpcaster:
    """A stored type that the author's code converts: its full name, its message, its target, and the method."""

    source: str
    type: MessageType
    target: MessageType
    method: str


@dataclass(frozen=True, slots=True)
class SpelledEntity:
    """An entity, the stem of its class names (``ShoppingCart`` of ``ShoppingCartClient``), and its methods."""

    entity: Entity
    stem: str
    commands: tuple[SpelledCommand, ...]
    events: tuple[SpelledEvent, ...]
    upcasters: tuple[SpelledUpcaster, ...] = ()


def spell(entities: Sequence[Entity]) -> tuple[SpelledEntity, ...]:
    """Decide on all names; those of classes are distinct across the service, those of methods within their entity."""
    stems = distinct([entity.service for entity in entities], camel_case)
    return tuple(_spell(entity, stem) for entity, stem in zip(entities, stems, strict=True))


def _spell(entity: Entity, stem: str) -> SpelledEntity:
    folds = distinct([event.full_name for event in entity.events], lambda name: f"on_{snake_case(name)}")
    converted = [(upcaster, upcaster.type) for upcaster in entity.upcasters if upcaster.type is not None]
    casts = distinct([upcaster.source for upcaster, _ in converted], lambda name: f"upcast_{snake_case(name)}")
    taken = {*folds, *casts}
    handlers = distinct([command.name for command in entity.commands], lambda name: method_name(name, reserved=taken))
    return SpelledEntity(
        entity=entity,
        stem=stem,
        commands=tuple(SpelledCommand(*pair) for pair in zip(entity.commands, handlers, strict=True)),
        events=tuple(SpelledEvent(*pair) for pair in zip(entity.events, folds, strict=True)),
        upcasters=tuple(
            SpelledUpcaster(upcaster.source, type_, upcaster.target, method)
            for (upcaster, type_), method in zip(converted, casts, strict=True)
        ),
    )


def message_class(imports: Imports, message: MessageType) -> str:
    """The expression for a message's class, e.g. ``domain_pb2.Cart``; its module is imported."""
    package, _, module = message.file.module.rpartition(".")
    return ".".join((imports.use(package, module), *message.nesting))
