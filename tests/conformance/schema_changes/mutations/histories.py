"""More than one release: what is only seen by who looks at all of them."""

from __future__ import annotations

from collections.abc import Iterator

from tests.conformance.schema_changes.draft import Case, Draft
from tests.conformance.schema_changes.mutations import entities, enums, fields, labels, messages, scalars


def nothing(draft: Draft) -> None:
    """A release that changes nothing."""


def cases() -> Iterator[Case]:
    """All of them. The last mutation makes today's spec, the others releases that are recorded."""
    reserve, remove = fields.remove("Placed.note", reserve=True), fields.remove("Placed.note")
    text = fields.add("Placed", "other", 19)
    yield Case("nothing changes, three times", (nothing, nothing, nothing), "safe")
    yield Case("a number is used again after it was reserved", (reserve, text), "breaking", journal_knows=False)
    yield Case("a number is used again after it was free", (remove, text), "breaking", journal_knows=False)
    yield Case("a field comes back as it was", (reserve, fields.add("Placed", "note", 19)), "safe")
    yield Case("a field comes back with another type", (reserve, fields.add("Placed", "note", 19, 3)), "breaking")
    yield Case(
        "a field gets a name, and another one",
        (fields.rename("Placed.note", "a"), fields.rename("Placed.a", "b")),
        "safe",
    )
    yield Case(
        "a field is widened twice",
        (scalars.becomes("Measured.a_bool", "int32"), scalars.becomes("Measured.a_bool", "int64")),
        "safe",
    )
    yield Case(
        "a field is widened and comes back",
        (scalars.becomes("Measured.a_int32", "int64"), scalars.becomes("Measured.a_int32", "int32")),
        "breaking",
    )
    yield Case("a field became text long ago", (scalars.becomes("Placed.rank", "string"), nothing, nothing), "breaking")
    yield Case(
        "an enum value is used again",
        (enums.remove("COLOUR_BLUE"), enums.add("COLOUR_WHITE", 3)),
        "breaking",
        journal_knows=False,
    )
    yield Case(
        "an enum value is used again after it was reserved",
        (enums.remove("COLOUR_BLUE", reserve=True), enums.add("COLOUR_WHITE", 3)),
        "breaking",
        journal_knows=False,
    )
    yield Case("an enum value comes back", (enums.remove("COLOUR_BLUE"), enums.add("COLOUR_BLUE", 3)), "safe")
    yield Case("an event was removed long ago", (entities.remove_event("order", 1), nothing), "needs an upcaster")
    yield Case("an event comes back", (entities.remove_event("order", 1), back_to_start), "safe")
    yield Case("an entity comes back", (entities.remove_entity("stock"), back_to_start), "safe")
    yield Case(
        "an entity comes back with another value", (entities.remove_entity("stock"), other_stock), "needs an upcaster"
    )
    yield Case(
        "the type changes and comes back",
        (entities.entity("order", type="x"), entities.entity("x", type="order")),
        "data loss",
    )
    yield Case("the event was renamed long ago", (messages.rename("Paid", "Settled"), nothing), "needs an upcaster")
    yield Case(
        "shards change and change back", (entities.service(shards=8), entities.service(shards=256)), "needs a rebuild"
    )
    yield Case(
        "a field becomes optional, then plain", (labels.optional("Placed.rank"), labels.single("Placed.rank")), "safe"
    )
    yield Case("a field joins a oneof of a later release", (fields.add("Placed", "fax", 201), joined), "breaking")


def back_to_start(draft: Draft) -> None:
    """Everything is as in the first release."""
    draft.change_service(entities=draft.first.entities)


def other_stock(draft: Draft) -> None:
    """The entity is back, and keeps something else."""
    back_to_start(draft)
    entities.state("stock", "Parcel")(draft)


def joined(draft: Draft) -> None:
    """The newest field and an older one exclude each other."""
    from tests.conformance.schema_changes.mutations.oneofs import into

    into("choice", "note", "fax")(draft)
