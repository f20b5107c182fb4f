"""Oneofs: fields go in, come out, and meet others."""

from __future__ import annotations

from collections.abc import Iterator

from tests.conformance.schema_changes.draft import Case, Draft, Mutation
from tests.conformance.schema_changes.mutations.fields import add, tidy_oneofs
from tests.conformance.schema_changes.mutations.labels import both, optional, single


def cases() -> Iterator[Case]:
    """All of them. ``contact`` and ``delivery`` are the oneofs that the event has."""
    for name in ["customer", "item", "at", "rank", "gift", "note", "colour", "discount", "coupon", "limit"]:
        yield Case(f"{name} moves alone into a new oneof", (into("choice", name),), "safe")
        yield Case(f"{name} joins the oneof contact", (into("contact", name),), "breaking")
    for names in [("note", "memo"), ("rank", "gift"), ("item", "at"), ("discount", "note"), ("rank", "gift", "note")]:
        yield Case(f"{' and '.join(names)} move into a new oneof", (into("choice", *names),), "breaking")
    for names in [("email",), ("phone",), ("deposit",), ("email", "deposit"), ("email", "phone", "deposit")]:
        yield Case(f"{' and '.join(names)} move to a oneof of their own", (into("choice", *names),), "safe")
    for name in ["email", "phone"]:
        yield Case(f"{name} leaves the oneof", (out_of(name),), "breaking")
        yield Case(f"{name} leaves the oneof and becomes optional", (optional_out_of(name),), "safe")
    yield Case("the message deposit leaves the oneof", (out_of("deposit"),), "safe")
    yield Case("all members leave the oneof", (out_of("email", "phone", "deposit"),), "breaking")
    yield Case("all members become optional", (optional_out_of("email", "phone"),), "safe")
    yield Case("two oneofs become one", (into("contact", "street", "locker"),), "breaking")
    yield Case("two oneofs change a member", (into("contact", "street"),), "breaking")
    yield Case("a oneof gets another name", (rename_oneof("contact", "reach"),), "safe")
    yield Case("a oneof gets a new member", (both(add("Placed", "fax", 201), into("contact", "fax")),), "safe")
    new = both(add("Placed", "fax", 201), into("choice", "note", "fax"))
    yield Case("a field and a new one make a new oneof", (new,), "safe")
    joined = both(add("Placed", "fax", 201), into("choice", "email", "fax"))
    yield Case("a member and a new field make a new oneof", (joined,), "safe")


def into(oneof: str, *names: str) -> Mutation:
    """Fields of Placed become members of a oneof, which is made if there is none of that name."""

    def change(draft: Draft) -> None:
        for name in names:
            single(f"Placed.{name}")(draft)
            message = draft.message("Placed")
            known = [declared.name for declared in message.oneof_decl]
            if oneof not in known:
                message.oneof_decl.add(name=oneof)
                known.append(oneof)
            draft.field(f"Placed.{name}").oneof_index = known.index(oneof)
            tidy_oneofs(draft, "Placed")

    return change


def out_of(*names: str) -> Mutation:
    """Members become plain fields."""
    return both(*(single(f"Placed.{name}") for name in names))


def optional_out_of(*names: str) -> Mutation:
    """Members become optional fields."""
    return both(*(optional(f"Placed.{name}") for name in names))


def rename_oneof(name: str, other: str) -> Mutation:
    """The oneof is called something else."""

    def change(draft: Draft) -> None:
        declared = next(found for found in draft.message("Placed").oneof_decl if found.name == name)
        declared.name = other

    return change
