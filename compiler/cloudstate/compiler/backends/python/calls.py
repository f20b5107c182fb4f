"""``calls.py`` of a service: typed references to commands, for forwards and side effects."""

from __future__ import annotations

from collections.abc import Sequence

from cloudstate.compiler.backends.python import layout
from cloudstate.compiler.backends.python.docs import docstring
from cloudstate.compiler.backends.python.imports import Imports
from cloudstate.compiler.backends.python.spelling import SpelledCommand, SpelledEntity, message_class
from cloudstate.compiler.backends.python.view import ClassView, MethodView, ModuleView

_INDENT = 4


def class_names(entities: Sequence[SpelledEntity]) -> tuple[str, ...]:
    """The classes that the module defines."""
    return tuple(f"{entity.stem}Calls" for entity in entities)


def module(entities: Sequence[SpelledEntity], header: str) -> ModuleView:
    """The view of ``calls.py``."""
    imports = Imports(taken=class_names(entities))
    classes = tuple(_class(entity, imports) for entity in entities)
    docs = '"""Typed references to commands: what handlers forward to and run as effects."""'
    return ModuleView(header=header, docs=docs, imports=imports.block(), classes=classes)


def _class(spelled: SpelledEntity, imports: Imports) -> ClassView:
    service = spelled.entity.service
    return ClassView(
        head=f"class {spelled.stem}Calls",
        docs=docstring(f"Commands of ``{service}``.", "", _INDENT),
        methods=tuple(_method(service, command, imports) for command in spelled.commands if command.is_unary),
    )


def _method(service: str, spelled: SpelledCommand, imports: Imports) -> MethodView:
    command = spelled.command
    reference = imports.use("cloudstate.runtime.authoring", "Call")
    parameter = f"message: {message_class(imports, command.input)}"
    result = layout.subscript(reference, message_class(imports, command.output))
    value = layout.call(f"return {reference}", layout.quote(service), layout.quote(command.name), "message")
    return MethodView(
        (
            "@staticmethod",
            layout.signature(f"def {spelled.method}", (parameter,), result, _INDENT),
            f"    {docstring(command.docs, f'A call of ``{command.name}``.', 2 * _INDENT)}",
            f"    {layout.render(value, 2 * _INDENT)}",
        )
    )
