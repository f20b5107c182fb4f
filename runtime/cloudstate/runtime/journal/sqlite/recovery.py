"""Bringing the index up to the end of the log: after a crash its tail, for a new index all of it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from cloudstate.runtime.journal.errors import JournalInvalid
from cloudstate.runtime.journal.sqlite.index import Index, IndexRow, Mark
from cloudstate.runtime.journal.sqlite.plan import End

#: How many rows of the log are read before the index is written; bounds the memory.
_STEP = 100_000


def recover(log: sqlite3.Connection, end: End, index: Index, path: Path) -> int:
    """Index every record after the index's mark.

    Args:
        log: a connection to the log's file.
        end: the end of the log.
        path: the log's file, for messages.

    Returns:
        How many rows of the log were read.

    Raises:
        JournalInvalid: the index has seen records that the log does not have.
        sqlite3.Error: a file cannot be read or written.
    """
    mark = index.mark()
    is_ahead = any(seen > there for seen, there in zip(mark.end, end, strict=True))
    if is_ahead or mark.time != time_at(log, mark.end.event):
        raise JournalInvalid(
            f"the journal `{path}` lacks records that its index has seen: its end was lost, or it is an older copy; "
            f"restore it from a backup, or delete `{path}-index` to go on with what is there"
        )
    done = mark.end
    while done != end:
        upto = End(*(min(at + _STEP, last) for at, last in zip(done, end, strict=True)))
        index.write(_tail(log, done, upto), Mark(upto, time_at(log, upto.event) or 0))
        done = upto
    return sum(end) - sum(mark.end)


def time_at(log: sqlite3.Connection, offset: int) -> int | None:
    """The time of the event at an offset; 0 for the start of the log, None where there is no such event."""
    if not offset:
        return 0
    row = log.execute("SELECT time FROM event WHERE offset = ?", (offset,)).fetchone()
    return row[0] if row else None


#: What has been appended, per kind of row: type, id and place.
_TAILS = (
    "SELECT type, id, offset FROM event WHERE offset > ? AND offset <= ? ORDER BY offset",
    "SELECT type, id, number FROM state WHERE number > ? AND number <= ?",
    "SELECT type, id, offset FROM answer WHERE offset > ? AND offset <= ? ORDER BY offset",
)


def _tail(log: sqlite3.Connection, after: End, upto: End) -> list[IndexRow]:
    heads: dict[tuple[int, str], list[int]] = {}
    for kind, query in enumerate(_TAILS):
        for type, id, place in log.execute(query, (after[kind], upto[kind])):
            heads.setdefault((type, id), [0, 0, 0])[kind] = place
    return [(type, id, event, state, answer) for (type, id), (event, state, answer) in sorted(heads.items())]
