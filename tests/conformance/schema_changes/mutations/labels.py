"""Labels: single, optional, repeated, packed, maps and the entries that they are made of."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from tests.conformance.schema_changes.draft import PACKAGE, Case, Draft, Mutation
from tests.conformance.schema_changes.mutations.fields import tidy_oneofs
from tests.conformance.schema_changes.mutations.scalars import TYPES, becomes, becomes_message


def cases() -> Iterator[Case]:
    """All of them."""
    for name in TYPES:
        path = f"Measured.a_{name}"
        is_text = name in ("string", "bytes")
        yield Case(f"single {name} becomes optional", (optional(path),), "safe")
        yield Case(f"single {name} becomes repeated", (repeated(path),), "safe" if is_text else "breaking")
    for name in ["int32", "int64", "double", "bool", "string", "bytes"]:
        yield Case(f"repeated {name} becomes single", (single(f"Measured.many_{name}"),), "breaking")
        yield Case(f"repeated {name} becomes optional", (optional(f"Measured.many_{name}"),), "breaking")
    for name in ["int32", "int64", "uint32", "sint32", "fixed32", "double", "bool"]:
        yield Case(f"repeated {name} is not packed any more", (packed(f"Measured.many_{name}", False),), "safe")
    for path in ["Placed.discount", "Placed.coupon"]:
        yield Case(f"{path} is not optional any more", (single(path),), "safe")
        yield Case(f"{path} becomes repeated", (repeated(path),), "safe")
    for path in ["Placed.item", "Placed.at", "Placed.limit", "Paid.amount", "Item.price"]:
        yield Case(f"the single message {path} becomes repeated", (repeated(path),), "safe")
    for path in ["Placed.extras", "Placed.entries", "Order.items"]:
        yield Case(f"the repeated message {path} becomes single", (single(path),), "breaking")
    for path in ["Placed.colour", "Placed.sign", "Shelf.label"]:
        yield Case(f"the single enum {path} becomes repeated", (repeated(path),), "breaking")
        yield Case(f"the single enum {path} becomes optional", (optional(path),), "safe")
    yield Case("repeated enums become single", (single("Placed.palette"),), "breaking")
    yield Case("a member of a oneof becomes repeated", (repeated("Placed.phone"),), "safe")
    yield Case("optional int32 becomes repeated int64", (both(repeated("Placed.discount"), wide("discount")),), "safe")
    yield Case("optional int32 becomes int64", (both(single("Placed.discount"), wide("discount")),), "safe")
    yield Case("a map becomes its entries", (unmap("Placed.stock", "Counted"),), "safe")
    yield Case("a map becomes entries of another type", (unmap("Placed.stock", "Money"),), "breaking")
    yield Case("a map becomes entries without values", (unmap("Placed.stock", "Shipped"),), "breaking")
    yield Case("a map becomes a repeated string", (unmap("Placed.stock", ""),), "breaking")
    yield Case("a map becomes a single message", (single("Placed.stock"),), "breaking")
    yield Case("entries become a map", (map_of("Placed.entries"),), "breaking")
    yield Case("a single message becomes a map", (map_of("Placed.item"),), "breaking")
    for key, verdict in {"int64": "safe", "uint32": "breaking", "string": "breaking", "sint32": "breaking"}.items():
        yield Case(f"the keys of a map from int32 to {key}", (keys_become("Placed.shelves", key),), verdict)
    yield Case("the keys of a map from string to int32", (keys_become("Placed.stock", "int32"),), "breaking")


def single(path: str) -> Mutation:
    """The field holds one value and does not show its absence."""

    def change(draft: Draft) -> None:
        field = draft.field(path)
        field.label = FieldDescriptorProto.LABEL_OPTIONAL
        field.ClearField("proto3_optional")
        field.ClearField("oneof_index")
        _drop_entry(draft, path)
        tidy_oneofs(draft, path.partition(".")[0])

    return change


def optional(path: str) -> Mutation:
    """The field shows its absence."""

    def change(draft: Draft) -> None:
        single(path)(draft)
        message, field = draft.message(path.partition(".")[0]), draft.field(path)
        message.oneof_decl.add(name=f"_{field.name}")
        field.oneof_index = len(message.oneof_decl) - 1
        field.proto3_optional = True

    return change


def repeated(path: str) -> Mutation:
    """The field holds any number of values."""

    def change(draft: Draft) -> None:
        single(path)(draft)
        draft.field(path).label = FieldDescriptorProto.LABEL_REPEATED

    return change


def packed(path: str, is_packed: bool) -> Mutation:
    """Numbers stand together in the encoding, or each alone."""

    def change(draft: Draft) -> None:
        draft.field(path).options.packed = is_packed

    return change


def unmap(path: str, message: str) -> Mutation:
    """A map becomes repeated messages, or repeated strings where no message is given."""

    def change(draft: Draft) -> None:
        _drop_entry(draft, path)
        (becomes_message(path, message) if message else becomes(path, "string"))(draft)

    return change


def map_of(path: str) -> Mutation:
    """A field becomes a map from strings to int32."""

    def change(draft: Draft) -> None:
        message, field = draft.message(path.partition(".")[0]), draft.field(path)
        name = f"{field.name.title().replace('_', '')}Entry"
        entry = message.nested_type.add(name=name)
        entry.options.map_entry = True
        label = FieldDescriptorProto.LABEL_OPTIONAL
        entry.field.add(name="key", number=1, type=FieldDescriptorProto.TYPE_STRING, label=label)
        entry.field.add(name="value", number=2, type=FieldDescriptorProto.TYPE_INT32, label=label)
        field.type_name = f".{PACKAGE}.{message.name}.{name}"
        field.label = FieldDescriptorProto.LABEL_REPEATED

    return change


def keys_become(path: str, type_: str) -> Mutation:
    """The keys of a map get another type."""

    def change(draft: Draft) -> None:
        field = draft.field(path)
        name = field.type_name.rpartition(".")[2]
        entry = next(inner for inner in draft.message(path.partition(".")[0]).nested_type if inner.name == name)
        entry.field[0].type = TYPES[type_]

    return change


def wide(field: str) -> Mutation:
    """A field of Placed becomes int64."""
    return becomes(f"Placed.{field}", "int64")


def both(*mutations: Mutation) -> Mutation:
    """Several changes at once."""

    def change(draft: Draft) -> None:
        for mutation in mutations:
            mutation(draft)

    return change


def _drop_entry(draft: Draft, path: str) -> None:
    """A map's entry type is no use without the map. protoc would not let a plain field have one as its type."""
    message, name = draft.message(path.partition(".")[0]), draft.field(path).type_name.rpartition(".")[2]
    for entry in [inner for inner in message.nested_type if inner.name == name]:
        entry.options.ClearField("map_entry")
