"""``entities.py`` of a service: an abstract class per entity, with one typed method per command and per event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cloudstate.compiler.backends.python import layout
from cloudstate.compiler.backends.python.docs import docstring
from cloudstate.compiler.backends.python.imports import Imports
from cloudstate.compiler.backends.python.spelling import (
    SpelledCommand,
    SpelledEntity,
    SpelledEvent,
    SpelledUpcaster,
    message_class,
)
from cloudstate.compiler.backends.python.view import ClassView, MethodView, ModuleView
from cloudstate.compiler.model import CRDT_CLASSES, CommandEffect, MessageType, Model, Upcaster

_AUTHORING = "cloudstate.runtime.authoring"
_INDENT = 4


@dataclass(frozen=True, slots=True)
class _Kind:
    """The names that the authoring surface has for one state model."""

    suffix: str
    base: str
    context: str
    definition: str


_KINDS = {
    Model.EVENT_SOURCED: _Kind("Entity", "EventSourcedEntity", "EventSourcedContext", "EventSourcedType"),
    Model.VALUE: _Kind("Entity", "ValueEntity", "ValueContext", "ValueType"),
    Model.CRDT: _Kind("Entity", "CrdtEntity", "CrdtContext", "CrdtType"),
    Model.ACTION: _Kind("Action", "Action", "ActionContext", "ActionType"),
}


def class_names(entities: Sequence[SpelledEntity]) -> tuple[str, ...]:
    """The classes that the module defines."""
    return tuple(f"{it.stem}{_KINDS[it.entity.model].suffix}" for it in entities)


def module(entities: Sequence[SpelledEntity], header: str) -> ModuleView:
    """The view of ``entities.py``."""
    imports = Imports(taken=class_names(entities))
    classes = tuple(_EntityClass(entity, imports).view() for entity in entities)
    return ModuleView(
        header=header,
        docs='"""What the author implements: one abstract class per entity."""',
        imports=imports.block(),
        classes=classes,
    )


class _EntityClass:
    def __init__(self, spelled: SpelledEntity, imports: Imports) -> None:
        self._spelled = spelled
        self._entity = spelled.entity
        self._imports = imports
        self._kind = _KINDS[spelled.entity.model]
        self._state = message_class(imports, self._entity.state) if self._entity.state else None
        self._subject = self._state_or_data()

    def view(self) -> ClassView:
        base = self._authoring(self._kind.base)
        parent = layout.subscript(base, self._subject) if self._subject else base
        return ClassView(
            head=layout.render(layout.call(f"class {self._spelled.stem}{self._kind.suffix}", parent), 0, after=1),
            docs=docstring(self._entity.docs, f"Serves ``{self._entity.service}``.", _INDENT),
            attributes=(self._definition(),),
            methods=(
                *map(self._command, self._spelled.commands),
                *map(self._fold, self._spelled.events),
                *map(self._upcast, self._spelled.upcasters),
            ),
        )

    def _state_or_data(self) -> layout.Node | None:
        """The type of what handlers work on."""
        if not self._entity.crdt:
            return self._state
        data = self._authoring(CRDT_CLASSES[self._entity.crdt])
        return layout.subscript(data, self._state) if self._state else data

    def _authoring(self, name: str) -> str:
        return self._imports.use(_AUTHORING, name)

    def _typing(self, name: str) -> str:
        return self._imports.use("collections.abc", name)

    def _definition(self) -> str:
        variable = self._imports.use("typing", "ClassVar")
        definition = self._authoring(self._kind.definition)
        head = f"definition: {variable}[{definition}] = {definition}"
        return layout.render(layout.call(head, *self._fields(), is_open=True), _INDENT)

    def _fields(self) -> Iterator[layout.Node]:
        entity = self._entity
        yield f"service={layout.quote(entity.service)}"
        if entity.model is not Model.ACTION:
            yield f"entity_type={layout.quote(entity.type)}"
        if entity.crdt:
            yield f"data={self._authoring(CRDT_CLASSES[entity.crdt])}"
            if self._state:
                yield f"element={self._state}"
        elif self._state:
            yield f"state={self._state}"
        yield layout.rows("commands=", map(self._command_type, self._spelled.commands))
        if entity.model is Model.EVENT_SOURCED:
            yield layout.rows("events=", map(self._event_type, self._spelled.events))
            yield f"snapshot_every={entity.snapshot_every}"
        if entity.model is not Model.ACTION:
            yield f"passivation={entity.passivation_ms / 1000}"
        if entity.upcasters:
            yield layout.rows("upcasters=", map(self._upcaster_type, entity.upcasters))

    def _command_type(self, spelled: SpelledCommand) -> layout.Node:
        command = spelled.command
        flags = {
            "client_streaming": command.client_streaming,
            "server_streaming": command.server_streaming,
            "reads_only": command.effect is CommandEffect.READ,
        }
        return layout.call(
            self._authoring("CommandType"),
            layout.quote(command.name),
            layout.quote(spelled.method),
            message_class(self._imports, command.input),
            message_class(self._imports, command.output),
            *([layout.strings("key=", command.key)] if command.key else []),
            *(f"{name}=True" for name, is_set in flags.items() if is_set),
        )

    def _event_type(self, spelled: SpelledEvent) -> layout.Node:
        event = message_class(self._imports, spelled.type)
        return layout.call(self._authoring("EventType"), layout.quote(spelled.method), event)

    def _upcaster_type(self, upcaster: Upcaster) -> layout.Node:
        target = message_class(self._imports, upcaster.target)
        method = next((it.method for it in self._spelled.upcasters if it.source == upcaster.source), None)
        converted: tuple[str, ...] = ()
        if method is not None and upcaster.type is not None:
            converted = (layout.quote(method), message_class(self._imports, upcaster.type))
        return layout.call(self._authoring("UpcasterType"), layout.quote(upcaster.source), target, *converted)

    def _command(self, spelled: SpelledCommand) -> MethodView:
        command = spelled.command
        message = message_class(self._imports, command.input)
        parameter: layout.Node = f"command: {message}"
        if command.client_streaming:
            parameter = layout.annotated("commands", layout.subscript(self._typing("AsyncIterator"), message))
        parameters = ("self", parameter, layout.annotated("ctx", self._context(spelled)))
        docs = docstring(command.docs, f"Handles ``{command.name}``.", 2 * _INDENT)
        return self._abstract(spelled.method, parameters, self._result(command.output, spelled), docs)

    def _context(self, spelled: SpelledCommand) -> layout.Node:
        if self._subject is None:
            return self._authoring(self._kind.context)
        if spelled.is_unary:
            return layout.subscript(self._authoring(self._kind.context), self._subject)
        output = message_class(self._imports, spelled.command.output)
        return layout.subscript(self._authoring("CrdtStreamContext"), self._subject, output)

    def _result(self, output: MessageType, spelled: SpelledCommand) -> layout.Node:
        message = message_class(self._imports, output)
        is_action = self._entity.model is Model.ACTION
        if spelled.is_unary:
            return layout.subscript(self._authoring("ActionReply" if is_action else "Reply"), message)
        if not is_action:
            return layout.subscript(self._authoring("StreamReply"), message)
        answer = layout.subscript(self._authoring("ActionAnswer"), message)
        wrapper = "AsyncIterator" if spelled.command.server_streaming else "Awaitable"
        return layout.subscript(self._typing(wrapper), answer)

    def _fold(self, spelled: SpelledEvent) -> MethodView:
        state = self._state or ""
        parameters = ("self", f"state: {state}", f"event: {message_class(self._imports, spelled.type)}")
        comment = "\n\n".join(part for part in (f"The state after ``{spelled.type.name}``.", spelled.type.docs) if part)
        return self._abstract(spelled.method, parameters, state, docstring(comment, "", 2 * _INDENT))

    def _upcast(self, spelled: SpelledUpcaster) -> MethodView:
        parameters = ("self", f"old: {message_class(self._imports, spelled.type)}")
        comment = f"The ``{spelled.target.name}`` that a stored ``{spelled.source}`` is today. Runs at every replay."
        target = message_class(self._imports, spelled.target)
        return self._abstract(spelled.method, parameters, target, docstring(comment, "", 2 * _INDENT))

    def _abstract(self, name: str, parameters: tuple[layout.Node, ...], result: layout.Node, docs: str) -> MethodView:
        decorator = f"@{self._imports.use('abc', 'abstractmethod')}"
        return MethodView((decorator, layout.signature(f"def {name}", parameters, result, _INDENT), f"    {docs}"))
