"""Which files are taken for a journal, and which are refused with a sentence."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.unit.runtime.journal.sqlite_files import CART, EVENT, crashed, damage, fill, load_all, opened

from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.journal import AppendEvents, JournalError, JournalInvalid, JournalUnavailable, SqliteJournal
from cloudstate.runtime.journal.sqlite import schema

HOLD_THE_LOCK = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
file.write("4242\\n")
file.flush()
print("held", flush=True)
sys.stdin.read()
"""


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


async def open_and_load_all(path: Path, entities: int) -> None:
    async with opened(path) as journal:
        await load_all(journal, entities)


async def refused(path: Path) -> JournalError:
    """Why a journal cannot be opened; it must be able to try again."""
    journal = SqliteJournal(path, SystemClock())
    with pytest.raises((JournalInvalid, JournalUnavailable)) as raised:
        await journal.open()
    with pytest.raises(type(raised.value)):
        await journal.open()
    assert str(path.name) in str(raised.value)
    return raised.value


async def test_file_says_what_it_is(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db"):
        pass
    with closing(sqlite3.connect(tmp_path / "j.db")) as connection:
        assert schema.pragma(connection, "application_id") == schema.APPLICATION_ID
        assert schema.pragma(connection, "user_version") == len(schema.MIGRATIONS)


async def test_directory_is_made(tmp_path: Path) -> None:
    async with opened(tmp_path / "a" / "b" / "j.db") as journal:
        assert await journal.append(AppendEvents(CART, 0, (EVENT,))) == 1


async def test_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    error = await refused(tmp_path / "file" / "j.db")
    assert "directory" in str(error)
    assert error.retry_safe is True


async def test_path_of_a_directory(tmp_path: Path) -> None:
    (tmp_path / "j.db").mkdir()
    assert "cannot be opened" in str(await refused(tmp_path / "j.db"))


async def test_other_peoples_database(tmp_path: Path) -> None:
    execute(tmp_path / "j.db", "CREATE TABLE shop (name TEXT)")
    assert "not a journal" in str(await refused(tmp_path / "j.db"))
    with closing(sqlite3.connect(tmp_path / "j.db")) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("shop",)]
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


@pytest.mark.parametrize("pragma", ["application_id = 7", "user_version = 7"])
async def test_other_peoples_empty_database(tmp_path: Path, pragma: str) -> None:
    execute(tmp_path / "j.db", f"PRAGMA {pragma}")
    assert "not a journal" in str(await refused(tmp_path / "j.db"))


async def test_newer_format(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db"):
        pass
    execute(tmp_path / "j.db", "PRAGMA user_version = 99")
    error = await refused(tmp_path / "j.db")
    assert isinstance(error, JournalInvalid)
    assert "format 99" in str(error)


async def test_older_format_is_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path / "j.db") as journal:
        await journal.append(AppendEvents(CART, 0, (EVENT,)))

    def add_column(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE later (number INTEGER PRIMARY KEY) STRICT")

    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, add_column))
    async with opened(tmp_path / "j.db") as journal:
        assert (await journal.load(CART)).sequence == 1
    with closing(sqlite3.connect(tmp_path / "j.db")) as connection:
        assert schema.pragma(connection, "user_version") == len(schema.MIGRATIONS)
        assert connection.execute("SELECT count(*) FROM later").fetchone() == (0,)


async def test_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path / "j.db"):
        pass

    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE later (number INTEGER)")
        raise sqlite3.OperationalError("no")

    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, fail))
        await refused(tmp_path / "j.db")
    with closing(sqlite3.connect(tmp_path / "j.db")) as connection:
        assert schema.pragma(connection, "user_version") == len(schema.MIGRATIONS)
        assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'later'").fetchone() == (0,)


async def test_not_a_database(tmp_path: Path) -> None:
    (tmp_path / "j.db").write_bytes(b"hello, I am a text file\n" * 500)
    error = await refused(tmp_path / "j.db")
    assert isinstance(error, JournalInvalid)
    assert "not a SQLite database" in str(error)


@pytest.mark.parametrize("size", [100, 4096, 10_000, 40_000])
async def test_truncated_database(tmp_path: Path, size: int) -> None:
    async with opened(tmp_path / "j.db") as journal:
        await fill(journal, 50, 50)
    os.truncate(tmp_path / "j.db", size)
    with pytest.raises(JournalInvalid) as raised:
        await open_and_load_all(tmp_path / "j.db", 50)
    assert "damaged" in str(raised.value) or "not a SQLite database" in str(raised.value)


async def test_damaged_page_is_found_when_it_is_read(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db") as journal:
        await fill(journal, 50, 50, snapshot_every=100)
    damage(tmp_path / "j.db", range(20, 21))
    async with opened(tmp_path / "j.db") as journal:
        with pytest.raises(JournalInvalid, match="damaged"):
            await load_all(journal, 50)
        assert await journal.append(AppendEvents(CART, 0, (EVENT,))) == 1


async def test_end_of_the_log_that_was_lost_is_noticed(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db", index_lag=1) as journal:
        await fill(journal, 20, 20)
        copy = crashed(tmp_path / "j.db", tmp_path / "crash")
    os.truncate(f"{copy}-wal", 100_000)
    error = await refused(copy)
    assert isinstance(error, JournalInvalid)
    assert "lacks records" in str(error)
    assert f"{copy}-index" in str(error)


async def test_torn_end_of_the_write_ahead_log_is_an_append_that_never_was(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db") as journal:
        await fill(journal, 1, 100)
        copy = crashed(tmp_path / "j.db", tmp_path / "crash")
    size = os.stat(f"{copy}-wal").st_size
    os.truncate(f"{copy}-wal", size - 10)
    async with opened(copy) as journal:
        history = await journal.load(CART._replace(id="user-0"))
        assert history.sequence == 99
        assert await journal.append(AppendEvents(CART._replace(id="user-0"), 99, (EVENT,))) == 100


async def test_index_of_another_journal_is_not_used(tmp_path: Path) -> None:
    for name in ("one.db", "two.db"):
        async with opened(tmp_path / name) as journal:
            await fill(journal, 5 if name == "one.db" else 50, 3)
    os.replace(tmp_path / "two.db-index", tmp_path / "one.db-index")
    async with opened(tmp_path / "one.db") as journal:
        assert (await journal.load(CART._replace(id="user-4"))).sequence == 3
        assert (await journal.load(CART._replace(id="user-5"))).sequence == 0


@pytest.mark.parametrize("content", [b"", b"x", b"not a database" * 1000])
async def test_index_that_is_no_index_is_made_again(tmp_path: Path, content: bytes) -> None:
    async with opened(tmp_path / "j.db") as journal:
        await fill(journal, 5, 3)
    (tmp_path / "j.db-index").write_bytes(content)
    async with opened(tmp_path / "j.db") as journal:
        assert (await journal.load(CART._replace(id="user-4"))).sequence == 3


async def test_damaged_index_is_named(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db") as journal:
        await fill(journal, 5000, 1)
    damage(tmp_path / "j.db-index", range(3, 20))
    async with opened(tmp_path / "j.db") as journal:
        with pytest.raises(JournalInvalid, match=r"index `.*j.db-index` is damaged"):
            await load_all(journal, 5000)


async def test_second_journal_of_this_process_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db") as journal:
        error = await refused(tmp_path / "j.db")
        assert isinstance(error, JournalUnavailable)
        assert str(os.getpid()) in str(error)
        assert await journal.append(AppendEvents(CART, 0, (EVENT,))) == 1
    async with opened(tmp_path / "j.db") as journal:
        assert (await journal.load(CART)).sequence == 1


async def test_journal_in_use_by_another_process(tmp_path: Path) -> None:
    command = (sys.executable, "-c", HOLD_THE_LOCK, f"{tmp_path}/j.db-lock")
    process = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"held\n"
    error = str(await refused(tmp_path / "j.db"))
    await process.communicate(b"")
    assert "in use by another process" in error
    assert "4242" in error
    assert "j.db-lock" in error
    async with opened(tmp_path / "j.db"):
        pass


async def test_other_processes_may_read_while_it_is_served(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db") as journal:
        await fill(journal, 3, 4)
        with closing(sqlite3.connect(f"file:{tmp_path}/j.db?mode=ro", uri=True)) as reader:
            reader.execute("BEGIN")
            assert reader.execute("SELECT count(*), max(offset) FROM event").fetchone() == (12, 12)
            assert await journal.append(AppendEvents(CART, 0, (EVENT,))) == 1
            assert reader.execute("SELECT count(*) FROM event").fetchone() == (12,)
            reader.execute("COMMIT")
            assert reader.execute("SELECT count(*) FROM event").fetchone() == (13,)
