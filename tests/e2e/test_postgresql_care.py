"""What keeps a PostgreSQL journal going for years: upgrades, pruning, plans, copies that only read, TLS, warnings."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.servers.postgresql import PostgreSQL, postgresql

from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.journal import Answer, AppendEvents, EntityKey, Fence, JournalUnavailable, open_journal
from cloudstate.runtime.journal.limits import RETENTION
from cloudstate.runtime.journal.postgresql import PostgresJournal, PostgresSettings, schema
from cloudstate.runtime.journal.postgresql.statements import Statements
from cloudstate.runtime.payload import Payload

ANN = EntityKey("cart", "ann")
BOB = EntityKey("cart", "bob")
ADDED = Payload("t/Added", b"a")


class HandClock:
    """A clock that the test sets."""

    now = 1_700_000_000.0

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def database() -> Iterator[PostgreSQL]:
    with postgresql() as running:
        yield running


@asynccontextmanager
async def opened(url: str, clock: HandClock | None = None, **settings: Any) -> AsyncIterator[PostgresJournal]:
    journal = PostgresJournal(PostgresSettings(url, **settings), clock or SystemClock())
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
    finally:
        await connection.close()
    return rows


async def test_an_older_version_is_brought_up_by_many_at_once(
    database: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database.url, prefix="up_") as journal:
        await journal.append(AppendEvents(ANN, 0, (ADDED,)))
    step = "CREATE TABLE {t}more (one int);\nCREATE INDEX {n}more_one ON {t}more (one)"
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, step))
    journals = [PostgresJournal(PostgresSettings(database.url, prefix="up_"), SystemClock()) for _ in range(6)]
    await asyncio.gather(*(journal.open() for journal in journals))
    assert [(await journal.load(ANN)).sequence for journal in journals] == [1] * 6
    await asyncio.gather(*(journal.close() for journal in journals))
    assert (await execute(database.url, "SELECT version FROM up_meta"))[0][0] == len(schema.MIGRATIONS)


async def test_a_step_that_fails_leaves_the_older_version(
    database: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database.url, prefix="half_"):
        pass
    with monkeypatch.context() as changed:
        changed.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, "CREATE TABLE {t}more (one int);\nSELECT 1 / 0"))
        with pytest.raises(JournalUnavailable, match="division by zero"):
            async with opened(database.url, prefix="half_"):
                pass
    async with opened(database.url, prefix="half_") as journal:
        assert await journal.append(AppendEvents(ANN, 0, (ADDED,))) == 1
    assert await execute(database.url, "SELECT 1 FROM pg_tables WHERE tablename = 'half_more'") == []


async def test_answers_are_forgotten_when_they_are_old_and_events_never(database: PostgreSQL) -> None:
    clock = HandClock()
    async with opened(database.url, clock, prefix="old_", forget_every=0.0) as journal:
        await journal.append(AppendEvents(ANN, 0, (ADDED,), answer=Answer(1, "a", b"1")))
        clock.now += RETENTION - 1
        await journal.append(AppendEvents(BOB, 0, (ADDED,), answer=Answer(1, "b", b"2")))
        assert len((await journal.load(ANN, window=9)).answers) == 1
        clock.now += 2
        await journal.append(AppendEvents(BOB, 1, (ADDED,), answer=Answer(2, "c", b"3")))
        await journal.append(AppendEvents(BOB, 2, (ADDED,)))  # written after what the batch before it left to forget
        assert (await journal.load(ANN, window=9)).answers == ()
        assert [kept.command_id for kept in (await journal.load(BOB, window=9)).answers] == ["b", "c"]
        assert (await journal.load(ANN)).events == [(1, ADDED)]


async def test_every_plan_uses_indexes_also_when_made_for_any_arguments(database: PostgreSQL) -> None:
    """As a server keeps it for a prepared statement: no table but that of the shards is read from end to end."""
    settings = PostgresSettings(database.url, prefix="plan_")
    async with opened(database.url, prefix="plan_") as journal:
        for first in range(0, 3000, 500):
            keys = [EntityKey("cart", str(n)) for n in range(first, first + 500)]
            await asyncio.gather(
                *(journal.append(AppendEvents(key, 0, (ADDED,) * 3, ADDED, answer=Answer(1, "", b""))) for key in keys)
            )
    statements = Statements(settings)
    counts = {"write": 23, "actual": 3, "load": 5, "load_value": 4, "read": 5, "events": 4, "entities": 3}
    connection = await asyncpg.connect(database.url)
    try:
        await connection.execute("ANALYZE; SET plan_cache_mode = force_generic_plan")
        for name, count in counts.items():
            await connection.execute(f"PREPARE {name} AS {getattr(statements, name)}")
            nothing = ", ".join(["NULL"] * count)
            rows = await connection.fetch(f"EXPLAIN EXECUTE {name} ({nothing})")
            plan = [row[0] for row in rows]
            scanned = {line.split(" on ")[1].split()[0] for line in plan if "Seq Scan" in line}
            assert scanned <= {"plan_shard"}, (name, "\n".join(plan))
        await connection.execute(f"PREPARE forget AS {statements.forget}")
        plan = [row[0] for row in await connection.fetch("EXPLAIN EXECUTE forget (1)")]
        assert any("plan_answer_written" in line for line in plan), plan  # what to delete is found, not sought
    finally:
        await connection.close()


async def test_a_follower_sees_what_many_processes_commit_in_any_order(database: PostgreSQL) -> None:
    """They write to the same partitions; each offset that was passed hides nothing."""
    journals = [PostgresJournal(PostgresSettings(database.url, prefix="tail_"), SystemClock()) for _ in range(4)]
    await asyncio.gather(*(journal.open() for journal in journals))
    fence = await journals[0].take_over("s")
    seen: dict[EntityKey, list[int]] = {}

    async def write(journal: PostgresJournal, id: str, fence: Fence | None) -> None:
        for n in range(25):
            await journal.append(AppendEvents(EntityKey("cart", id), n, (ADDED,), fence=fence))

    async def follow(partition: str, total: int) -> None:
        offset = count = 0
        while count < total:
            page = await journals[0].read(partition, offset, 7)
            assert all(at.offset > offset for at in page.events)
            for at in page.events:
                seen.setdefault(at.entity, []).append(at.sequence)
            offset, count = page.upto, count + len(page.events)

    async with asyncio.timeout(60):
        await asyncio.gather(
            follow("", 200),
            follow("s", 200),
            *(write(journal, f"{n}-{m}", None) for n, journal in enumerate(journals) for m in range(2)),
            *(write(journal, f"s{n}-{m}", fence) for n, journal in enumerate(journals) for m in range(2)),
        )
    assert len(seen) == 16
    assert all(sequences == list(range(1, 26)) for sequences in seen.values())
    await asyncio.gather(*(journal.close() for journal in journals))


async def test_a_shard_without_row_is_told_and_does_not_hold_others_up(database: PostgreSQL) -> None:
    async with opened(database.url, prefix="lost_") as journal, asyncio.timeout(30):
        refused = journal.append(AppendEvents(ANN, 0, (ADDED,), fence=Fence("never", 1)))
        fine = journal.append(AppendEvents(BOB, 0, (ADDED,)))
        with pytest.raises(JournalUnavailable, match="no row for shard `never`: nobody took it over") as caught:
            await refused
        assert caught.value.retry_safe
        assert await fine == 1


async def test_text_that_is_not_unicode_fails_alone(database: PostgreSQL) -> None:
    async with opened(database.url, prefix="half_text_") as journal, asyncio.timeout(30):
        bad = journal.append(AppendEvents(ANN, 0, (ADDED,), answer=Answer(1, "\ud800", b"")))
        fine = journal.append(AppendEvents(BOB, 0, (ADDED,)))
        with pytest.raises(JournalUnavailable, match="not Unicode"):
            await bad
        assert await fine == 1


async def test_a_table_without_any_right_is_told(database: PostgreSQL) -> None:
    async with opened(database.url, prefix="shut_"):
        pass
    await execute(database.url, "CREATE ROLE stranger LOGIN", "GRANT ALL ON SCHEMA public TO stranger")
    with pytest.raises(JournalUnavailable, match=r"permission denied for table shut_meta \(grant the rights"):
        async with opened(database.url.replace("cloudstate@", "stranger@"), prefix="shut_"):
            pass


async def test_a_copy_that_only_reads_is_told_and_left(database: PostgreSQL) -> None:
    """As after a failover: the connections are given up, and the next ones write."""
    async with opened(database.url, prefix="copy_"):
        pass
    await execute(
        database.url,
        "CREATE ROLE moved LOGIN",
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO moved",
        "ALTER ROLE moved SET default_transaction_read_only = on",
    )
    async with opened(database.url.replace("cloudstate@", "moved@"), prefix="copy_") as journal:
        with pytest.raises(JournalUnavailable, match="it is a copy that only reads: name the primary") as caught:
            await journal.append(AppendEvents(ANN, 0, (ADDED,)))
        assert caught.value.retry_safe
        with pytest.raises(JournalUnavailable, match="it is a copy that only reads"):
            await journal.take_over("s")
        await execute(database.url, "ALTER ROLE moved RESET default_transaction_read_only")
        assert await journal.append(AppendEvents(ANN, 0, (ADDED,))) == 1
        assert await journal.take_over("s") == Fence("s", 1)


async def test_a_server_that_may_lose_commits_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    with postgresql(synchronous_commit="off") as server, caplog.at_level(logging.WARNING):
        async with opened(server.url):
            pass
    assert "has synchronous_commit=off: what is acknowledged can be lost" in caplog.text


async def test_over_tls_the_certificate_is_checked(database: PostgreSQL, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    right, wrong = certificate(tmp_path / "right"), certificate(tmp_path / "wrong")
    async with in_tls(database, right) as url:
        async with opened(f"{url}?sslmode=verify-full&sslrootcert={right}/certificate") as journal:
            assert await journal.append(AppendEvents(EntityKey("tls", "1"), 0, (ADDED,))) == 1
        journal = PostgresJournal(
            PostgresSettings(f"{url}?sslmode=verify-full&sslrootcert={wrong}/certificate"), SystemClock()
        )
        with pytest.raises(JournalUnavailable, match="TLS failed: check sslmode, sslrootcert"):
            await journal.open()
    unencrypted = open_journal(f"{database.url}?sslmode=require", SystemClock())
    with pytest.raises(JournalUnavailable, match="SSL"):
        await unencrypted.open()


def certificate(directory: Path) -> Path:
    """A directory with a key and a certificate for this machine, signed by itself."""
    directory.mkdir()
    made = ["-keyout", f"{directory}/key", "-out", f"{directory}/certificate", "-days", "2", "-subj", "/CN=localhost"]
    named = ["-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *made, *named]
    subprocess.run(command, check=True, capture_output=True)
    return directory


@asynccontextmanager
async def in_tls(database: PostgreSQL, keys: Path) -> AsyncIterator[str]:
    """The server behind TLS: its own binaries have none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys / "certificate", keys / "key")
    host, _, port = database.url.rpartition("@")[2].partition("/")[0].partition(":")

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)  # the client asks whether there is TLS
        writer.write(b"S")
        try:
            await writer.start_tls(context)
        except (OSError, asyncio.CancelledError):
            writer.close()
            return
        inner_reader, inner_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(pass_on(reader, inner_writer), pass_on(inner_reader, writer))

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        outside = listening.sockets[0].getsockname()[1]
        yield database.url.replace(f":{port}/", f":{outside}/")
