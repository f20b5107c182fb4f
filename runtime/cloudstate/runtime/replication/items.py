"""What members tell each other of CRDT entities. Immutable values; ``frames.py`` makes bytes of them."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from cloudstate.runtime.crdt import Dot
from cloudstate.runtime.journal.port import EntityKey


class Delta(NamedTuple):
    """What was changed; durable where it comes from.

    Attributes:
        number: the sender's, of the change; acknowledge it. 0: nobody waits.
        after: the latest dot of its node before it.
        record: encoded.
    """

    key: EntityKey
    number: int
    after: Dot
    record: bytes


class Stale(NamedTuple):
    """An entity has been changed, by more than a message can hold: the journal that all share has it.

    Attributes:
        number: as of ``Delta``.
    """

    key: EntityKey
    number: int


class Acked(NamedTuple):
    """The change with this number, of the member that this is sent to, is merged here, and durable."""

    number: int


class Announced(NamedTuple):
    """The sender holds a record with this digest. Whoever holds the same says so; who holds another one sends it."""

    key: EntityKey
    digest: bytes


class Same(NamedTuple):
    """The sender holds what was announced, or nothing that could be older."""

    key: EntityKey
    digest: bytes


class Whole(NamedTuple):
    """All that the sender knows.

    Attributes:
        wants_answer: the receiver is to send its own, if that is another one.
        record: encoded.
    """

    key: EntityKey
    wants_answer: bool
    record: bytes


class Asked(NamedTuple):
    """What do you know of it, in memory or in your journal? The answer has the same number."""

    number: int
    key: EntityKey


class Answered(NamedTuple):
    """What the sender knows of what was asked; the record of the unknown entity if that is nothing."""

    number: int
    record: bytes


Item: TypeAlias = Delta | Stale | Acked | Announced | Same | Whole | Asked | Answered
