"""Upcasters: what is stored under old names, with and without somebody who reads it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.conformance.schema_changes.draft import PACKAGE, Case, Draft, Mutation
from tests.conformance.schema_changes.mutations.entities import add_event, remove_event, state
from tests.conformance.schema_changes.mutations.fields import remove, rename
from tests.conformance.schema_changes.mutations.histories import nothing
from tests.conformance.schema_changes.mutations.labels import both
from tests.conformance.schema_changes.mutations.messages import rename as rename_message
from tests.conformance.schema_changes.mutations.messages import retype

from cloudstate.compiler.model import MessageType, Upcaster

UPCASTER, LOSS, SAFE = "needs an upcaster", "data loss", "safe"


def cases() -> Iterator[Case]:
    """All of them. An upcaster from a message that is still declared has code, others have none."""
    renamed = rename_message("Paid", "Settled")
    alias = upcaster("order", "Paid", "Settled")
    yield Case("a renamed event has an upcaster", (both(renamed, alias),), SAFE)
    yield Case(
        "a renamed event has one that leads elsewhere", (both(renamed, upcaster("order", "Paid", "Shipped")),), LOSS
    )
    changed = both(renamed, alias, retype("Money.units"))
    yield Case("a renamed event has an upcaster and has changed", (changed,), LOSS)
    yield Case(
        "a renamed event has an upcaster and more names", (both(renamed, alias, rename("Money.units", "cents")),), SAFE
    )
    other = both(remove_event("order", 1), upcaster("order", "Paid", "Shipped"))
    yield Case("an event becomes another one", (other,), SAFE)
    yield Case("an event becomes another one and changes", (both(other, remove("Paid.amount")),), LOSS)
    stated = both(remove_event("order", 1), upcaster("order", "Paid", "Order"))
    yield Case("an event becomes the state", (stated,), UPCASTER)
    chain = both(remove_event("order", 0), remove_event("order", 0), upcaster("order", "Placed", "Paid"))
    yield Case("an upcaster leads to what is no event", (chain,), UPCASTER)
    yield Case("two upcasters lead to an event", (both(chain, upcaster("order", "Paid", "Shipped")),), SAFE)
    yield Case("the upcaster is another entity's", (both(renamed, upcaster("parcel", "Paid", "Settled")),), UPCASTER)
    yield Case("a value has an upcaster", (both(state("stock", "Parcel"), upcaster("stock", "Shelf", "Parcel")),), SAFE)
    snapshot = both(state("order", "Parcel"), upcaster("order", "Order", "Parcel"))
    yield Case("snapshots have an upcaster", (snapshot,), SAFE)
    yield Case("snapshots have an upcaster and change", (both(snapshot, retype("Order.paid")),), "needs a rebuild")
    yield Case("the upcaster is gone later", (both(renamed, alias), no_upcasters), UPCASTER)
    yield Case("the upcaster is kept", (both(renamed, alias), nothing, nothing), SAFE)
    back = both(no_upcasters, add_event("order", "Moved"))
    yield Case("the upcaster makes place for something else", (both(renamed, alias), nothing, back), UPCASTER)


def upcaster(type_: str, source: str, target: str) -> Mutation:
    """An entity reads a stored message as another one."""

    def change(draft: Draft) -> None:
        entity = draft.entity(type_)
        known = {message.name for message in draft.files["stored.proto"].message_type}
        file = next(file for file in draft.service.files if file.path == "stored.proto")
        name = f"{PACKAGE}.{source}"
        declared = MessageType(name, file, (source,)) if source in known else None
        made = Upcaster(name, declared, MessageType(f"{PACKAGE}.{target}", file, (target,)))
        draft.change_entity(type_, upcasters=(*entity.upcasters, made))

    return change


def no_upcasters(draft: Draft) -> None:
    """The author thinks that they are no longer needed."""
    draft.change_entity("order", upcasters=())
