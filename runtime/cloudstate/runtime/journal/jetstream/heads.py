"""What is known of entities' last messages."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from cloudstate.runtime.journal.jetstream.record import Record
from cloudstate.runtime.journal.port import EntityKey


class Head(NamedTuple):
    """An entity's last message.

    Attributes:
        place: in the stream; 0: there is none.
        sequence: the entity's.
        shard, epoch: of its writer.
    """

    place: int
    sequence: int
    shard: str
    epoch: int


NOTHING = Head(0, 0, "", 0)


def head_of(place: int, record: Record) -> Head:
    """What a message says."""
    return Head(place, record.sequence, record.shard, record.epoch)


class Heads:
    """The last messages of the entities that were used last. What is wrong in it costs a request, nothing else."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._heads: OrderedDict[EntityKey, Head] = OrderedDict()

    def get(self, entity: EntityKey) -> Head | None:
        """What is known; None: nothing."""
        return self._heads.get(entity)

    def put(self, entity: EntityKey, head: Head) -> None:
        """This is known now."""
        self._heads[entity] = head
        self._heads.move_to_end(entity)
        if len(self._heads) > self._limit:
            self._heads.popitem(last=False)

    def forget(self, entity: EntityKey) -> None:
        """What was known may be wrong."""
        self._heads.pop(entity, None)
