"""Fields: each one is renamed, removed, moved to another number, or gets a neighbour."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from tests.conformance.schema_changes.draft import Case, Draft, Mutation

PLACED = [
    "customer",
    "item",
    "extras",
    "tags",
    "ratings",
    "discount",
    "coupon",
    "colour",
    "palette",
    "stock",
    "shelves",
]
PLACED += ["at", "limit", "rank", "gift", "note", "entries", "sign"]
IN_ONEOFS = ["email", "phone", "deposit", "street", "locker"]
FIELDS = [f"Placed.{name}" for name in PLACED]
NESTED = ["Item.article", "Item.quantity", "Item.price", "Money.units", "Money.currency"]


def cases() -> Iterator[Case]:
    """All of them, over events, their parts, states and values."""
    for path in [*FIELDS, *NESTED, "Order.items", "Shelf.counted", "Shelf.label", "Moved.to"]:
        yield Case(f"{path} gets another name", (rename(path, "other"),), "safe")
        yield Case(f"{path} is removed", (remove(path),), "breaking")
        yield Case(f"{path} is removed and reserved", (remove(path, reserve=True),), "safe")
        yield Case(f"{path} gets another number", (renumber(path, 99),), "breaking")
    for path in [f"Placed.{name}" for name in IN_ONEOFS]:
        yield Case(f"{path} gets another name", (rename(path, "other"),), "safe")
        yield Case(f"{path} is removed", (remove(path),), "breaking")
        yield Case(f"{path} is removed and reserved", (remove(path, reserve=True),), "breaking")
        yield Case(f"{path} gets another number", (renumber(path, 99),), "breaking")
    for path in ["Placed.customer", "Placed.extras", "Placed.stock", "Placed.item", "Item.quantity", "Shelf.at"]:
        yield Case(f"{path} has another JSON name", (json_name(path, "spelled"),), "safe")
        yield Case(f"{path} is deprecated", (deprecate(path),), "safe")
    for message in ["Placed", "Item", "Shipped", "Order", "Shelf", "Moved"]:
        yield Case(f"{message} has one more field", (add(message, "more", 200),), "safe")
    for first, second in [("note", "memo"), ("discount", "rank"), ("customer", "note"), ("item", "at")]:
        yield Case(f"{first} and {second} change numbers", (swap("Placed", first, second),), "breaking")
    yield Case("a field takes a reserved number", (add("Placed", "more", 31),), "breaking", journal_knows=False)
    yield Case("a field takes the number of a removed one", (replaced("Placed.note", "rank"),), "breaking")
    yield Case("all fields are declared in another order", (reorder("Placed"),), "safe")


def rename(path: str, name: str) -> Mutation:
    """The field has another name; a map's entry type follows, as it does in protoc."""

    def change(draft: Draft) -> None:
        draft.field(path).name = name

    return change


def remove(path: str, *, reserve: bool = False) -> Mutation:
    """The field is gone; its number may be reserved."""

    def change(draft: Draft) -> None:
        message, field = draft.message(path.partition(".")[0]), draft.field(path)
        if reserve:
            message.reserved_range.add(start=field.number, end=field.number + 1)
        message.field.remove(field)
        if field.HasField("oneof_index") and all(not kept.HasField("oneof_index") for kept in message.field):
            del message.oneof_decl[:]
        tidy_oneofs(draft, path.partition(".")[0])

    return change


def tidy_oneofs(draft: Draft, name: str) -> None:
    """Drop the oneofs that have no fields, and count the others anew: first real ones, then those of ``optional``."""
    message = draft.message(name)
    used = sorted({field.oneof_index for field in message.field if field.HasField("oneof_index")})
    synthetic = {field.oneof_index for field in message.field if field.proto3_optional}
    used.sort(key=lambda index: (index in synthetic, index))
    names = [message.oneof_decl[index].name for index in used]
    for field in message.field:
        if field.HasField("oneof_index"):
            field.oneof_index = used.index(field.oneof_index)
    del message.oneof_decl[:]
    for known in names:
        message.oneof_decl.add(name=known)


def renumber(path: str, number: int) -> Mutation:
    """The field has another number."""

    def change(draft: Draft) -> None:
        draft.field(path).number = number

    return change


def swap(message: str, first: str, second: str) -> Mutation:
    """Two fields have each other's number."""

    def change(draft: Draft) -> None:
        one, other = draft.field(f"{message}.{first}"), draft.field(f"{message}.{second}")
        one.number, other.number = other.number, one.number

    return change


def replaced(path: str, by: str) -> Mutation:
    """The field is gone, and another one has its number."""

    def change(draft: Draft) -> None:
        number = draft.field(path).number
        remove(path)(draft)
        draft.field(f"{path.partition('.')[0]}.{by}").number = number

    return change


def add(message: str, name: str, number: int, type_: int = FieldDescriptorProto.TYPE_STRING) -> Mutation:
    """A new field. What forbids its number is lifted."""

    def change(draft: Draft) -> None:
        found = draft.message(message)
        kept = [part for part in found.reserved_range if not part.start <= number < part.end]
        del found.reserved_range[:]
        found.reserved_range.extend(kept)
        label = FieldDescriptorProto.LABEL_OPTIONAL
        found.field.add(name=name, number=number, type=type_, label=label)

    return change


def json_name(path: str, name: str) -> Mutation:
    """The field is spelled in another way in JSON."""

    def change(draft: Draft) -> None:
        draft.field(path).json_name = name

    return change


def deprecate(path: str) -> Mutation:
    """The field is marked as deprecated."""

    def change(draft: Draft) -> None:
        draft.field(path).options.deprecated = True

    return change


def reorder(message: str) -> Mutation:
    """The fields stand in another order, with the numbers that they had."""

    def change(draft: Draft) -> None:
        found = draft.message(message)
        fields = sorted(found.field, key=lambda field: field.name)
        del found.field[:]
        found.field.extend(fields)

    return change
