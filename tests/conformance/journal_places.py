"""Where the journals of the suites keep their data: one place for each kind of journal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from cloudstate.runtime.journal import Journal


class Place(Protocol):
    """Where a journal keeps its data."""

    journal: Journal

    async def reopen(self) -> Journal:
        """Close the journal and open what it left."""
        ...


class MemoryPlace:
    """What is in memory is in the journal itself."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    async def reopen(self) -> Journal:
        """See ``Place.reopen``."""
        await self.journal.close()
        await self.journal.open()
        return self.journal


class StoredPlace:
    """Reopening is what another process would do: a new journal on the same store."""

    def __init__(self, make: Callable[[], Journal]) -> None:
        self.make = make
        self.journal = make()

    async def reopen(self) -> Journal:
        """See ``Place.reopen``."""
        await self.journal.close()
        self.journal = self.make()
        await self.journal.open()
        return self.journal
