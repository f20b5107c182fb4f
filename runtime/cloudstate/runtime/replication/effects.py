"""What the core asks of its shell."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from cloudstate.runtime.crdt import Dot, Record
from cloudstate.runtime.journal.port import EntityKey
from cloudstate.runtime.replication.items import Announced, Asked, Item, Whole


class Receipt(NamedTuple):
    """Where something comes from; the member waits for an acknowledgement, unless the number is 0."""

    member: str
    number: int


class Send(NamedTuple):
    """Send items to a member; to all of them if it is None. Items are in order, and each fits into a message."""

    member: str | None
    items: list[Item]


class Hear(NamedTuple):
    """Tell an entity what another member knows; then ``acknowledge`` the receipt, if there is one, or ``missed``."""

    key: EntityKey
    record: Record
    receipt: Receipt | None = None
    after: Dot | None = None


class Reread(NamedTuple):
    """Tell an entity what the journal has of it; then ``acknowledge`` the receipt, if there is one."""

    key: EntityKey
    receipt: Receipt | None = None


class Look(NamedTuple):
    """Read an entity from the journal, and give it back with ``looked``."""

    key: EntityKey
    member: str
    why: Announced | Asked | Whole


class Told(NamedTuple):
    """A change is where its command wants it, or is not in time."""

    ticket: Any
    reached: bool


class Learned(NamedTuple):
    """What the other members know of an entity that was asked for: those that have answered in time."""

    ticket: Any
    record: Record


class Warn(NamedTuple):
    """Say it in the log."""

    text: str


Effect: TypeAlias = Send | Hear | Reread | Look | Told | Learned | Warn
