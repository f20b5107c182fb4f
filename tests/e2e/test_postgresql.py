"""The PostgreSQL journal and a real server: rights, versions, plans, and a server that fails, dies and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import asyncpg
import pytest
from tests.servers.postgresql import PostgreSQL, postgresql

from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.journal import (
    Answer,
    AppendEvents,
    EntityKey,
    JournalInvalid,
    JournalUnavailable,
    WriteValue,
    open_journal,
)
from cloudstate.runtime.journal.postgresql import PostgresJournal, PostgresSettings
from cloudstate.runtime.journal.postgresql.statements import Statements
from cloudstate.runtime.payload import Payload

ANN = EntityKey("cart", "ann")
ADDED = Payload("t/Added", b"a")
KEPT = Answer(1, "id", b"")
NUMBERS = count()
PATIENCE = 30.0


@pytest.fixture(scope="module")
def database() -> Iterator[PostgreSQL]:
    with postgresql() as running:
        yield running


@asynccontextmanager
async def opened(url: str, **settings: Any) -> AsyncIterator[PostgresJournal]:
    journal = PostgresJournal(PostgresSettings(url, **settings), SystemClock())
    await journal.open()
    try:
        yield journal
    finally:
        await journal.close()


async def execute(url: str, *statements: str) -> list[Any]:
    rows: list[Any] = []
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            rows = await connection.fetch(statement)
        return rows
    finally:
        await connection.close()


async def test_many_processes_make_the_tables_at_once(database: PostgreSQL) -> None:
    settings = PostgresSettings(database.url, schema="many", prefix="")
    journals = [PostgresJournal(settings, SystemClock()) for _ in range(8)]
    await asyncio.gather(*(journal.open() for journal in journals))
    appends = [
        journal.append(AppendEvents(EntityKey("cart", str(n)), 0, (ADDED,))) for n, journal in enumerate(journals)
    ]
    assert await asyncio.gather(*appends) == [1] * 8
    assert len(await journals[0].entities("cart", None, 100)) == 8
    await asyncio.gather(*(journal.close() for journal in journals))


async def test_a_newer_version_is_refused(database: PostgreSQL) -> None:
    async with opened(database.url, prefix="newer_"):
        pass
    await execute(database.url, "UPDATE newer_meta SET version = 99")
    with pytest.raises(JournalInvalid, match="has version 99, this version knows"):
        async with opened(database.url, prefix="newer_"):
            pass


async def test_the_rights_that_the_documentation_lists_are_enough(database: PostgreSQL) -> None:
    async with opened(database.url, prefix="rights_"):
        pass
    await execute(
        database.url,
        "CREATE ROLE clerk LOGIN",
        "GRANT USAGE ON SCHEMA public TO clerk",
        "GRANT SELECT ON rights_meta TO clerk",
        "GRANT SELECT, INSERT, UPDATE ON rights_shard, rights_head, rights_state TO clerk",
        "GRANT SELECT, INSERT ON rights_event TO clerk",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON rights_answer TO clerk",
    )
    clerk = database.url.replace("cloudstate@", "clerk@")
    async with opened(clerk, prefix="rights_") as journal:
        fence = await journal.take_over("s")
        assert await journal.append(AppendEvents(ANN, 0, (ADDED,), ADDED, fence=fence)) == 1
        assert await journal.append(WriteValue(EntityKey("w", "1"), 0, ADDED)) == 1
        assert (await journal.load(ANN, fence=fence)).sequence == 1


async def test_a_missing_right_is_named(database: PostgreSQL) -> None:
    async with opened(database.url, prefix="denied_"):
        pass
    await execute(database.url, "CREATE ROLE reader LOGIN", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    async with opened(database.url.replace("cloudstate@", "reader@"), prefix="denied_") as journal:
        with pytest.raises(
            JournalUnavailable, match=r"permission denied .*grant the rights that docs/journals.md lists"
        ):
            await journal.append(AppendEvents(ANN, 0, (ADDED,)))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (("/postgres", "/nowhere"), r"database \"nowhere\" does not exist \(create the database"),
        (("cloudstate@", "nobody@"), r"role \"nobody\" does not exist"),
        (("127.0.0.1:", "127.0.0.1:1"), "is not right"),
    ],
)
async def test_a_wrong_address_is_told(database: PostgreSQL, change: tuple[str, str], text: str) -> None:
    journal = open_journal(database.url.replace(*change), SystemClock())
    with pytest.raises((JournalUnavailable, JournalInvalid), match=text):
        await journal.open()


async def test_a_secret_is_never_told(database: PostgreSQL) -> None:
    url = database.url.replace("cloudstate@", "nobody:hunter2@")
    with pytest.raises(JournalUnavailable) as caught:
        await open_journal(url, SystemClock()).open()
    assert "hunter2" not in str(caught.value)


async def test_plans_use_the_indexes(database: PostgreSQL) -> None:
    """With many entities: whatever the planner thinks, no table is read from end to end."""
    async with opened(database.url, prefix="plans_") as journal:
        for first in range(0, 3000, 500):
            keys = [EntityKey("cart", str(n)) for n in range(first, first + 500)]
            await asyncio.gather(
                *(journal.append(AppendEvents(key, 0, (ADDED,) * 3, ADDED, answer=KEPT)) for key in keys)
            )
    await execute(database.url, "ANALYZE plans_head, plans_event, plans_state, plans_answer, plans_shard")
    statements = Statements(PostgresSettings(database.url, prefix="plans_"))
    key = "'cart'::bytea", "'77'::bytea"
    load = statements.load
    for number, value in ((5, "NULL"), (4, "''::bytea"), (3, "10"), (2, key[1]), (1, key[0])):
        load = load.replace(f"${number}", value)
    plan = "\n".join(row[0] for row in await execute(database.url, f"EXPLAIN {load}"))
    scanned = {line.split(" on ")[1].split()[0] for line in plan.splitlines() if "Seq Scan" in line}
    assert scanned <= {"plans_shard"}, plan


async def test_a_server_that_is_away_for_a_while(database: PostgreSQL) -> None:
    with postgresql() as server:
        async with opened(server.url, connect_timeout=1.0) as journal:
            assert await journal.append(AppendEvents(ANN, 0, (ADDED,))) == 1
            server.kill()
            with pytest.raises(JournalUnavailable):
                await journal.append(AppendEvents(ANN, 1, (ADDED,)))
            with pytest.raises(JournalUnavailable, match="nobody listens there") as caught:
                await journal.append(AppendEvents(ANN, 1, (ADDED,)))
            assert caught.value.retry_safe
            with pytest.raises(JournalUnavailable):
                await journal.load(ANN)
            server.start()
            async with asyncio.timeout(PATIENCE):
                assert await journal.append(AppendEvents(ANN, 1, (ADDED,))) == 2
                assert (await journal.load(ANN)).sequence == 2


async def test_killed_while_many_write(database: PostgreSQL) -> None:
    """What was acknowledged is there; what was refused for certain is not."""
    known: dict[str, int] = {}

    async def write(journal: PostgresJournal, id: str) -> None:
        while True:
            try:
                known[id] = await journal.append(AppendEvents(EntityKey("cart", id), known.get(id, 0), (ADDED,)))
            except JournalUnavailable:
                return
            if sum(known.values()) >= 2000:
                server.kill()

    with postgresql() as server:
        async with opened(server.url) as journal:
            await asyncio.gather(*(write(journal, str(n)) for n in range(32)))
            server.start()
            for id, sequence in known.items():
                assert sequence <= (await journal.load(EntityKey("cart", id))).sequence <= sequence + 1


async def test_bad_text_fails_alone(database: PostgreSQL) -> None:
    async with opened(database.url, prefix="text_") as journal:
        results = await asyncio.gather(
            journal.append(AppendEvents(ANN, 0, (Payload("nul\0", b""),))),
            journal.append(AppendEvents(EntityKey("cart", "bob"), 0, (ADDED,))),
            return_exceptions=True,
        )
    assert isinstance(results[0], JournalUnavailable)
    assert results[0].retry_safe is False
    assert results[1] == 1
