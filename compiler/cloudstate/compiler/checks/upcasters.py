"""Upcasters: where each leads to, and that it is called at all."""

from __future__ import annotations

from collections.abc import Iterator

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.model.spec import EntitySpec, Spec, UpcasterSpec


def check(spec: Spec) -> Iterator[Diagnostic]:
    """What is wrong with the upcasters of each entity."""
    for entity in spec.entities:
        known = {event.value.type.full_name for event in entity.events}
        known |= {entity.state.value.type.full_name} if entity.state else set()
        sources: dict[str, UpcasterSpec] = {}
        for upcaster in entity.upcasters:
            source = upcaster.source
            if source.value in known:
                found = codes.UPCASTER_OF_CURRENT.at(source.span, name=source.value)
                yield found.help("remove the upcaster, or take the message from `events` or `state`")
            elif source.value in sources:
                found = codes.DUPLICATE_UPCASTER.at(source.span, "again here", name=source.value)
                yield found.also(sources[source.value].source.span, "first here").help("keep one of them")
            sources.setdefault(source.value, upcaster)
        yield from _targets(entity, known, sources)


def _targets(entity: EntitySpec, known: set[str], sources: dict[str, UpcasterSpec]) -> Iterator[Diagnostic]:
    for upcaster in entity.upcasters:
        target, seen = upcaster, {upcaster.source.value}
        while (name := target.target.value.type.full_name) in sources and name not in known and name not in seen:
            target = sources[name]
            seen.add(name)
        if name in seen and name not in known:
            found = codes.UPCASTER_CIRCLE.at(upcaster.source.span, name=upcaster.source.value)
            yield found.help("let one of them lead to an event or to the state")
        elif name not in known and target is upcaster:
            found = codes.UPCASTER_TARGET.at(upcaster.target.span, name=name)
            yield found.help("name an event or the state of the entity, or the source of another upcaster")
