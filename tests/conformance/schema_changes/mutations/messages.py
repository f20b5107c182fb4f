"""Messages as wholes: they get other names, move to another package, are split and joined."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from tests.conformance.schema_changes.draft import PACKAGE, Case, Draft, Mutation, fields_of

from cloudstate.compiler.model import Entity, MessageType


def cases() -> Iterator[Case]:
    """All of them."""
    for name in ["Item", "Money", "Counted"]:
        yield Case(f"the part {name} gets another name", (rename(name, f"New{name}"),), "safe")
    for name in ["Placed", "Paid", "Shipped", "Moved"]:
        yield Case(
            f"the event {name} gets another name",
            (rename(name, f"New{name}"),),
            "breaking" if name == "Placed" else "needs an upcaster",
        )
    yield Case("the value Shelf gets another name", (rename("Shelf", "Rack"),), "needs an upcaster")
    yield Case("the snapshot Order gets another name", (rename("Order", "Purchase"),), "needs a rebuild")
    yield Case("the state of an entity without snapshots gets another name", (rename("Parcel", "Packet"),), "safe")
    yield Case("the state of an entity without snapshots changes", (retype("Parcel.place"),), "safe")
    yield Case("the message of a topic gets another name", (rename("Sale", "Deal"),), "data loss")
    yield Case("a message that is published gets another name", (rename("Mail", "Letter"),), "safe")
    yield Case("the package of all stored messages changes", (move_package("shop.v2"),), "breaking")
    yield Case("the file of all stored messages has another name", (move_file,), "safe")
    yield Case("the message of a topic changes", (retype("Sale.article"),), "data loss")
    yield Case("a message that is published changes", (retype("Mail.to"),), "data loss")
    yield Case("a command changes", (retype("PlaceOrder.article"),), "safe")
    yield Case("a reply changes", (retype_reply,), "safe")
    yield Case("a message that is nowhere stored changes", (retype("Weight.scale"),), "safe")
    yield Case("a part of a snapshot changes, and of an event, too", (retype("Item.article"),), "data loss")
    yield Case("a snapshot changes", (retype("Order.paid"),), "needs a rebuild")
    yield Case("a value changes", (retype("Shelf.at"),), "data loss")


def rename(name: str, other: str) -> Mutation:
    """A message is called something else, wherever it is named."""

    def change(draft: Draft) -> None:
        message, package = draft.message(name), draft.file_of(name).package
        for suffix in ["", *(f".{inner.name}" for inner in message.nested_type)]:
            _rename_types(draft, f"{package}.{name}{suffix}", f"{package}.{other}{suffix}")
        message.name = other

    return change


def move_package(package: str) -> Mutation:
    """All stored messages have other full names."""

    def change(draft: Draft) -> None:
        file = draft.files["stored.proto"]
        for message in file.message_type:
            _rename_types(draft, f"{PACKAGE}.{message.name}", f"{package}.{message.name}")
            for inner in message.nested_type:
                old, new = (f"{where}.{message.name}.{inner.name}" for where in (PACKAGE, package))
                _rename_types(draft, old, new)
        for enum in file.enum_type:
            _rename_types(draft, f"{PACKAGE}.{enum.name}", f"{package}.{enum.name}")
        file.package = package

    return change


def move_file(draft: Draft) -> None:
    """The messages stand in a file of another name."""
    file = draft.files["stored.proto"]
    file.name = "moved.proto"
    for other in draft.files.values():
        names = ["moved.proto" if name == "stored.proto" else name for name in other.dependency]
        del other.dependency[:]
        other.dependency.extend(names)


def retype(path: str) -> Mutation:
    """A field gets a type that reads nothing of what it was."""

    def change(draft: Draft) -> None:
        field = draft.field(path)
        field.ClearField("type_name")
        field.type = FieldDescriptorProto.TYPE_FIXED64

    return change


def retype_reply(draft: Draft) -> None:
    """A field of a reply gets another type; the reply has the short name of a stored message."""
    message = next(found for found in draft.files["shop.proto"].message_type if found.name == "Order")
    message.field[0].type = FieldDescriptorProto.TYPE_FIXED64


def _rename_types(draft: Draft, old: str, new: str) -> None:
    for file in draft.files.values():
        for message in file.message_type:
            for part in [message, *message.nested_type]:
                for field in fields_of(part):
                    if field.type_name == f".{old}":
                        field.type_name = f".{new}"
        for service in file.service:
            for method in service.method:
                method.input_type = f".{new}" if method.input_type == f".{old}" else method.input_type
                method.output_type = f".{new}" if method.output_type == f".{old}" else method.output_type
    draft.change_service(entities=tuple(_renamed(entity, old, new) for entity in draft.service.entities))


def _renamed(entity: Entity, old: str, new: str) -> Entity:
    def named(message: MessageType) -> MessageType:
        return replace(message, full_name=new) if message.full_name == old else message

    return replace(
        entity,
        state=named(entity.state) if entity.state else None,
        events=tuple(named(event) for event in entity.events),
        commands=tuple(
            replace(command, input=named(command.input), output=named(command.output)) for command in entity.commands
        ),
    )
