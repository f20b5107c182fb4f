"""SQLite's online backup gives a journal, as docs/operations.md promises; an older copy is not taken for the newer."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.journal import AppendEvents, EntityKey, JournalInvalid, SqliteJournal
from cloudstate.runtime.payload import Payload

CART = EntityKey("cart", "ada")


async def append(journal: SqliteJournal, expected: int, count: int) -> int:
    for _ in range(count):
        expected = await journal.append(AppendEvents(CART, expected, (Payload("t", b"event"),)))
    return expected


@pytest.fixture
async def copied(tmp_path: Path) -> Path:
    """``shop.db`` with 7 events, closed, and ``copy.db``, made while it was in use and had 4."""
    journal = SqliteJournal(tmp_path / "shop.db", SystemClock())
    await journal.open()
    await append(journal, 0, 4)
    with (
        closing(sqlite3.connect(tmp_path / "shop.db")) as source,
        closing(sqlite3.connect(tmp_path / "copy.db")) as copy,
    ):
        source.backup(copy)
    await append(journal, 4, 3)
    await journal.close()
    return tmp_path


def remove(folder: Path, pattern: str) -> None:
    for file in folder.glob(pattern):
        file.unlink()


async def sequence(path: Path) -> int:
    journal = SqliteJournal(path, SystemClock())
    await journal.open()
    try:
        history = await journal.load(CART)
        assert [event.sequence for event in history.events] == list(range(1, history.sequence + 1))
        return await append(journal, history.sequence, 1) - 1
    finally:
        await journal.close()


async def test_the_copy_is_a_journal(copied: Path) -> None:
    assert await sequence(copied / "copy.db") == 4
    assert await sequence(copied / "shop.db") == 7


async def test_an_older_copy_beside_a_newer_index_is_refused(copied: Path) -> None:
    shutil.copy(copied / "copy.db", copied / "shop.db")
    with pytest.raises(JournalInvalid, match="lacks records that its index has seen"):
        await sequence(copied / "shop.db")


async def test_it_can_be_restored(copied: Path) -> None:
    remove(copied, "shop.db*")
    shutil.copy(copied / "copy.db", copied / "shop.db")
    assert await sequence(copied / "shop.db") == 4
