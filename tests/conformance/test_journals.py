"""The contract of journals, run for each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.journal_answers import AnswerContract, FenceContract, LogContract
from tests.conformance.journal_contract import LIMIT, JournalContract
from tests.conformance.journal_places import MemoryPlace, Place, StoredPlace

from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.journal import Journal, MemoryJournal, SqliteJournal
from cloudstate.runtime.journal.sqlite import SqliteSettings

#: SQLite as it is, and with each lag and bound so small that every path is taken all the time.
SQLITE: dict[str, dict[str, Any]] = {
    "sqlite": {},
    "sqlite-thread": {"sync": "thread"},
    "sqlite-tight": {"index_lag": 1, "checkpoint_every": 1, "wal_limit": 1, "max_batch": 3},
    "sqlite-tight-thread": {"sync": "thread", "index_lag": 5, "checkpoint_every": 10_000, "wal_limit": 20_000},
}


@pytest.fixture(params=["memory", *SQLITE])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    if request.param == "memory":
        found: Place = MemoryPlace(MemoryJournal(SystemClock(), LIMIT))
    else:
        settings = SqliteSettings(max_append=LIMIT, **SQLITE[request.param])

        def make() -> Journal:
            return SqliteJournal(tmp_path / "journal.db", SystemClock(), settings)

        found = StoredPlace(make)
    await found.journal.open()
    yield found
    await found.journal.close()


@pytest.fixture
def journal(place: Place) -> Journal:
    return place.journal


class TestJournals(JournalContract, AnswerContract, FenceContract, LogContract):
    """Every test of the contract, for every journal."""
