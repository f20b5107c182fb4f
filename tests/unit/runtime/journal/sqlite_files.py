"""What the tests of the SQLite journal share: journals for a block, crashes without a kill, a look into the files."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.journal import AppendEvents, EntityKey, SqliteJournal
from cloudstate.runtime.journal.sqlite import SqliteSettings
from cloudstate.runtime.payload import Payload

CART = EntityKey("cart", "alice")
EVENT = Payload("type.googleapis.com/com.example.ItemAdded", b"pen")
STATE = Payload("type.googleapis.com/com.example.Cart", b"one pen")


@asynccontextmanager
async def opened(path: Path, **settings: Any) -> AsyncIterator[SqliteJournal]:
    """An open journal, closed at the end of the block."""
    journal = SqliteJournal(path, SystemClock(), SqliteSettings(**settings))
    await journal.open()
    try:
        yield journal
    finally:
        await journal.close()


async def fill(journal: SqliteJournal, entities: int, events: int, *, snapshot_every: int = 3) -> None:
    """So many entities with so many events each, written in turns."""
    for sequence in range(events):
        for number in range(entities):
            snapshot = STATE if sequence % snapshot_every == snapshot_every - 1 else None
            last = journal.append(AppendEvents(EntityKey("cart", f"user-{number}"), sequence, (EVENT,), snapshot))
        await last


def crashed(path: Path, directory: Path) -> Path:
    """The files as a crash now would leave them, in another directory."""
    directory.mkdir()
    for file in path.parent.glob(path.name + "*"):
        if not file.name.endswith(("-shm", "-lock")):
            shutil.copy(file, directory / file.name)
    return directory / path.name


def scanned(path: Path) -> list[tuple[int, str, int, int]]:
    """What the index must hold, from a scan of the whole log."""
    with closing(sqlite3.connect(path)) as connection:
        events = connection.execute("SELECT type, id, max(offset) FROM event GROUP BY type, id").fetchall()
        states = connection.execute("SELECT type, id, number FROM state").fetchall()
    heads: dict[tuple[int, str], tuple[int, int]] = {(type, id): (offset, 0) for type, id, offset in events}
    for type, id, number in states:
        heads[type, id] = (heads.get((type, id), (0, 0))[0], number)
    return sorted((type, id, event, state) for (type, id), (event, state) in heads.items())


def indexed(path: Path) -> list[tuple[int, str, int, int]]:
    """What the index holds."""
    with closing(sqlite3.connect(f"{path}-index")) as connection:
        return connection.execute("SELECT type, id, event, state FROM head ORDER BY type, id").fetchall()


def wal_size(path: Path) -> int:
    """The size of the write-ahead log in bytes; 0 where there is none."""
    file = path.with_name(path.name + "-wal")
    return file.stat().st_size if file.exists() else 0


def damage(path: Path, pages: range) -> None:
    """Overwrite pages of a database file."""
    with path.open("r+b") as file:
        for page in pages:
            file.seek(page * 4096)
            file.write(b"\xff" * 4096)


async def load_all(journal: SqliteJournal, entities: int) -> None:
    """Load what ``fill`` wrote."""
    for number in range(entities):
        await journal.load(EntityKey("cart", f"user-{number}"))
