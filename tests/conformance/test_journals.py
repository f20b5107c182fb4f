"""The contract of journals, run for each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.journal_contract import LIMIT, JournalContract

from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.journal import Journal, MemoryJournal, SqliteJournal
from cloudstate.runtime.journal.sqlite import SqliteSettings


@dataclass
class MemoryPlace:
    """What is in memory is in the journal itself."""

    journal: Journal

    async def reopen(self) -> Journal:
        await self.journal.close()
        await self.journal.open()
        return self.journal


@dataclass
class FilePlace:
    """Reopening is what another process would do: a new journal on the same file."""

    make: Callable[[], Journal]
    journal: Journal

    async def reopen(self) -> Journal:
        await self.journal.close()
        self.journal = self.make()
        await self.journal.open()
        return self.journal


#: SQLite as it is, and with each lag and bound so small that every path is taken all the time.
SQLITE: dict[str, dict[str, Any]] = {
    "sqlite": {},
    "sqlite-thread": {"sync": "thread"},
    "sqlite-tight": {"index_lag": 1, "checkpoint_every": 1, "wal_limit": 1, "max_batch": 3},
    "sqlite-tight-thread": {"sync": "thread", "index_lag": 5, "checkpoint_every": 10_000, "wal_limit": 20_000},
}


@pytest.fixture(params=["memory", *SQLITE])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MemoryPlace | FilePlace]:
    if request.param == "memory":
        found: MemoryPlace | FilePlace = MemoryPlace(MemoryJournal(SystemClock(), LIMIT))
    else:
        settings = SqliteSettings(max_append=LIMIT, **SQLITE[request.param])

        def make() -> Journal:
            return SqliteJournal(tmp_path / "journal.db", SystemClock(), settings)

        found = FilePlace(make, make())
    await found.journal.open()
    yield found
    await found.journal.close()


@pytest.fixture
def journal(place: MemoryPlace | FilePlace) -> Journal:
    return place.journal


class TestJournals(JournalContract):
    """Every test of the contract, for every journal."""
