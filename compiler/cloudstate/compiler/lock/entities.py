"""Entities: whether their data is still found, and who reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cloudstate.compiler.diagnostics import codes
from cloudstate.compiler.lock.change import Change, Place, PlaceKind, Verdict
from cloudstate.compiler.lock.history import History
from cloudstate.compiler.lock.keys import compare_keys
from cloudstate.compiler.lock.messages import MessageComparison
from cloudstate.compiler.lock.recorded import Entity, Stored

_SERVICE = Place(PlaceKind.SERVICE)


def compare_entities(old: Stored, new: Stored, history: History, services: Mapping[str, str]) -> Iterator[Change]:
    """What has become of each recorded entity.

    Args:
        old, new: one recorded version, and today.
        history: all versions.
        services: the state model of each service that the spec has an entity for, actions too.
    """
    in_place = MessageComparison(old, new, history, Verdict.DATA_LOSS)
    derived = MessageComparison(old, new, history, Verdict.NEEDS_REBUILD)
    for entity in old.entities.values():
        lost = _lost(entity, new, services)
        if lost is not None:
            yield lost
        else:
            today = new.entities[entity.type]
            yield from compare_keys(entity, today, old)
            yield from _events(entity, today, in_place)
            yield from _state(entity, today, derived if entity.model == "event-sourced" else in_place)


def still_read(old: Stored, new: Stored, services: Mapping[str, str]) -> Iterator[str]:
    """The stored messages of an older version that today's entities read under the same names."""
    for entity in old.entities.values():
        if _lost(entity, new, services) is None:
            today = new.entities[entity.type]
            yield from set(entity.events) & set(today.events)
            if entity.stores_state and entity.state == today.state:
                yield entity.state


def _lost(entity: Entity, new: Stored, services: Mapping[str, str]) -> Change | None:
    """Why the data of an entity is not found, or is not data of its kind any more; None if it is."""
    served = next((known for known in new.entities.values() if known.service == entity.service), None)
    named = new.entities.get(entity.type)
    at = Place(PlaceKind.ENTITY, entity.service, "type")
    if served is not None and served.type != entity.type:
        was, now, help_ = f"type: {entity.type}", f"type: {served.type}", f"write `type: {entity.type}`"
        why = f"the journal keeps its data under `{entity.type}`"
        return Change(
            codes.ENTITY_TYPE_CHANGED, entity.service, at, Verdict.DATA_LOSS, (was,), now, why=why, help=help_
        )
    model = named.model if named is not None else services.get(entity.service)
    if model is None:
        was = f"{entity.model} {entity.service}"
        help_ = "keep the entity for as long as there is data of it"
        why = "nothing would read its data"
        return Change(codes.ENTITY_REMOVED, entity.type, _SERVICE, Verdict.DATA_LOSS, (was,), why=why, help=help_)
    if model != entity.model:
        place = Place(PlaceKind.ENTITY, named.service if named is not None else entity.service, "model")
        was, now = f"model: {entity.model}", f"model: {model}"
        help_ = "give the new model to a new entity with a type of its own"
        why = "what one model has stored is nothing to the other"
        return Change(codes.MODEL_CHANGED, entity.service, place, Verdict.DATA_LOSS, (was,), now, why=why, help=help_)
    return None


def _events(entity: Entity, today: Entity, messages: MessageComparison) -> Iterator[Change]:
    for event in entity.events:
        if event in today.events:
            yield from messages.compare(event, event)
        else:
            yield Change(
                code=codes.EVENT_REMOVED,
                subject=event,
                place=Place(PlaceKind.ENTITY, today.service, "events"),
                verdict=Verdict.NEEDS_UPCASTER,
                was=(f"event of {entity.type}",),
                why=f"an entity that has one in its history cannot be replayed: stored events carry the name `{event}`",
                help="put it back, or declare an upcaster from it",
            )


def _state(entity: Entity, today: Entity, messages: MessageComparison) -> Iterator[Change]:
    if entity.model == "event-sourced" and not entity.has_snapshots:
        return
    was, now = _crdt_text(entity), _crdt_text(today)
    if was != now:
        place = Place(PlaceKind.ENTITY, today.service, "crdt")
        help_ = "give the new data type to a new entity with a type of its own"
        why = "what one data type has stored is nothing to the other"
        yield Change(codes.CRDT_CHANGED, entity.service, place, Verdict.DATA_LOSS, (was,), now, why=why, help=help_)
    elif entity.state == today.state and entity.state:
        yield from messages.compare(entity.state, today.state)
    elif entity.state != today.state:
        code, verdict, help_ = _STATE[entity.model]
        place = Place(PlaceKind.ENTITY, today.service, "state")
        was, now = f"state: {entity.state}", f"state: {today.state}"
        why = f"stored states carry the name `{entity.state}`"
        yield Change(code, entity.service, place, verdict, (was,), now, why=why, help=help_)


def _crdt_text(entity: Entity) -> str:
    """The data type of a CRDT and the type of its elements; "" for other models."""
    if not entity.crdt:
        return ""
    return f"crdt: {entity.crdt} of {entity.state}" if entity.state else f"crdt: {entity.crdt}"


_STATE = {
    "event-sourced": (
        codes.SNAPSHOT_TYPE_CHANGED,
        Verdict.NEEDS_REBUILD,
        "put it back, declare an upcaster from it, or delete all snapshots before this version runs",
    ),
    "value": (codes.VALUE_TYPE_CHANGED, Verdict.NEEDS_UPCASTER, "put it back, or declare an upcaster from it"),
}
