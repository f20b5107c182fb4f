"""The contract of journals, run for each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.journal_answers import AnswerContract, FenceContract, LogContract
from tests.conformance.journal_contract import LIMIT, JournalContract
from tests.conformance.journal_places import MemoryPlace, Place, StoredPlace
from tests.servers.nats import Nats, nats, url
from tests.servers.postgresql import PostgreSQL, postgresql

from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.journal import Journal, MemoryJournal, SqliteJournal
from cloudstate.runtime.journal.jetstream import JetStreamJournal, parse
from cloudstate.runtime.journal.postgresql import PostgresJournal, PostgresSettings
from cloudstate.runtime.journal.sqlite import SqliteSettings

NUMBERS = count()

#: SQLite as it is, and with each lag and bound so small that every path is taken all the time.
SQLITE: dict[str, dict[str, Any]] = {
    "sqlite": {},
    "sqlite-thread": {"sync": "thread"},
    "sqlite-tight": {"index_lag": 1, "checkpoint_every": 1, "wal_limit": 1, "max_batch": 3},
    "sqlite-tight-thread": {"sync": "thread", "index_lag": 5, "checkpoint_every": 10_000, "wal_limit": 20_000},
}


#: PostgreSQL as it is, and with batches so small that every path is taken all the time.
POSTGRESQL: dict[str, dict[str, Any]] = {"postgresql": {}, "postgresql-tight": {"max_batch": 3, "readers": 1}}


@pytest.fixture(scope="session")
def database() -> Iterator[PostgreSQL]:
    with postgresql() as running:
        yield running


def in_database(running: PostgreSQL, **settings: Any) -> Place:
    """A journal with tables of its own."""
    chosen = PostgresSettings(running.url, prefix=f"t{next(NUMBERS)}_", max_append=LIMIT, **settings)
    return StoredPlace(lambda: PostgresJournal(chosen, SystemClock()))


#: JetStream as it is, and with batches and a memory so small that every path is taken all the time.
JETSTREAM: dict[str, dict[str, Any]] = {"jetstream": {}, "jetstream-tight": {"max_batch": 3, "max_heads": 2}}


@pytest.fixture(scope="session")
def messaging() -> Iterator[list[Nats]]:
    with nats() as running:
        yield running


def in_stream(running: list[Nats], **settings: Any) -> Place:
    """A journal with a stream of its own."""
    chosen = replace(parse(url(running, f"T{next(NUMBERS)}")), max_append=LIMIT, **settings)
    return StoredPlace(lambda: JetStreamJournal(chosen, SystemClock()))


@pytest.fixture(params=["memory", *SQLITE, *POSTGRESQL, *JETSTREAM])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    if request.param == "memory":
        found: Place = MemoryPlace(MemoryJournal(SystemClock(), LIMIT))
    elif request.param in POSTGRESQL:
        found = in_database(request.getfixturevalue("database"), **POSTGRESQL[request.param])
    elif request.param in JETSTREAM:
        found = in_stream(request.getfixturevalue("messaging"), **JETSTREAM[request.param])
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
