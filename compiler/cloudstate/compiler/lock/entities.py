"""Entities: whether their data is still found, and who reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cloudstate.compiler.diagnostics import codes
from cloudstate.compiler.lock.change import Change, Place, PlaceKind, Verdict
from cloudstate.compiler.lock.history import History
from cloudstate.compiler.lock.keys import compare_keys
from cloudstate.compiler.lock.messages import MessageComparison
from cloudstate.compiler.lock.recorded import Current, Entity, Stored

_SERVICE = Place(PlaceKind.SERVICE)


def compare_entities(old: Stored, today: Current, history: History) -> Iterator[Change]:
    """What has become of each entity of one recorded version."""
    in_place = MessageComparison(old, today.stored, history, Verdict.DATA_LOSS)
    derived = MessageComparison(old, today.stored, history, Verdict.NEEDS_REBUILD)
    for entity in old.entities.values():
        lost = _lost(entity, today.stored, today.services)
        if lost is not None:
            yield lost
        else:
            now = today.stored.entities[entity.type]
            yield from compare_keys(entity, now, old)
            yield from _events(entity, today, in_place)
            yield from _state(entity, today, derived if entity.model == "event-sourced" else in_place)


def still_read(old: Stored, today: Current) -> Mapping[str, str]:
    """The stored messages of an older version that today's entities decode, and as what."""
    decoded: dict[str, str] = {}
    for entity in old.entities.values():
        if _lost(entity, today.stored, today.services) is None:
            for name in (*entity.events, *([entity.state] if entity.stores_state else ())):
                found = today.read_as(entity.type, name)
                decoded |= {name: found[0]} if found is not None else {}
    return decoded


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


def _events(entity: Entity, today: Current, messages: MessageComparison) -> Iterator[Change]:
    now = today.stored.entities[entity.type]
    for event in entity.events:
        found = today.read_as(entity.type, event)
        if found is not None and found[1] in now.events:
            yield from messages.compare(event, found[0])
        else:
            yield Change(
                code=codes.EVENT_REMOVED,
                subject=event,
                place=Place(PlaceKind.ENTITY, now.service, "events"),
                verdict=Verdict.NEEDS_UPCASTER,
                was=(f"event of {entity.type}",),
                why=f"an entity that has one in its history cannot be replayed: stored events carry the name `{event}`",
                help=_event_help(event, [other for other in now.events if other not in entity.events], messages),
            )


def _event_help(event: str, added: Sequence[str], messages: MessageComparison) -> str:
    """What to do about an event that is gone; one that is new and looks the same may be the same."""
    alike = [other for other in added if messages.are_alike(event, other)]
    if len(alike) != 1:
        return "put it back, or declare an upcaster from it"
    upcaster = f"upcasters: [{{from: {event}, to: {alike[0]}}}]"
    return f"put it back; or, if `{alike[0]}` is the same event, declare `{upcaster}`"


def _state(entity: Entity, today: Current, messages: MessageComparison) -> Iterator[Change]:
    now = today.stored.entities[entity.type]
    was, is_ = _crdt_text(entity), _crdt_text(now)
    if was != is_:
        place = Place(PlaceKind.ENTITY, now.service, "crdt")
        help_ = "give the new data type to a new entity with a type of its own"
        why = "what one data type has stored is nothing to the other"
        yield Change(codes.CRDT_CHANGED, entity.service, place, Verdict.DATA_LOSS, (was,), is_, why=why, help=help_)
    elif entity.stores_state:
        found = today.read_as(entity.type, entity.state)
        if found is not None and found[1] == now.state:
            yield from messages.compare(entity.state, found[0])
        else:
            yield _other_state(entity, now)


def _other_state(entity: Entity, now: Entity) -> Change:
    code, verdict, help_ = _STATE[entity.model]
    place = Place(PlaceKind.ENTITY, now.service, "state")
    was, is_ = f"state: {entity.state}", f"state: {now.state}"
    why = f"stored states carry the name `{entity.state}`"
    return Change(code, entity.service, place, verdict, (was,), is_, why=why, help=help_)


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
