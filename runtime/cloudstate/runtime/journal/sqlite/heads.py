"""Entities' heads in memory, in three generations, so that the writer seldom has to look one up.

    dirty    changed since the index was last written; cannot be forgotten, the index does not have them
    writing  being written to the index now
    clean    the index has them: a cache, dropped whole when it is full

The generations bound the memory: dirty and writing by how often the index is written, clean by its limit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cloudstate.runtime.journal.sqlite.plan import Head, Key

_CLEAN_LIMIT = 100_000


class Heads:
    """The committed heads.

    Args:
        find: looks up the head of an entity that is in none of the generations; NEW if there is none.
    """

    def __init__(self, find: Callable[[Key], Head]) -> None:
        self._find = find
        self._dirty: dict[Key, Head] = {}
        self._writing: dict[Key, Head] = {}
        self._clean: dict[Key, Head] = {}

    def get(self, entity: Key) -> Head:
        """The committed head of an entity; NEW if it was never written. The key is a plain tuple (see ``plan``)."""
        head = self._dirty.get(entity) or self._writing.get(entity) or self._clean.get(entity)
        if head is None:
            head = self._find(entity)
            if len(self._clean) >= _CLEAN_LIMIT:
                self._clean = {}
            self._clean[entity] = head
        return head

    def adopt(self, heads: Mapping[Key, Head]) -> None:
        """These were committed."""
        self._dirty.update(heads)

    def unindexed(self) -> list[Key]:
        """The entities that the index may not know yet."""
        return [*self._dirty, *self._writing]

    @property
    def dirty(self) -> int:
        """How many entities the index does not have as they are."""
        return len(self._dirty) + len(self._writing)

    def start_writing(self) -> Mapping[Key, Head]:
        """Everything that is dirty, to be written to the index; follow with ``written`` or ``not_written``."""
        self._writing, self._dirty = self._dirty, {}
        return self._writing

    def written(self) -> None:
        """The index has what ``start_writing`` gave."""
        self._clean, self._writing = self._writing, {}

    def not_written(self) -> None:
        """The index does not have it; it will be part of the next attempt."""
        self._writing.update(self._dirty)
        self._dirty, self._writing = self._writing, {}
