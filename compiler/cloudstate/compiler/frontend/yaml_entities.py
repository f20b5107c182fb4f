"""The entities that the YAML declares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cloudstate.compiler.frontend.declaration import CommandDeclaration, EntityDeclaration
from cloudstate.compiler.frontend.document import milliseconds
from cloudstate.compiler.frontend.yaml_path import lookup, value, values
from cloudstate.compiler.source import Located, Mapping, Node, Sequence

_PLAIN = ("model", "type", "class", "state", "crdt")


def entities_of(spec: Node) -> Iterator[EntityDeclaration]:
    """The entries of ``entities``, as far as they name a service."""
    entries = lookup(spec, "entities")
    for entry in entries.items if isinstance(entries, Sequence) else ():
        service = value(entry, "service")
        if isinstance(entry, Mapping) and service is not None:
            yield _entity(entry, service)


def _entity(entry: Mapping, service: Located[str]) -> EntityDeclaration:
    said: dict[str, Located[Any] | None] = {key: value(entry, key) for key in _PLAIN}
    said["snapshot"] = value(entry, "snapshot", "every")
    passivation = value(entry, "passivation")
    said["passivation"] = Located(milliseconds(passivation.value), passivation.span) if passivation else None
    commands = lookup(entry, "commands")
    return EntityDeclaration(
        service=service,
        given={known.key: known.key_span for known in entry.entries},
        values={key: located for key, located in said.items() if located is not None},
        events=values(entry, "events"),
        commands={
            command.key: CommandDeclaration(
                Located(command.key, command.key_span), value(command.value, "effect"), values(command.value, "emits")
            )
            for command in (commands.entries if isinstance(commands, Mapping) else ())
        },
    )
