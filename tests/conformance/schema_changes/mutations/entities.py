"""What the spec says: types, models, keys, events, states, shards, topics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.conformance.schema_changes.draft import Case, Draft, Mutation
from tests.conformance.schema_changes.mutations.fields import rename as rename_field
from tests.conformance.schema_changes.mutations.fields import renumber
from tests.conformance.schema_changes.mutations.scalars import becomes

from cloudstate import eventing_pb2
from cloudstate.compiler.model import Model, StoreKind

LOSS, UPCASTER, REBUILD, SAFE = "data loss", "needs an upcaster", "needs a rebuild", "safe"


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _of_entities()
    yield from _of_keys()
    yield from _of_services()


def _of_entities() -> Iterator[Case]:
    for type_ in ["order", "stock", "parcel"]:
        yield Case(f"the type of {type_} changes", (entity(type_, type="other"),), LOSS)
        yield Case(f"the entity {type_} is removed", (remove_entity(type_),), LOSS)
        yield Case(f"the entity {type_} becomes an action", (entity(type_, model=Model.ACTION),), LOSS)
        yield Case(f"the class of {type_} changes", (entity(type_, implementation="a.B"),), SAFE)
        yield Case(f"the passivation of {type_} changes", (entity(type_, passivation_ms=1),), SAFE)
    yield Case("event-sourced becomes value", (entity("parcel", model=Model.VALUE),), LOSS)
    yield Case("value becomes event-sourced", (entity("stock", model=Model.EVENT_SOURCED),), LOSS)
    yield Case("value becomes a CRDT", (entity("stock", model=Model.CRDT, crdt="gset"),), LOSS)
    yield Case("two entities change types", (swap_types,), LOSS)
    yield Case("there is one more event", (add_event("order", "Moved"),), SAFE)
    yield Case("the events are listed in another order", (reverse_events,), SAFE)
    for index, name in enumerate(["Placed", "Paid", "Measured", "Shipped"]):
        yield Case(f"the event {name} is removed", (remove_event("order", index),), UPCASTER)
    yield Case("the state is another message, with snapshots", (state("order", "Parcel"),), REBUILD)
    yield Case("the state is another message, without snapshots", (state("parcel", "Order"),), SAFE)
    yield Case("the value is another message", (state("stock", "Parcel"),), UPCASTER)
    yield Case("snapshots are made more often", (entity("order", snapshot_every=1),), SAFE)
    yield Case("snapshots are no longer made", (entity("order", snapshot_every=0),), SAFE)
    yield Case("snapshots are made from now on", (entity("parcel", snapshot_every=5),), SAFE)
    yield Case("an action gets a state", (entity("shop.Mailer", model=Model.VALUE, type="mailer"),), SAFE)


def _of_keys() -> Iterator[Case]:
    for name in ["Place", "Pay", "Show"]:
        yield Case(f"the key of {name} loses a field", (key("order", name, "customer"),), LOSS)
        yield Case(
            f"the key of {name} has its fields in another order", (key("order", name, "serial", "customer"),), LOSS
        )
    yield Case("the key gets one more field", (key("order", "Place", "customer", "serial", "article"),), LOSS)
    yield Case("the key is another field", (key("stock", "Count", "counted"),), LOSS)
    yield Case("the key field gets another name", (rename_key("PayOrder", "customer", "client"),), SAFE)
    yield Case("the key field gets another number", (renumber("CountStock.shelf", 9),), LOSS)
    for new, verdict in {"uint64": SAFE, "int64": SAFE, "int32": LOSS, "string": LOSS, "bool": LOSS}.items():
        yield Case(f"the key from uint32 to {new}", (becomes("MoveParcel.parcel", new),), verdict)
    for new, verdict in {"bytes": LOSS, "int32": LOSS}.items():
        yield Case(f"the key from string to {new}", (becomes("CountStock.shelf", new),), verdict)
    for new, verdict in {"int64": SAFE, "sint32": LOSS, "fixed32": LOSS, "uint32": LOSS, "bool": LOSS}.items():
        yield Case(f"a part of the key from int32 to {new}", (becomes("PayOrder.serial", new),), verdict)
    yield Case("a command is removed", (remove_command("order", "Pay"),), SAFE)
    yield Case("a command gets another name", (rename_command("order", "Pay", "Settle"),), SAFE)


def _of_services() -> Iterator[Case]:
    yield Case("the service has another name", (service(name="store"),), LOSS)
    for shards in [1, 16, 255, 257, 512]:
        yield Case(f"there are {shards} shards instead of 256", (service(shards=shards),), REBUILD)
    yield Case("the store is another one", (store,), SAFE)
    yield Case("a topic is consumed by another group", (eventing("OnSale", group="more"),), LOSS)
    yield Case("another topic is consumed", (eventing("OnSale", topic="deals"),), LOSS)
    yield Case("nothing is consumed", (eventing("OnSale", topic=""),), LOSS)
    yield Case("another event log is consumed", (eventing("OnPlaced", log="parcel"),), REBUILD)
    yield Case("an event log is consumed by another group", (eventing("OnPlaced", log="order", group="more"),), REBUILD)
    yield Case("it is published to another topic", (eventing("OnSale", topic="sales", out="posts"),), REBUILD)
    yield Case("it is no longer published", (eventing("OnSale", topic="sales", out=""),), REBUILD)
    yield Case("one more rpc publishes", (eventing("OnPlaced", log="order", out="echo"),), SAFE)
    yield Case("the rpc that consumes gets another name", (rename_command("shop.Mailer", "OnSale", "Sold"),), SAFE)


def entity(type_: str, **changes: Any) -> Mutation:
    """An entity says something else."""

    def change(draft: Draft) -> None:
        draft.change_entity(type_, **changes)

    return change


def service(**changes: Any) -> Mutation:
    """The service says something else."""

    def change(draft: Draft) -> None:
        draft.change_service(**changes)

    return change


def store(draft: Draft) -> None:
    """Another kind of journal."""
    draft.change_service(store=replace(draft.service.store, kind=StoreKind.POSTGRESQL))


def remove_entity(type_: str) -> Mutation:
    """An entity is gone."""

    def change(draft: Draft) -> None:
        draft.change_service(entities=tuple(kept for kept in draft.service.entities if kept.type != type_))

    return change


def swap_types(draft: Draft) -> None:
    """Each of two entities has the type of the other."""
    other = {"order": "parcel", "parcel": "order"}
    entities = (replace(known, type=other.get(known.type, known.type)) for known in draft.service.entities)
    draft.change_service(entities=tuple(entities))


def add_event(type_: str, name: str) -> Mutation:
    """One more event, a message that other entities have as theirs."""

    def change(draft: Draft) -> None:
        event = next(event for known in draft.service.entities for event in known.events if event.name == name)
        draft.change_entity(type_, events=(*draft.entity(type_).events, event))

    return change


def remove_event(type_: str, index: int) -> Mutation:
    """An event is no longer listed. Its message is still there."""

    def change(draft: Draft) -> None:
        events = draft.entity(type_).events
        draft.change_entity(type_, events=events[:index] + events[index + 1 :])

    return change


def reverse_events(draft: Draft) -> None:
    """The events are listed from the last to the first."""
    draft.change_entity("order", events=draft.entity("order").events[::-1])


def state(type_: str, name: str) -> Mutation:
    """Another message is the state."""

    def change(draft: Draft) -> None:
        known = next(known.state for known in draft.service.entities if known.state and known.state.name == name)
        draft.change_entity(type_, state=known)

    return change


def key(type_: str, command: str, *fields: str) -> Mutation:
    """Other fields of a command are its key."""

    def change(draft: Draft) -> None:
        commands = draft.entity(type_).commands
        draft.change_entity(
            type_, commands=tuple(replace(it, key=fields) if it.name == command else it for it in commands)
        )

    return change


def rename_key(message: str, name: str, other: str) -> Mutation:
    """A key field is called something else."""

    def change(draft: Draft) -> None:
        rename_field(f"{message}.{name}", other)(draft)
        for known in draft.service.entities:
            for command in known.commands:
                if command.input.name == message:
                    fields = tuple(other if part == name else part for part in command.key)
                    key(known.type, command.name, *fields)(draft)

    return change


def remove_command(type_: str, name: str) -> Mutation:
    """An rpc is gone."""

    def change(draft: Draft) -> None:
        kept = tuple(command for command in draft.entity(type_).commands if command.name != name)
        draft.change_entity(type_, commands=kept)

    return change


def rename_command(type_: str, name: str, other: str) -> Mutation:
    """An rpc is called something else."""

    def change(draft: Draft) -> None:
        commands = draft.entity(type_).commands
        _method(draft, name).name = other
        draft.change_entity(
            type_, commands=tuple(replace(it, name=other) if it.name == name else it for it in commands)
        )

    return change


def eventing(rpc: str, topic: str = "", log: str = "", group: str = "", out: str = "mails") -> Mutation:
    """An rpc is connected to other topics or logs."""

    def change(draft: Draft) -> None:
        source = {"topic": topic} if topic else {"event_log": log} if log else {}
        said = eventing_pb2.Eventing()
        if source or group:
            getattr(said, "in").MergeFrom(eventing_pb2.EventSource(consumer_group=group, **source))
        if out and (rpc == "OnSale" or out != "mails"):
            said.out.topic = out
        options: Any = _method(draft, rpc).options
        options.Extensions[eventing_pb2.eventing].CopyFrom(said)

    return change


def _method(draft: Draft, name: str) -> Any:
    services = draft.files["shop.proto"].service
    return next(method for known in services for method in known.method if method.name == name)
