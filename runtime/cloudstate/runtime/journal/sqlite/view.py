"""A SQLite journal for reading, also while a runtime has it: for people's tools.

The index is the runtime's, and behind. So the log is read once from end to end, and what was written by then is known.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cloudstate.runtime.journal.errors import JournalInvalid, JournalUnavailable
from cloudstate.runtime.journal.port import (
    Answer,
    Appended,
    AppendEvents,
    EntityKey,
    Event,
    Fence,
    History,
    Journal,
    Logged,
    Page,
    Snapshot,
    Value,
    WriteValue,
)
from cloudstate.runtime.journal.sqlite import schema
from cloudstate.runtime.journal.sqlite.faults import mapped
from cloudstate.runtime.payload import Payload

_EVENT = """
SELECT offset, kind.text, id, sequence, url.text, value, time / 1e6 FROM {source} AS event
JOIN name AS kind ON kind.number = event.type JOIN name AS url ON url.number = event.url
"""
_CHAIN = """
WITH RECURSIVE chain AS (
    SELECT * FROM event WHERE offset = ?
    UNION ALL SELECT event.* FROM chain CROSS JOIN event ON event.offset = chain.previous
)
"""
_KEYS = """
SELECT DISTINCT text, id FROM (
    SELECT type, id FROM event UNION SELECT type, id FROM state UNION SELECT type, id FROM answer
) JOIN name ON number = type
"""


class SqliteView(Journal):
    """See ``Journal``; what would write is refused."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._newest: dict[tuple[str, str], tuple[int, int]] | None = None
        self._numbers: dict[tuple[str, str], int] | None = None

    @property
    def shared(self) -> bool:
        """See ``Journal.shared``."""
        return False

    async def open(self) -> None:
        """See ``Journal.open``; a file that is not there is not made."""
        if not self._path.is_file():
            raise JournalUnavailable(f"there is no journal `{self._path}`", retry_safe=True)
        with mapped(self._path):
            connection = schema.connect(self._path)
            try:
                connection.execute("PRAGMA query_only = 1")
                application, version = (schema.pragma(connection, it) for it in ("application_id", "user_version"))
                if application != schema.APPLICATION_ID or version != len(schema.MIGRATIONS):
                    raise JournalInvalid(
                        f"`{self._path}` is not a journal of this version; start the runtime of this version once"
                    )
            except BaseException:
                connection.close()
                raise
        self._connection = connection

    async def close(self) -> None:
        """See ``Journal.close``."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def load(
        self, entity: EntityKey, *, window: int = 0, schema: str | None = None, fence: Fence | None = None
    ) -> History:
        """See ``Journal.load``."""
        sequence, payload, stored = self._state(entity)
        base = sequence if payload is not None and schema in (None, stored) else 0
        snapshot = None if payload is None or not base else Snapshot(base, payload)
        events = [Event(it.sequence, it.payload) for it in await self.events(entity, base, -1)]
        newest = events[-1].sequence if events else sequence
        return History(snapshot, events, newest, self._answers(entity, window))

    async def load_value(self, entity: EntityKey, *, window: int = 0, fence: Fence | None = None) -> Value:
        """See ``Journal.load_value``."""
        sequence, payload, _ = self._state(entity)
        return Value(payload, max(sequence, self._last(entity)[1]), self._answers(entity, window))

    async def partitions(self) -> list[str]:
        """See ``Journal.partitions``."""
        return [""]

    async def read(self, partition: str, after: int, limit: int, types: frozenset[str] | None = None) -> Page:
        """See ``Journal.read``."""
        query = _EVENT.format(source="event") + " WHERE offset > ? ORDER BY offset LIMIT ?"
        rows = self._rows(query, after, limit)
        found = [_logged(row) for row in rows]
        upto = found[-1].offset if found else after
        return Page([it for it in found if types is None or it.entity.type in types], upto)

    async def events(self, entity: EntityKey, after: int, limit: int) -> list[Logged]:
        """See ``Journal.events``; -1: all."""
        query = _CHAIN + _EVENT.format(source="chain") + " WHERE sequence > ? ORDER BY sequence LIMIT ?"
        return [_logged(row) for row in self._rows(query, self._last(entity)[0], after, limit)]

    async def entities(self, type: str, after: str | None, limit: int) -> list[EntityKey]:
        """See ``Journal.entities``."""
        query = f"SELECT text, id FROM ({_KEYS}) WHERE text = ? AND (? IS NULL OR id > ?) ORDER BY id LIMIT ?"
        return [EntityKey(*row) for row in self._rows(query, type, after, after, limit)]

    async def types(self) -> list[str]:
        """See ``Journal.types``."""
        return [row[0] for row in self._rows(f"SELECT DISTINCT text FROM ({_KEYS}) ORDER BY text")]

    async def take_over(self, shard: str) -> Fence:
        """Refused."""
        raise self._reads_only()

    def submit(self, append: AppendEvents | WriteValue, done: Callable[[Appended], None]) -> None:
        """Refused."""
        done(self._reads_only())

    def _last(self, entity: EntityKey) -> tuple[int, int]:
        """The offset and the sequence of an entity's newest event."""
        if self._newest is None:
            query = (
                "SELECT text, id, max(offset), max(sequence) FROM event JOIN name ON number = type GROUP BY type, id"
            )
            self._newest = {(type, id): (offset, sequence) for type, id, offset, sequence in self._rows(query)}
        return self._newest.get((entity.type, entity.id), (0, 0))

    def _state(self, entity: EntityKey) -> tuple[int, Payload | None, str]:
        if self._numbers is None:
            query = "SELECT text, id, state.number FROM state JOIN name ON name.number = type"
            self._numbers = {(type, id): number for type, id, number in self._rows(query)}
        rows = self._rows(
            "SELECT sequence, url.text, value, ifnull(fingerprint.text, '') FROM state "
            "LEFT JOIN name AS url ON url.number = state.url "
            "LEFT JOIN name AS fingerprint ON fingerprint.number = state.schema WHERE state.number = ?",
            self._numbers.get((entity.type, entity.id), 0),
        )
        if not rows:
            return 0, None, ""
        sequence, url, value, stored = rows[0]
        return sequence, None if url is None else Payload(url, value), stored

    def _answers(self, entity: EntityKey, window: int) -> tuple[Answer, ...]:
        query = (
            "SELECT answer.number, command, reply FROM answer JOIN name ON name.number = type "
            "WHERE text = ? AND id = ? ORDER BY offset DESC LIMIT ?"
        )
        return tuple(Answer(*row) for row in reversed(self._rows(query, *entity, window)))

    def _rows(self, query: str, *arguments: object) -> list[Any]:
        if self._connection is None:
            raise JournalUnavailable(f"the journal `{self._path}` is closed", retry_safe=True)
        with mapped(self._path):
            return self._connection.execute(query, arguments).fetchall()

    def _reads_only(self) -> JournalUnavailable:
        return JournalUnavailable(f"the journal `{self._path}` is open for reading", retry_safe=True)


def _logged(row: Any) -> Logged:
    offset, type, id, sequence, url, value, time = row
    return Logged(offset, EntityKey(type, id), sequence, Payload(url, value), time)
