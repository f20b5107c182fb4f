"""Answers in the SQLite journal: found after a crash, forgotten when they are old; files of the first format."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.unit.runtime.journal.sqlite_files import crashed, opened

from cloudstate.runtime.journal import Answer, AppendEvents, EntityKey, Fence, Fenced, Snapshot, WriteValue
from cloudstate.runtime.journal.limits import RETENTION
from cloudstate.runtime.journal.sqlite import SqliteJournal, SqliteSettings, log, schema
from cloudstate.runtime.payload import Payload

CART, BOB = EntityKey("cart", "alice"), EntityKey("cart", "bob")
EVENT, STATE = Payload("t/Added", b"a"), Payload("t/Cart", b"c")


class SetClock:
    """A clock whose wall time the test sets."""

    now = 1_700_000_000.0

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return 0.0


async def test_crash_keeps_answers_and_epochs(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db") as journal:
        fence = await journal.take_over("s")
        await journal.append(AppendEvents(CART, 0, (EVENT,), answer=Answer(1, "a", b"1"), fence=fence))
        await journal.append(AppendEvents(BOB, 0, (), answer=Answer(1, "b", b"2")))
        copy = crashed(tmp_path / "j.db", tmp_path / "crash")
    async with opened(copy) as journal:
        assert (await journal.load(CART, window=5)).answers == (Answer(1, "a", b"1"),)
        assert (await journal.load(BOB, window=5)).answers == (Answer(1, "b", b"2"),)
        assert await journal.take_over("s") == Fence("s", 2)
        with pytest.raises(Fenced):
            await journal.append(AppendEvents(CART, 1, (EVENT,), fence=fence))


async def test_old_answers_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_FORGET_EVERY", 10)
    clock = SetClock()
    journal = SqliteJournal(tmp_path / "j.db", clock, SqliteSettings())
    await journal.open()
    for number in range(1, 26):
        await journal.append(AppendEvents(CART, 0, (), answer=Answer(number, f"id-{number}", b"")))
    assert len((await journal.load(CART, window=100)).answers) == 25
    clock.now += RETENTION + 1
    for number in range(26, 36):
        await journal.append(AppendEvents(CART, 0, (), answer=Answer(number, f"id-{number}", b"")))
    kept = (await journal.load(CART, window=100)).answers
    await journal.close()
    assert [answer.number for answer in kept][-1] == 35
    assert 10 <= len(kept) <= 15


async def test_file_of_the_first_format_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "j.db"
    with closing(schema.connect(path)) as connection, monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        schema.prepare(connection, path)
        connection.execute("INSERT INTO name VALUES (1, 'cart'), (2, 't/Added'), (3, 't/Cart')")
        connection.execute("INSERT INTO event VALUES (1, 1, 'alice', 1, 0, 2, 1000000, x'61')")
        connection.execute("INSERT INTO state VALUES (1, 1, 'alice', 1, 3, 1000000, x'63')")
    async with opened(path) as journal:
        history = await journal.load(CART, window=5, schema="")
        assert (history.snapshot, history.sequence, history.answers) == (Snapshot(1, STATE), 1, ())
        await journal.append(AppendEvents(CART, 1, (EVENT,), STATE, "v2", Answer(1, "a", b"")))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)


async def test_value_keeps_no_schema(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db") as journal:
        await journal.append(AppendEvents(CART, 0, (EVENT,), STATE, "v1"))
        await journal.append(WriteValue(CART, 1, STATE))
        assert (await journal.load(CART, schema="")).snapshot == Snapshot(2, STATE)
