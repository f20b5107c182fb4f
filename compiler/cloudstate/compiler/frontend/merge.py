"""One declaration per entity, out of what the YAML and the protos' options say: both may speak, but not differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.frontend.declaration import CommandDeclaration, EntityDeclaration
from cloudstate.compiler.source import Located, Span


def merge(
    written: Sequence[EntityDeclaration], annotated: Sequence[EntityDeclaration]
) -> tuple[tuple[EntityDeclaration, ...], tuple[Diagnostic, ...]]:
    """The entities of the YAML, completed by the options, then those that only options declare.

    All names are full names already, except those of emitted events.
    """
    options = {entity.service.value: entity for entity in annotated}
    named = {entity.service.value for entity in written}
    conflicts = [
        conflict
        for entity in written
        if entity.service.value in options
        for conflict in _conflicts(entity, options[entity.service.value])
    ]
    merged = [_join(entity, options.get(entity.service.value)) for entity in written]
    merged += [entity for entity in annotated if entity.service.value not in named]
    return tuple(merged), tuple(conflicts)


def _join(entity: EntityDeclaration, option: EntityDeclaration | None) -> EntityDeclaration:
    if option is None:
        return entity
    commands = {name: _join_command(command, option.commands.get(name)) for name, command in entity.commands.items()}
    return replace(
        entity,
        given={**option.given, **entity.given},
        attempted=option.attempted | entity.attempted,
        values={**option.values, **entity.values},
        events=entity.events or option.events,
        commands={**option.commands, **commands},
    )


def _join_command(command: CommandDeclaration, option: CommandDeclaration | None) -> CommandDeclaration:
    if option is None:
        return command
    return replace(command, effect=command.effect or option.effect, emits=command.emits or option.emits)


def _conflicts(entity: EntityDeclaration, option: EntityDeclaration) -> Iterator[Diagnostic]:
    for key, value in entity.values.items():
        other = option.values.get(key)
        if other is not None and value.value != other.value:
            yield _conflict(key, value.span, other.span)
    if entity.events and option.events and _names(entity.events) != _names(option.events):
        yield _conflict("events", entity.given["events"], option.given["events"])
    for name, command in entity.commands.items():
        said = option.commands.get(name)
        if said is None:
            continue
        if command.effect and said.effect and command.effect.value != said.effect.value:
            yield _conflict(f"commands.{name}.effect", command.effect.span, said.effect.span)
        if command.emits and said.emits and _short_names(command.emits) != _short_names(said.emits):
            yield _conflict(f"commands.{name}.emits", command.emits[0].span, said.emits[0].span)


def _conflict(key: str, written: Span, option: Span) -> Diagnostic:
    found = codes.ANNOTATION_CONFLICT.at(written, "the spec says this", key=key)
    return found.also(option, "the option in the .proto file says that").help(
        "say it in one of the two places, or the same in both"
    )


def _names(names: Sequence[Located[str]]) -> list[str]:
    return [name.value for name in names]


def _short_names(names: Sequence[Located[str]]) -> set[str]:
    return {name.value.rpartition(".")[2] for name in names}
