"""A journal around another one: what it does not override, the other does."""

from __future__ import annotations

from collections.abc import Callable

from cloudstate.runtime.journal.port import (
    Appended,
    AppendEvents,
    EntityKey,
    Fence,
    History,
    Journal,
    Logged,
    Page,
    Value,
    WriteValue,
)


class JournalAround(Journal):
    """See ``Journal``.

    Args:
        journal: what does the work; whoever made it opens and closes it.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    @property
    def shared(self) -> bool:
        """See ``Journal.shared``."""
        return self._journal.shared

    async def open(self) -> None:
        """Does nothing."""

    async def close(self) -> None:
        """Does nothing."""

    async def load(
        self, entity: EntityKey, *, window: int = 0, schema: str | None = None, fence: Fence | None = None
    ) -> History:
        """See ``Journal.load``."""
        return await self._journal.load(entity, window=window, schema=schema, fence=fence)

    async def load_value(self, entity: EntityKey, *, window: int = 0, fence: Fence | None = None) -> Value:
        """See ``Journal.load_value``."""
        return await self._journal.load_value(entity, window=window, fence=fence)

    def submit(self, append: AppendEvents | WriteValue, done: Callable[[Appended], None]) -> None:
        """See ``Journal.submit``."""
        self._journal.submit(append, done)

    async def take_over(self, shard: str) -> Fence:
        """See ``Journal.take_over``."""
        return await self._journal.take_over(shard)

    async def partitions(self) -> list[str]:
        """See ``Journal.partitions``."""
        return await self._journal.partitions()

    async def read(self, partition: str, after: int, limit: int, types: frozenset[str] | None = None) -> Page:
        """See ``Journal.read``."""
        return await self._journal.read(partition, after, limit, types)

    async def events(self, entity: EntityKey, after: int, limit: int) -> list[Logged]:
        """See ``Journal.events``."""
        return await self._journal.events(entity, after, limit)

    async def entities(self, type: str, after: str | None, limit: int) -> list[EntityKey]:
        """See ``Journal.entities``."""
        return await self._journal.entities(type, after, limit)

    async def types(self) -> list[str]:
        """See ``Journal.types``."""
        return await self._journal.types()
