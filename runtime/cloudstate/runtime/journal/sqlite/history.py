"""Reading entities: their heads from the index, their state by its number, their events along the chain."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from cloudstate.runtime.journal.errors import JournalInvalid
from cloudstate.runtime.journal.port import Answer, EntityKey, Event, History, Logged, Page, Snapshot, Value
from cloudstate.runtime.journal.sqlite import schema
from cloudstate.runtime.journal.sqlite.index import Index
from cloudstate.runtime.journal.sqlite.plan import NEW, Head, Key
from cloudstate.runtime.payload import Payload

_CHAIN = """
WITH RECURSIVE chain (offset, previous, sequence, url, value) AS (
    SELECT offset, previous, sequence, url, value FROM event WHERE offset = ?
    UNION ALL
    SELECT event.offset, event.previous, event.sequence, event.url, event.value
    FROM chain CROSS JOIN event ON event.offset = chain.previous
    LIMIT ?
)
SELECT previous, sequence, url, value FROM chain
"""
_NEAR = """
SELECT previous, sequence, url, value FROM event WHERE offset > ? AND offset <= ? AND type = ? AND id = ?
ORDER BY offset DESC LIMIT ?
"""
#: Events lie near each other if the log has at most so many offsets for each of them.
_DENSE = 4
_ANSWERS = """
WITH RECURSIVE chain (previous, number, command, reply, id) AS (
    SELECT previous, number, command, reply, id FROM answer WHERE offset = ?
    UNION ALL
    SELECT answer.previous, answer.number, answer.command, answer.reply, answer.id
    FROM chain CROSS JOIN answer ON answer.offset = chain.previous
    LIMIT ?
)
SELECT number, command, reply, id FROM chain
"""
_PLACES = """
WITH RECURSIVE chain (offset, previous, sequence) AS (
    SELECT offset, previous, sequence FROM event WHERE offset = ?
    UNION ALL
    SELECT event.offset, event.previous, event.sequence
    FROM chain CROSS JOIN event ON event.offset = chain.previous
    LIMIT ?
)
SELECT offset, previous, sequence FROM chain
"""
_LOG = "SELECT offset, type, id, sequence, url, time, value FROM event WHERE offset > ? AND offset <= ?"
_LOGGED = "SELECT offset, type, id, sequence, url, time, value FROM event WHERE offset = ?"
#: A page of the log comes from so many offsets at most.
_LOG_SLICE = 10_000
_EVENT_AT = "SELECT sequence, type, id FROM event WHERE offset = ?"
_STATE_AT = "SELECT sequence, type, id FROM state WHERE number = ?"
_FIRST_SLICE = 128
_LARGEST_SLICE = 1024
#: Seconds that one slice may take of the event loop before slices are made smaller.
_SLICE_TIME = 0.001


#: previous, sequence, url, value
EventRow: TypeAlias = "tuple[int, int, int, bytes]"


class Reader:
    """Reads what is committed, on a connection of its own.

    Args:
        path: the log's file.
        index: where entities are looked up.
        texts: the stored names by number.
        numbers: the numbers of the stored names.
    """

    def __init__(self, path: Path, index: Index, texts: Mapping[int, str], numbers: Mapping[str, int]) -> None:
        self._path = path
        self._index = index
        self._texts = texts
        self._numbers = numbers
        self.connection = schema.connect(path)
        self.connection.execute("PRAGMA query_only = 1")

    def find(self, key: Key) -> Head:
        """The head of an entity as the index has it; NEW if it does not know it."""
        type, id = key
        number = self._numbers.get(type)
        found = None if number is None else self._index.find(number, id)
        if number is None or found is None:
            return NEW
        event, state, answer = found
        sequence = 0
        for query, row_id in ((_EVENT_AT, event), (_STATE_AT, state)):
            if row_id:
                row = self.connection.execute(query, (row_id,)).fetchone()
                if row is None or row[1:] != (number, id):
                    raise self._damaged(EntityKey(type, id), f"row {row_id} is not what its index says")
                sequence = max(sequence, row[0])
        return sequence, event, state, answer

    def value(self, entity: EntityKey, head: Head, window: int) -> Value:
        """The state of an entity, as ``Journal.load_value``."""
        sequence, payload, _ = self._state(entity, head[2])
        return Value(payload, max(sequence, head[0]), self._answers(entity, head[3], window))

    async def history(self, entity: EntityKey, head: Head, window: int, schema: str | None) -> History:
        """The snapshot and the events after it, as ``Journal.load``; a long chain is read in slices."""
        newest, offset, state, answer = head
        base, payload, stored = self._state(entity, state)
        answers = self._answers(entity, answer, window)
        if payload is not None and schema not in (None, stored):
            base, payload = 0, None
        snapshot = None if payload is None else Snapshot(base, payload)
        if base >= newest:
            return History(snapshot, [], base, answers)
        events: list[Event] = []
        size, expected, is_dense = _FIRST_SLICE, newest, False
        while expected > base:
            started, begin, count = time.perf_counter(), offset, min(size, expected - base)
            # Events that were written in a row are read in a row: that takes a fifth of a walk along the chain.
            rows = self._run(entity, begin, count) if is_dense else self._walk(entity, begin, count, expected)
            offset = self._take(entity, rows, expected, events)
            is_dense = begin - offset <= _DENSE * len(rows)
            expected = events[-1].sequence - 1
            if expected > base:
                size = _next_size(size, time.perf_counter() - started)
                await asyncio.sleep(0)
        events.reverse()
        return History(snapshot, events, newest, answers)

    def page(self, after: int, limit: int, types: frozenset[str] | None, end: int) -> Page:
        """Events of the log up to its end, as ``Journal.read``; looks at a bounded part of it."""
        upto = min(after + _LOG_SLICE, end)
        if upto <= after:
            return Page([], after)
        query, arguments = _LOG, [after, upto]
        if types is not None:
            numbers = [self._numbers[type] for type in types if type in self._numbers]
            query += f" AND type IN ({', '.join('?' * len(numbers))})"
            arguments += numbers
        rows = self.connection.execute(f"{query} ORDER BY offset LIMIT ?", (*arguments, limit)).fetchall()
        found = [self._logged(row) for row in rows]
        return Page(found, found[-1].offset if len(found) == limit else upto)

    async def events(self, head: Head, after: int, limit: int) -> list[Logged]:
        """Events of an entity, as ``Journal.events``: its chain is walked once, then the wanted ones are read."""
        begin, wanted = head[1], []
        while begin:
            rows = self.connection.execute(_PLACES, (begin, _LARGEST_SLICE)).fetchall()
            wanted += [offset for offset, _, sequence in rows if after < sequence <= after + limit]
            _, begin, last = rows[-1]
            if last <= after + 1:
                break
            await asyncio.sleep(0)
        wanted.reverse()
        return [self._logged(self.connection.execute(_LOGGED, (at,)).fetchone()) for at in wanted]

    def _logged(self, row: tuple[int, int, str, int, int, int, bytes]) -> Logged:
        offset, type, id, sequence, url, time, value = row
        key = EntityKey(self._texts[type], id)
        return Logged(offset, key, sequence, Payload(self._texts[url], value), time / 1_000_000)

    def close(self) -> None:
        """Release the file."""
        self.connection.close()

    def _walk(self, entity: EntityKey, offset: int, size: int, expected: int) -> list[EventRow]:
        """So many events, newest first, the first of which is at this offset."""
        rows = self.connection.execute(_CHAIN, (offset, size)).fetchall()
        if len(rows) != size:
            raise self._damaged(entity, f"its event {expected - len(rows)} is missing")
        return rows

    def _run(self, entity: EntityKey, offset: int, size: int) -> list[EventRow]:
        """At most so many events, newest first, the first of which is at this offset, that lie near it."""
        arguments = offset - _DENSE * size, offset, self._numbers[entity.type], entity.id, size
        return self.connection.execute(_NEAR, arguments).fetchall()

    def _take(self, entity: EntityKey, rows: list[EventRow], expected: int, events: list[Event]) -> int:
        """Add events, the first of which has the expected sequence; gives the offset of the one before the last."""
        texts = self._texts
        for _, sequence, url, value in rows:
            if sequence != expected:
                raise self._damaged(entity, f"found its event {sequence} where {expected} belongs")
            expected -= 1
            events.append(Event(sequence, Payload(texts[url], value)))
        if not rows:
            raise self._damaged(entity, f"its event {expected} is missing")
        return rows[-1][0]

    def _answers(self, entity: EntityKey, offset: int, window: int) -> tuple[Answer, ...]:
        """The newest answers, oldest first; the chain ends where the oldest ones were deleted."""
        if not (offset and window):
            return ()
        rows = self.connection.execute(_ANSWERS, (offset, window)).fetchall()
        if rows and rows[0][3] != entity.id:
            raise self._damaged(entity, f"its answer {offset} is not where it belongs")
        return tuple(Answer(number, command, reply) for number, command, reply, _ in reversed(rows))

    def _state(self, entity: EntityKey, number: int) -> tuple[int, Payload | None, str]:
        """Its sequence, the state, and the schema of a snapshot."""
        if not number:
            return 0, None, ""
        query = "SELECT sequence, url, value, id, schema FROM state WHERE number = ?"
        row = self.connection.execute(query, (number,)).fetchone()
        if row is None or row[3] != entity.id:
            raise self._damaged(entity, f"its state {number} is not where it belongs")
        sequence, url, value, _, schema = row
        payload = None if url is None else Payload(self._texts[url], value)
        return sequence, payload, self._texts[schema] if schema else ""

    def _damaged(self, entity: EntityKey, what: str) -> JournalInvalid:
        return JournalInvalid(
            f"`{entity.type}` entity `{entity.id}`: its history in `{self._path}` is damaged: {what}; "
            "restore the file from a backup"
        )


def _next_size(size: int, took: float) -> int:
    if took > _SLICE_TIME:
        return max(size // 2, 8)
    return min(size * 2, _LARGEST_SLICE)
