"""When what is kept for late messages only may be forgotten: tombstones, and the changes of nodes that have left.

A context costs one span per node that ever changed the entity, and a deleted entity a few bytes. Neither grows with
use, but nodes come and go. What is kept guards against messages from before. When every member of the cluster holds the
same record, byte for byte, and messages between two members arrive in the order in which they were sent, no such
message can come any more: the record is stable.

Nodes that have left may be forgotten by each member on its own. A tombstone may not: an entity that is created again
where it is forgotten starts with generation 0 and would meet the tombstones of others. So members tell each other that
they found it stable, and forget it when all have said so; one that has said so and still has it when the new entity
arrives forgets it then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b

from cloudstate.runtime.crdt.encoding import encode
from cloudstate.runtime.crdt.record import Record
from cloudstate.runtime.crdt.state import State


def digest(record: Record) -> bytes:
    """16 bytes that equal records have in common: what members tell each other."""
    return blake2b(encode(record), digest_size=16).digest()


def is_stable(record: Record, digests: Mapping[str, bytes], members: Iterable[str]) -> bool:
    """True if all members, the own one included, were last heard to hold exactly this record."""
    own = digest(record)
    return all(digests.get(member) == own for member in members)


def forgotten(record: Record, retired: Iterable[str]) -> Record | None:
    """A stable record without what was kept for late messages; None if nothing is left of it.

    Args:
        retired: nodes that will never change anything again.
    """
    if record.deleted:
        return None
    if record.state is None:
        return record
    alive = {dot.node for dot in record.state.facts}
    context = record.state.context.without(set(retired) - alive)
    return Record(record.generation, State(record.state.kind, record.state.facts, context))
