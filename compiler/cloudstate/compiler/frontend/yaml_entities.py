"""The entities that the YAML declares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cloudstate.compiler.diagnostics import closest
from cloudstate.compiler.frontend.declaration import CommandDeclaration, EntityDeclaration, UpcasterDeclaration
from cloudstate.compiler.frontend.duration import milliseconds
from cloudstate.compiler.frontend.shape import entity_keys
from cloudstate.compiler.frontend.yaml_path import lookup, value, values
from cloudstate.compiler.source import Located, Mapping, Node, Sequence, Span

_PLAIN = ("model", "type", "class", "state", "crdt")


def entities_of(spec: Node, written: Node) -> Iterator[EntityDeclaration]:
    """The entries of ``entities``, as far as they name a service.

    Args:
        spec: what is valid of the spec.
        written: all of it, mistakes included.
    """
    attempted = {entry.span: frozenset(map(_meant, _filled(entry))) for entry in _entries(written)}
    for entry in _entries(spec):
        service = value(entry, "service")
        if service is not None:
            yield _entity(entry, service, attempted.get(entry.span, frozenset()))


def _entries(spec: Node) -> Iterator[Mapping]:
    entries = lookup(spec, "entities")
    for entry in entries.items if isinstance(entries, Sequence) else ():
        if isinstance(entry, Mapping):
            yield entry


def _filled(entry: Mapping) -> dict[str, Span]:
    """The keys that something stands at. A key without a value says nothing, as if it were not there."""
    return {known.key: known.key_span for known in entry.entries if lookup(known.value) is not None}


def _meant(key: str) -> str:
    """The key itself, or the one that it is a misspelling of."""
    return key if key in entity_keys() else closest(key, entity_keys())


def _entity(entry: Mapping, service: Located[str], attempted: frozenset[str]) -> EntityDeclaration:
    said: dict[str, Located[Any] | None] = {key: value(entry, key) for key in _PLAIN}
    said["snapshot"] = value(entry, "snapshot", "every")
    said["idempotency"] = value(entry, "idempotency", "window")
    passivation = value(entry, "passivation")
    said["passivation"] = Located(milliseconds(passivation.value), passivation.span) if passivation else None
    commands = lookup(entry, "commands")
    return EntityDeclaration(
        service=service,
        given=_filled(entry),
        attempted=attempted,
        values={key: located for key, located in said.items() if located is not None},
        events=values(entry, "events"),
        commands={
            command.key: CommandDeclaration(
                Located(command.key, command.key_span), value(command.value, "effect"), values(command.value, "emits")
            )
            for command in (commands.entries if isinstance(commands, Mapping) else ())
        },
        upcasters=tuple(_upcasters(entry)),
    )


def _upcasters(entry: Mapping) -> Iterator[UpcasterDeclaration]:
    upcasters = lookup(entry, "upcasters")
    for item in upcasters.items if isinstance(upcasters, Sequence) else ():
        source, target = value(item, "from"), value(item, "to")
        if source is not None and target is not None:
            yield UpcasterDeclaration(source, target)
