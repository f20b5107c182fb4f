"""Entities by key, in a file beside the log that follows it in large batches.

For each entity: the offset of its newest event, the number of its state and the offset of its newest answer, as of the
mark. Everything here is derived
from the log. It is written without waiting for the disk (WAL, synchronous=NORMAL: after a power failure it is
consistent, perhaps older), and what is missing is read again from the log (``recovery``). Because updates only ever
raise a value, writing a part of the log twice does no harm.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from cloudstate.runtime.journal.sqlite import schema
from cloudstate.runtime.journal.sqlite.faults import index_error
from cloudstate.runtime.journal.sqlite.plan import End

#: "CSjx" in the file's header.
_APPLICATION_ID = 0x43536A78
_FORMAT = 2
_CACHE_KIB = 64 * 1024

#: type, id, event, state, answer
IndexRow = tuple[int, str, int, int, int]

_FIND = "SELECT event, state, answer FROM head WHERE type = ? AND id = ?"
_FIRST = "SELECT id FROM head WHERE type = ? ORDER BY id LIMIT ?"
_AFTER = "SELECT id FROM head WHERE type = ? AND id > ? ORDER BY id LIMIT ?"
_WRITE = (
    "INSERT INTO head VALUES (?, ?, ?, ?, ?) ON CONFLICT (type, id) DO UPDATE SET event = max(event, excluded.event), "
    "state = max(state, excluded.state), answer = max(answer, excluded.answer)"
)


class Mark(NamedTuple):
    """How far the index is: the end of the log that it covers, and the time of that log's last event (a check)."""

    end: End
    time: int


class Index:
    """The index's file, with one connection for reading and one for writing; each is used by one thread at a time.

    Args:
        path: the index's file.
        identity: the log's identity; an index of another log is emptied.
    """

    def __init__(self, path: Path, identity: int) -> None:
        self._path = path
        self._identity = identity
        self._writer = self._opened()
        self._reader = schema.connect(path)
        self._reader.execute("PRAGMA query_only = 1")

    def mark(self) -> Mark:
        """What the index covers."""
        row = self._writer.execute("SELECT event, state, answer, time FROM mark").fetchone()
        return Mark(End(row[0], row[1], row[2]), row[3])

    def find(self, type: int, id: str) -> tuple[int, int, int] | None:
        """The offset of an entity's newest event, the number of its state, the offset of its newest answer.

        Raises:
            JournalError: the file cannot be read.
        """
        try:
            row: tuple[int, int, int] | None = self._reader.execute(_FIND, (type, id)).fetchone()
        except sqlite3.Error as error:
            raise index_error(error, self._path) from error
        return row

    def ids(self, type: int, after: str | None, limit: int) -> list[str]:
        """Ids of entities of a type, sorted. Raises as ``find``."""
        query, arguments = (_FIRST, (type, limit)) if after is None else (_AFTER, (type, after, limit))
        try:
            return [id for (id,) in self._reader.execute(query, arguments)]
        except sqlite3.Error as error:
            raise index_error(error, self._path) from error

    def types(self) -> list[int]:
        """The numbers of the entity types. Raises as ``find``."""
        found: list[int] = []
        try:
            while True:  # one seek for each: there are few types and many entities
                last = found[-1] if found else -1
                (type,) = self._reader.execute("SELECT min(type) FROM head WHERE type > ?", (last,)).fetchone()
                if type is None:
                    return found
                found.append(type)
        except sqlite3.Error as error:
            raise index_error(error, self._path) from error

    def write(self, rows: Iterable[IndexRow], mark: Mark) -> None:
        """Add rows and move the mark, both or neither.

        Raises:
            JournalError: the file cannot be written.
        """
        writer = self._writer
        try:
            writer.execute("BEGIN IMMEDIATE")
            writer.executemany(_WRITE, rows)
            writer.execute("UPDATE mark SET event = ?, state = ?, answer = ?, time = ?", (*mark.end, mark.time))
            writer.execute("COMMIT")
        except sqlite3.Error as error:
            raise index_error(error, self._path) from error
        finally:
            if writer.in_transaction:
                writer.execute("ROLLBACK")

    def rows(self) -> list[IndexRow]:
        """Everything, in the order of keys; for comparing with a scan of the log."""
        return self._writer.execute("SELECT type, id, event, state, answer FROM head ORDER BY type, id").fetchall()

    def close(self) -> None:
        """Release the file."""
        self._reader.close()
        self._writer.close()

    def _opened(self) -> sqlite3.Connection:
        """A connection to an index of this log: the one that is there, else an empty one."""
        with contextlib.suppress(sqlite3.DatabaseError):
            connection = schema.connect(self._path)
            try:
                if self._fits(connection):
                    return _configured(connection)
            except BaseException:
                connection.close()
                raise
            connection.close()
        self._remove()
        return self._created()

    def _fits(self, connection: sqlite3.Connection) -> bool:
        if schema.pragma(connection, "application_id") != _APPLICATION_ID:
            return False
        if schema.pragma(connection, "user_version") != _FORMAT:
            return False
        row = connection.execute("SELECT identity FROM mark").fetchone()
        return row is not None and row[0] == self._identity

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    def _created(self) -> sqlite3.Connection:
        connection = _configured(schema.connect(self._path))
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "CREATE TABLE head (type INTEGER NOT NULL, id TEXT NOT NULL, event INTEGER NOT NULL, "
            "state INTEGER NOT NULL, answer INTEGER NOT NULL, PRIMARY KEY (type, id)) STRICT, WITHOUT ROWID"
        )
        connection.execute(
            "CREATE TABLE mark (identity INTEGER NOT NULL, event INTEGER NOT NULL, state INTEGER NOT NULL, "
            "answer INTEGER NOT NULL, time INTEGER NOT NULL) STRICT"
        )
        connection.execute("INSERT INTO mark VALUES (?, 0, 0, 0, 0)", (self._identity,))
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {_FORMAT}")
        connection.execute("COMMIT")
        return connection


def _configured(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    return connection
