"""Entities as wholes: what each state model needs, what it cannot have, and what two of them cannot share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cloudstate.compiler.diagnostics import Code, Diagnostic, codes
from cloudstate.compiler.model.entity import CRDT_CLASSES, Model
from cloudstate.compiler.model.naming import implementation_of, type_of
from cloudstate.compiler.model.spec import EntitySpec, Spec
from cloudstate.compiler.source import Located, Span

_EVERY = {"service", "model", "class", "commands"}
_KEYS = {
    Model.EVENT_SOURCED: _EVERY | {"type", "state", "events", "upcasters", "snapshot", "passivation", "idempotency"},
    Model.VALUE: _EVERY | {"type", "state", "upcasters", "passivation", "idempotency"},
    Model.CRDT: _EVERY | {"type", "crdt", "state", "passivation"},
    Model.ACTION: _EVERY,
}
_DESCRIBED = {
    Model.EVENT_SOURCED: "an event-sourced entity",
    Model.VALUE: "a value entity",
    Model.CRDT: "a crdt entity",
    Model.ACTION: "an action",
}
#: The data types that hold something, and what their ``state`` is.
_HOLD = {"gset": "elements", "orset": "elements", "lwwregister": "value", "ormap": "keys"}
SHORTEST_PASSIVATION_MS = 100
#: Every journal keeps so many answers of an entity.
LARGEST_WINDOW = 1_000


def check(spec: Spec) -> Iterator[Diagnostic]:
    """What is wrong with entities, apart from their commands and events."""
    if not spec.entities and not spec.declared and spec.schema.files:
        found = codes.NO_ENTITIES.at(spec.name.span)
        yield found.help("add `entities:` to `spec`, or the option `(cloudstate.entity)` to a service in a .proto file")
    for entity in spec.entities:
        yield from _keys(entity)
        yield from _state(entity)
        if entity.model.value is Model.CRDT:
            yield from _crdt(entity)
        yield from _numbers(entity)
    stateful = [entity for entity in spec.entities if entity.model.value is not Model.ACTION]
    yield from _shared(spec.entities, codes.DUPLICATE_ENTITY, lambda it: it.service.value.full_name, _service_span)
    yield from _shared(stateful, codes.DUPLICATE_TYPE, type_of, lambda it: _span(it.type, it))
    # An entity that is there twice has been reported.
    distinct = list({entity.service.value.full_name: entity for entity in spec.entities}.values())
    yield from _shared(distinct, codes.SHARED_CLASS, implementation_of, lambda it: _span(it.implementation, it))


def _keys(entity: EntitySpec) -> Iterator[Diagnostic]:
    model = entity.model.value
    for key, span in entity.given.items():
        if key not in _KEYS[model]:
            found = codes.NOT_FOR_MODEL.at(span, key=key, model=_DESCRIBED[model])
            yield found.also(entity.model.span, f"the model is `{model}`").help("leave it out, or change the model")
    if model is not Model.EVENT_SOURCED:
        for command in entity.commands:
            if command.emits:
                found = codes.NOT_FOR_MODEL.at(command.emits[0].span, key="emits", model=_DESCRIBED[model])
                yield found.help("leave it out: only event-sourced entities emit events")


def _numbers(entity: EntitySpec) -> Iterator[Diagnostic]:
    passivation, window = entity.passivation_ms, entity.idempotency_window
    if passivation is not None and passivation.value < SHORTEST_PASSIVATION_MS:
        found = codes.PASSIVATION_TOO_SHORT.at(
            passivation.span, f"at least {SHORTEST_PASSIVATION_MS}ms", found=f"{passivation.value}ms"
        )
        yield found.help("leave it out for 30 seconds, or choose how long an idle entity stays in memory")
    if window is not None and window.value > LARGEST_WINDOW:  # in the YAML its bounds are held by the document
        bound = f"at most {LARGEST_WINDOW} is expected"
        found = codes.OUT_OF_RANGE.at(window.span, key="idempotency_window", found=window.value, expected=bound)
        yield found.help(f"write `{LARGEST_WINDOW}` or less")


def _state(entity: EntitySpec) -> Iterator[Diagnostic]:
    model = entity.model.value
    if model in (Model.EVENT_SOURCED, Model.VALUE) and "state" not in entity.attempted:
        found = codes.STATE_MISSING.at(entity.service.span, f"{_DESCRIBED[model]} keeps a state", name=entity.name)
        yield found.help("add `state:` with the message type that holds it")
    if model is Model.EVENT_SOURCED and "events" not in entity.attempted:
        found = codes.EVENTS_MISSING.at(entity.service.span, "its state is made of events", name=entity.name)
        yield found.help("list the message types of its events as `events:`, or make it a `value` entity")


def _crdt(entity: EntitySpec) -> Iterator[Diagnostic]:
    if entity.crdt is None:
        if "crdt" not in entity.attempted:
            found = codes.CRDT_MISSING.at(entity.service.span, "a crdt entity is of one data type", name=entity.name)
            yield found.help(f"add `crdt:` with one of {', '.join(f'`{name}`' for name in CRDT_CLASSES)}")
        return
    data = entity.crdt.value
    held = _HOLD.get(data)
    if held is not None and "state" not in entity.attempted:
        found = codes.STATE_MISSING.at(entity.crdt.span, f"the {held} have a type", name=entity.name)
        yield found.help(f"add `state:` with the message type of the {held}")
    elif held is None and "state" in entity.given:
        found = codes.NOT_FOR_MODEL.at(entity.given["state"], key="state", model=f"a {data}")
        yield found.also(entity.crdt.span, f"the data type is `{data}`").help("leave it out")


def _shared(
    entities: Iterator[EntitySpec] | list[EntitySpec] | tuple[EntitySpec, ...],
    code: Code,
    name_of: Callable[[EntitySpec], str],
    span_of: Callable[[EntitySpec], Span],
) -> Iterator[Diagnostic]:
    first: dict[str, EntitySpec] = {}
    for entity in entities:
        name = name_of(entity)
        if name in first:
            found = code.at(span_of(entity), "again here", name=name, path=name)
            yield found.also(span_of(first[name]), "first here").help(_ADVICE[code.id])
        first.setdefault(name, entity)


_ADVICE = {
    codes.DUPLICATE_ENTITY.id: "keep one of the two",
    codes.DUPLICATE_TYPE.id: "give each entity a `type:` of its own, or they read each other's data",
    codes.SHARED_CLASS.id: "give each entity a `class:` of its own, as `module.Class`",
}


def _service_span(entity: EntitySpec) -> Span:
    return entity.service.span


def _span(located: Located[str] | None, entity: EntitySpec) -> Span:
    return located.span if located else entity.service.span
