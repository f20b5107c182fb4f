"""Where changes are seen: in the .proto files and in the spec of today."""

from __future__ import annotations

from cloudstate.compiler.lock.change import Place, PlaceKind
from cloudstate.compiler.model.spec import EntitySpec, Spec
from cloudstate.compiler.source import Span


def span_of(place: Place, spec: Spec) -> Span:
    """The place in a file; where the part is not written, the whole that it would belong to."""
    match place.kind:
        case PlaceKind.MESSAGE:
            return _message(place, spec)
        case PlaceKind.ENUM:
            enum = spec.schema.enums.get(place.name)
            return enum.values.get(place.part, enum.span) if enum is not None else spec.name.span
        case PlaceKind.RPC:
            service = spec.schema.services[place.name.rpartition(".")[0]]
            rpc = service.rpc(place.name.rpartition(".")[2])
            return rpc.span if rpc is not None else service.span
        case PlaceKind.ENTITY | PlaceKind.UPCASTER:
            entity = next((it for it in spec.entities if it.service.value.full_name == place.name), None)
            return _entity(place, entity) if entity is not None else spec.name.span
        case PlaceKind.SHARDS:
            return spec.shards_span or spec.name.span
    return spec.name.span


def _message(place: Place, spec: Spec) -> Span:
    message = spec.schema.messages[place.name]
    # Messages of installed packages have no text to point to.
    if not message.type.file.generated:
        return spec.name.span
    field = message.field(place.part)
    return field.span if field is not None else message.span


def _entity(place: Place, entity: EntitySpec) -> Span:
    if place.kind is PlaceKind.UPCASTER:
        spans = [upcaster.source.span for upcaster in entity.upcasters if upcaster.source.value == place.part]
        return spans[0] if spans else entity.service.span
    located = {"type": entity.type, "model": entity.model, "state": entity.state, "crdt": entity.crdt}.get(place.part)
    return located.span if located is not None else entity.given.get(place.part, entity.service.span)
