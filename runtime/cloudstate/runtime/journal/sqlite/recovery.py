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
    if mark.end.event > end.event or mark.end.state > end.state or mark.time != time_at(log, mark.end.event):
        raise JournalInvalid(
            f"the journal `{path}` lacks records that its index has seen: its end was lost, or it is an older copy; "
            f"restore it from a backup, or delete `{path}-index` to go on with what is there"
        )
    event, state = mark.end
    while event < end.event or state < end.state:
        upto = End(min(event + _STEP, end.event), min(state + _STEP, end.state))
        rows = _tail(log, End(event, state), upto)
        index.write(rows, Mark(upto, time_at(log, upto.event) or 0))
        event, state = upto
    return (end.event - mark.end.event) + (end.state - mark.end.state)


def time_at(log: sqlite3.Connection, offset: int) -> int | None:
    """The time of the event at an offset; 0 for the start of the log, None where there is no such event."""
    if not offset:
        return 0
    row = log.execute("SELECT time FROM event WHERE offset = ?", (offset,)).fetchone()
    return row[0] if row else None


def _tail(log: sqlite3.Connection, after: End, upto: End) -> list[IndexRow]:
    heads: dict[tuple[int, str], tuple[int, int]] = {}
    query = "SELECT type, id, offset FROM event WHERE offset > ? AND offset <= ? ORDER BY offset"
    for type, id, offset in log.execute(query, (after.event, upto.event)):
        heads[type, id] = (offset, 0)
    query = "SELECT type, id, number FROM state WHERE number > ? AND number <= ?"
    for type, id, number in log.execute(query, (after.state, upto.state)):
        heads[type, id] = (heads.get((type, id), (0, 0))[0], number)
    return [(type, id, event, state) for (type, id), (event, state) in sorted(heads.items())]
