"""The journal as the owner of shards uses it: every load and every append carries the fence of its entity's shard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from cloudstate.runtime.journal import AppendEvents, EntityKey, Fence, Fenced, History, Journal, Value, WriteValue
from cloudstate.runtime.journal.around import JournalAround
from cloudstate.runtime.journal.errors import JournalUnavailable
from cloudstate.runtime.journal.port import Appended


class Fences(Protocol):
    """Whoever owns shards."""

    def fence_of(self, entity_id: str) -> Fence | None:
        """The fence of an entity's shard; None: it is not owned here, or no longer."""
        ...

    def fenced(self, fence: Fence) -> None:
        """The journal knows a newer owner of the fence's shard."""
        ...


class OwnedJournal(JournalAround):
    """See ``Journal``. What belongs to a shard that is not owned here is neither read nor written."""

    def __init__(self, journal: Journal, fences: Fences) -> None:
        super().__init__(journal)
        self._fences = fences

    async def load(
        self, entity: EntityKey, *, window: int = 0, schema: str | None = None, fence: Fence | None = None
    ) -> History:
        """See ``Journal.load``."""
        fence = self._fence(entity)
        try:
            return await super().load(entity, window=window, schema=schema, fence=fence)
        except Fenced:
            self._fences.fenced(fence)
            raise

    async def load_value(self, entity: EntityKey, *, window: int = 0, fence: Fence | None = None) -> Value:
        """See ``Journal.load_value``."""
        fence = self._fence(entity)
        try:
            return await super().load_value(entity, window=window, fence=fence)
        except Fenced:
            self._fences.fenced(fence)
            raise

    def submit(self, append: AppendEvents | WriteValue, done: Callable[[Appended], None]) -> None:
        """See ``Journal.submit``."""
        fence = self._fences.fence_of(append.entity.id)
        if fence is None:
            done(_not_here(append.entity))
            return

        def written(result: Appended) -> None:
            if isinstance(result, Fenced):
                self._fences.fenced(fence)
            done(result)

        super().submit(append._replace(fence=fence), written)

    def _fence(self, entity: EntityKey) -> Fence:
        fence = self._fences.fence_of(entity.id)
        if fence is None:
            raise _not_here(entity)
        return fence


def _not_here(entity: EntityKey) -> JournalUnavailable:
    return JournalUnavailable(f"`{entity.type}` entity `{entity.id}` has just moved; try again", retry_safe=True)
