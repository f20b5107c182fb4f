"""What the journal's file holds, and how a file is recognised as ours.

    name    entity types and type URLs, by number: they repeat in every record
    event   one row per event, append-only; ``offset`` grows in commit order and is never reused. ``previous`` is the
            offset of the entity's event before (0: none): a chain from the newest event to the first
    state   one row per entity that has a state (a snapshot or a value), the latest only, replaced in place.
            ``url`` NULL: deleted. ``number`` never changes, so the index need not follow updates. ``schema`` is
            the name of a snapshot's schema, 0: empty
    answer  one row per answer that is kept for retries, append-only and chained like events; the oldest are deleted
    shard   the epoch of each shard that was ever taken over
    fact    numbers about the file: ``identity``, made at random, by which the index knows its log

``time`` is the wall time of the append in microseconds since the Unix epoch.

There is no unique index on (entity, sequence): it would cost several times the append itself. The one writer checks
the sequence instead (``plan``), and finds entities through an index that follows behind in another file (``index``).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from cloudstate.runtime.journal.errors import JournalInvalid

#: "CSjn" in the file's header: a SQLite file with this number is a journal of ours.
APPLICATION_ID = 0x43536A6E

#: Strict tables.
_OLDEST_SQLITE = (3, 37)

_TABLES = """
CREATE TABLE name (number INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
CREATE TABLE event (
    offset INTEGER PRIMARY KEY,
    type INTEGER NOT NULL,
    id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    previous INTEGER NOT NULL,
    url INTEGER NOT NULL,
    time INTEGER NOT NULL,
    value BLOB NOT NULL
) STRICT;
CREATE TABLE state (
    number INTEGER PRIMARY KEY,
    type INTEGER NOT NULL,
    id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    url INTEGER,
    time INTEGER NOT NULL,
    value BLOB
) STRICT;
CREATE TABLE fact (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""


_ANSWERS_AND_SHARDS = """
ALTER TABLE state ADD COLUMN schema INTEGER NOT NULL DEFAULT 0;
CREATE TABLE answer (
    offset INTEGER PRIMARY KEY,
    type INTEGER NOT NULL,
    id TEXT NOT NULL,
    number INTEGER NOT NULL,
    previous INTEGER NOT NULL,
    time INTEGER NOT NULL,
    command TEXT NOT NULL,
    reply BLOB NOT NULL
) STRICT;
CREATE TABLE shard (name TEXT PRIMARY KEY, epoch INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""


def _create(connection: sqlite3.Connection) -> None:
    _execute(connection, _TABLES)
    identity = int.from_bytes(os.urandom(7), "big")
    connection.execute("INSERT INTO fact VALUES ('identity', ?)", (identity,))


def _add_answers_and_shards(connection: sqlite3.Connection) -> None:
    _execute(connection, _ANSWERS_AND_SHARDS)


def _execute(connection: sqlite3.Connection, statements: str) -> None:
    for statement in statements.split(";\n"):
        if statement.strip():
            connection.execute(statement)


#: The step from version n to n + 1 is at n. A released step is never changed.
MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_create, _add_answers_and_shards)


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode that any one thread at a time may use, and that waits for nobody."""
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0, cached_statements=64)


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Check that the file is a journal, new or of a known version, and bring it to this version.

    Raises:
        JournalInvalid: it is something else, or newer.
        sqlite3.Error: it cannot be read or written.
    """
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise JournalInvalid(f"the journal needs SQLite 3.37 or newer, this Python has {sqlite3.sqlite_version}")
    version = _checked_version(connection, path)
    _set_wal(connection, path)
    if version == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Somebody may have been here between the look and the lock.
        for migrate in MIGRATIONS[_checked_version(connection, path) :]:
            migrate(connection)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def identity(connection: sqlite3.Connection) -> int:
    """The number by which this file is told from every other journal."""
    value: int = connection.execute("SELECT value FROM fact WHERE name = 'identity'").fetchone()[0]
    return value


def _checked_version(connection: sqlite3.Connection, path: Path) -> int:
    application = pragma(connection, "application_id")
    version = pragma(connection, "user_version")
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if application != APPLICATION_ID:
        if application or version or tables:
            raise JournalInvalid(f"`{path}` is a SQLite database, but not a journal; give another path")
        return 0
    if version > len(MIGRATIONS):
        raise JournalInvalid(
            f"the journal `{path}` has format {version}, this version knows {len(MIGRATIONS)}; "
            "use the newer version that wrote it, or give another path"
        )
    return version


def _set_wal(connection: sqlite3.Connection, path: Path) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise JournalInvalid(f"`{path}` cannot use a write-ahead log; put the journal on a local disk")


def pragma(connection: sqlite3.Connection, name: str) -> int:
    """The number that a pragma gives."""
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value
