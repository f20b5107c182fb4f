"""The log's file: writes plans, finds entities, reads histories. Synchronous; one thread at a time.

Where an entity is (its ``Head``) comes from three places: ``_tail`` has every entity that changed since it was last
indexed, ``_cache`` some of the others, and the index all of the others.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from cloudstate.runtime.journal.port import EntityKey, Event, Snapshot
from cloudstate.runtime.journal.sqlite.plan import NEW, Append, End, Head, Plan, Planner
from cloudstate.runtime.journal.sqlite.schema import connect, prepare
from cloudstate.runtime.journal.sqlite.settings import SqliteSettings
from cloudstate.runtime.payload import Payload

_INSERT_EVENT = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_REPLACE_STATE = "INSERT OR REPLACE INTO state VALUES (?, ?, ?, ?, ?, ?, ?)"
_REPLACE_ENTITY = "INSERT OR REPLACE INTO entity VALUES (?, ?, ?, ?)"
_EVENTS_BACKWARDS = """
WITH RECURSIVE chain (offset, sequence, previous, url, value) AS (
    SELECT offset, sequence, previous, url, value FROM event WHERE offset = :newest AND sequence > :after
    UNION ALL
    SELECT e.offset, e.sequence, e.previous, e.url, e.value FROM chain AS c JOIN event AS e ON e.offset = c.previous
    WHERE e.sequence > :after
)
SELECT sequence, previous, url, value FROM chain LIMIT :limit
"""


class Log:
    """An open journal file. Errors are SQLite's own; the journal maps them."""

    def __init__(self, path: Path, settings: SqliteSettings) -> None:
        self._settings = settings
        self._connection = connect(path, settings.busy_timeout)
        try:
            prepare(self._connection, path)
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA wal_autocheckpoint = 0")
            if settings.max_file_pages is not None:
                self._connection.execute(f"PRAGMA max_page_count = {settings.max_file_pages}")
            self.recover()
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Release the file; SQLite copies the write-ahead log into it."""
        self._connection.close()

    def recover(self) -> None:
        """Learn from the file what is in it: the end of the log, the names, and the tail that is not indexed."""
        execute = self._connection.execute
        self._names: dict[str, int] = {text: number for number, text in execute("SELECT number, text FROM name")}
        self._texts = {number: text for text, number in self._names.items()}
        self._cache: OrderedDict[EntityKey, Head] = OrderedDict()
        self._tail: dict[EntityKey, tuple[Head, End]] = {}
        facts = dict(execute("SELECT name, value FROM fact"))
        indexed = End(facts["indexed_event"], facts["indexed_state"])
        self._end = End(
            execute("SELECT coalesce(max(offset), 0) FROM event").fetchone()[0],
            execute("SELECT coalesce(max(number), 0) FROM state").fetchone()[0],
        )
        changed = execute(
            "SELECT DISTINCT type, id FROM event WHERE offset > ? UNION SELECT type, id FROM state WHERE number > ?",
            indexed,
        ).fetchall()
        last = dict[tuple[int, str], int](
            ((kind, id), offset)
            for kind, id, offset in execute(
                "SELECT type, id, max(offset) FROM event WHERE offset > ? GROUP BY type, id", (indexed.event,)
            )
        )
        states = dict[tuple[int, str], int](
            ((kind, id), number)
            for kind, id, number in execute("SELECT type, id, number FROM state WHERE number > ?", (indexed.state,))
        )
        for kind, id in changed:
            event, state = self._indexed(kind, id)
            head = self._head(last.get((kind, id), event), states.get((kind, id), state))
            self._tail[EntityKey(self._texts[kind], id)] = (head, indexed)

    def write(self, batch: Sequence[Append], time: int) -> Plan:
        """Check and write a batch as one transaction; it is durable when this returns.

        Args:
            time: the wall time in microseconds.
        """
        plan = Planner(self._end, self.head, self._names, time).plan(batch)
        if not plan.heads:
            return plan
        connection = self._connection
        indexing = self._to_index(plan.end)
        connection.execute("BEGIN IMMEDIATE")
        try:
            if plan.names:
                connection.executemany("INSERT INTO name VALUES (?, ?)", [(n, text) for text, n in plan.names.items()])
            connection.executemany(_INSERT_EVENT, plan.events)
            if plan.states:
                connection.executemany(_REPLACE_STATE, plan.states.values())
            if indexing:
                self._write_index(indexing)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        self._adopt(plan, indexing)
        return plan

    def head(self, entity: EntityKey) -> Head:
        """Where an entity is."""
        found = self._tail.get(entity)
        if found is not None:
            return found[0]
        head = self._cache.get(entity)
        if head is None:
            kind = self._names.get(entity.type)
            head = NEW if kind is None else self._head(*self._indexed(kind, entity.id))
            self._remember(entity, head)
        return head

    def state(self, head: Head) -> Snapshot | None:
        """An entity's snapshot or value; None where it has none or it was deleted."""
        if not head.state:
            return None
        row = self._connection.execute("SELECT sequence, url, value FROM state WHERE number = ?", (head.state,))
        sequence, url, value = row.fetchone()
        return None if url is None else Snapshot(sequence, Payload(self._texts[url], value))

    def events_backwards(self, newest: int, after: int, limit: int) -> tuple[list[Event], int]:
        """Up to ``limit`` events from the offset ``newest`` back to the sequence ``after`` (not included).

        Returns:
            the events, newest first, and the offset to go on from (0: there is no earlier event).
        """
        given = {"newest": newest, "after": after, "limit": limit}
        rows = self._connection.execute(_EVENTS_BACKWARDS, given).fetchall()
        texts = self._texts
        events = [Event(sequence, Payload(texts[url], value)) for sequence, _, url, value in rows]
        return events, rows[-1][1] if rows else 0

    def checkpoint(self, mode: str) -> None:
        """Copy the write-ahead log into the database file; ``RESTART`` also lets it begin anew."""
        self._connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()

    def _head(self, event: int, state: int) -> Head:
        execute = self._connection.execute
        sequence = 0
        if event:
            (sequence,) = execute("SELECT sequence FROM event WHERE offset = ?", (event,)).fetchone()
        if state:
            sequence = max(sequence, execute("SELECT sequence FROM state WHERE number = ?", (state,)).fetchone()[0])
        return Head(sequence, event, state)

    def _indexed(self, kind: int, id: str) -> tuple[int, int]:
        row = self._connection.execute("SELECT event, state FROM entity WHERE type = ? AND id = ?", (kind, id))
        event, state = row.fetchone() or (0, 0)
        return event, state

    def _to_index(self, end: End) -> list[EntityKey]:
        """The entities to index now: those that have waited longest, if the index would lag too far behind."""
        oldest = next(iter(self._tail.values()), None)
        if oldest is None or end.event + end.state - sum(oldest[1]) < self._settings.index_lag:
            return []
        return list(islice(self._tail, self._settings.index_batch))

    def _write_index(self, entities: list[EntityKey]) -> None:
        rows = [(self._names[entity.type], entity.id, *self._tail[entity][0][1:]) for entity in entities]
        self._connection.executemany(_REPLACE_ENTITY, rows)
        remaining = next(islice(self._tail.values(), len(entities), None), None)
        indexed = self._end if remaining is None else remaining[1]
        for name, value in zip(("indexed_event", "indexed_state"), indexed, strict=True):
            self._connection.execute("UPDATE fact SET value = ? WHERE name = ?", (value, name))

    def _adopt(self, plan: Plan, indexed: list[EntityKey]) -> None:
        """The plan is durable: remember where its entities are now."""
        tail, before = self._tail, self._end
        for entity in indexed:
            self._remember(entity, tail.pop(entity)[0])
        for entity, head in plan.heads.items():
            known = tail.get(entity)
            if known is None:
                self._cache.pop(entity, None)
                tail[entity] = (head, before)
            else:
                tail[entity] = (head, known[1])
        self._end = plan.end
        for text, number in plan.names.items():
            self._names[text] = number
            self._texts[number] = text

    def _remember(self, entity: EntityKey, head: Head) -> None:
        self._cache[entity] = head
        if len(self._cache) > self._settings.max_heads:
            self._cache.popitem(last=False)
