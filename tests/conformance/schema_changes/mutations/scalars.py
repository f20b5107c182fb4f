"""Types of fields: every scalar type becomes every other, alone, many times, and as the values of a map."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from tests.conformance.schema_changes.draft import PACKAGE, Case, Draft, Mutation

TYPES = {
    name.removeprefix("TYPE_").lower(): number
    for name, number in FieldDescriptorProto.Type.items()
    if name not in ("TYPE_MESSAGE", "TYPE_ENUM", "TYPE_GROUP")
}
MANY = ["int32", "int64", "uint32", "uint64", "sint32", "fixed32", "double", "bool", "string", "bytes"]
VALUES = ["int32", "int64", "uint32", "bool", "string", "bytes"]


def cases() -> Iterator[Case]:
    """All of them. Their verdicts are what the journal says."""
    for old, new in permutations(TYPES, 2):
        yield Case(f"{old} becomes {new}", (becomes(f"Measured.a_{old}", new),))
    for old, new in permutations(MANY, 2):
        yield Case(f"repeated {old} becomes repeated {new}", (becomes(f"Measured.many_{old}", new),))
    for old, new in permutations(VALUES, 2):
        yield Case(f"values of a map from {old} to {new}", (becomes(f"Measured.by_{old}", new),))
    for new in TYPES:
        yield Case(f"an enum becomes {new}", (becomes("Placed.colour", new),))
        yield Case(f"an enum with negative numbers becomes {new}", (becomes("Placed.sign", new),))
        yield Case(f"repeated enums become {new}", (becomes("Placed.palette", new),))
        yield Case(f"a message becomes {new}", (becomes("Placed.item", new),))
        yield Case(f"{new} becomes an enum", (becomes_enum(f"Measured.a_{new}", "Colour"),))
        yield Case(f"{new} becomes a message", (becomes_message(f"Measured.a_{new}", "Money"),))
    for name, change in TO_OTHERS.items():
        yield Case(name, (change,))


def becomes(path: str, type_: str) -> Mutation:
    """A field, or the values of a map, get a scalar type."""

    def change(draft: Draft) -> None:
        field = draft.values_of(path)
        field.ClearField("type_name")
        field.type = TYPES[type_]

    return change


def becomes_enum(path: str, enum: str) -> Mutation:
    """A field, or the values of a map, become an enum."""

    def change(draft: Draft) -> None:
        field = draft.values_of(path)
        field.type = FieldDescriptorProto.TYPE_ENUM
        field.type_name = f".{PACKAGE}.{enum}"

    return change


def becomes_message(path: str, message: str) -> Mutation:
    """A field, or the values of a map, become a message; those of Google by their full name."""

    def change(draft: Draft) -> None:
        field = draft.values_of(path)
        field.type = FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = f".{message}" if "." in message else f".{PACKAGE}.{message}"

    return change


TO_OTHERS = {
    "a message becomes the same one under another name": becomes_message("Placed.item", "Good"),
    "repeated messages become the same ones under another name": becomes_message("Placed.extras", "Good"),
    "values of a map become the same ones under another name": becomes_message("Placed.shelves", "Good"),
    "a message becomes another one of the same shape": becomes_message("Paid.amount", "Weight"),
    "a message becomes another one": becomes_message("Placed.item", "Paid"),
    "a message in a oneof becomes another one": becomes_message("Placed.deposit", "Weight"),
    "an enum becomes another one of the same numbers": becomes_enum("Placed.colour", "Size"),
    "an enum becomes another one": becomes_enum("Placed.colour", "Sign"),
    "a timestamp becomes a duration": becomes_message("Placed.at", "google.protobuf.Duration"),
    "a duration becomes a timestamp": becomes_message("Moved.took", "google.protobuf.Timestamp"),
    "a timestamp becomes money": becomes_message("Placed.at", "Money"),
    "a wrapped int32 becomes a wrapped int64": becomes_message("Placed.limit", "google.protobuf.Int64Value"),
    "a wrapped int32 becomes a wrapped uint32": becomes_message("Placed.limit", "google.protobuf.UInt32Value"),
    "a wrapped int32 becomes a plain one": becomes("Placed.limit", "int32"),
    "values of a map of messages become scalars": becomes("Placed.shelves", "string"),
    "values of a map become messages": becomes_message("Placed.stock", "Money"),
    "values of a map become an enum": becomes_enum("Placed.stock", "Colour"),
}
