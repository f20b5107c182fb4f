"""Events of event-sourced entities."""

from __future__ import annotations

from collections.abc import Iterator

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.diagnostics.fix import without_item
from cloudstate.compiler.model.entity import CommandEffect, Model
from cloudstate.compiler.model.spec import EntitySpec, Spec
from cloudstate.compiler.source import Span


def check(spec: Spec) -> Iterator[Diagnostic]:
    """What is wrong, or at least odd, about the events of each entity."""
    for entity in spec.entities:
        if entity.model.value is Model.EVENT_SOURCED:
            yield from _listed(entity)
            yield from _never_emitted(entity)


def _listed(entity: EntitySpec) -> Iterator[Diagnostic]:
    first: dict[str, Span] = {}
    for event in entity.events:
        name = event.value.type.full_name
        if name in first:
            found = codes.DUPLICATE_EVENT.at(event.span, "again here", name=name)
            yield found.also(first[name], "first here").help("remove one of them").edit(without_item(event.span), "")
        elif entity.state is not None and entity.state.value.type.full_name == name:
            found = codes.EVENT_IS_STATE.at(event.span, "as an event", name=name)
            yield found.also(entity.state.span, "as the state").note(
                "neither can then change without the other, and both are stored"
            )
        first.setdefault(name, event.span)


def _never_emitted(entity: EntitySpec) -> Iterator[Diagnostic]:
    """Only where the spec says of every command what it emits can an event be known to have no source."""
    said = {command.rpc.value.name: command for command in entity.commands}
    commands = [said.get(rpc.name) for rpc in entity.service.value.rpcs]
    is_complete = all(it and (it.emits or (it.effect and it.effect.value is CommandEffect.READ)) for it in commands)
    emitted = {event.value.type.full_name for command in entity.commands for event in command.emits}
    for event in entity.events if is_complete and commands else ():
        name = event.value.type.full_name
        if name not in emitted:
            found = codes.EVENT_NOT_EMITTED.at(event.span, "every command says what it emits", name=name)
            yield found.help("add it to `emits` of a command; keep it as long as it is stored somewhere")
