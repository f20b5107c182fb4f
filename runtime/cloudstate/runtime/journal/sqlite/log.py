"""The log's file: executes plans in transactions, and knows the end of the log and the entities' heads.

A batch goes through ``stage``, ``commit``, a sync of the write-ahead log (``disk``), and then ``adopt``; or
``rollback`` where one of the first two failed. With the sync after every commit this is SQLite's ``synchronous =
FULL``, except that nobody has to stand still for it: SQLite itself is set to NORMAL, which syncs around checkpoints
only.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cloudstate.runtime.clock import Clock
from cloudstate.runtime.journal.limits import RETENTION
from cloudstate.runtime.journal.sqlite import schema
from cloudstate.runtime.journal.sqlite.heads import Heads
from cloudstate.runtime.journal.sqlite.plan import Append, End, Plan, Planner
from cloudstate.runtime.journal.sqlite.settings import SqliteSettings

_INSERT_EVENT = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_REPLACE_STATE = (
    "INSERT INTO state VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (number) DO UPDATE "
    "SET sequence = excluded.sequence, url = excluded.url, time = excluded.time, value = excluded.value, "
    "schema = excluded.schema"
)
_INSERT_ANSWER = "INSERT INTO answer VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_RAISE_EPOCH = "INSERT INTO shard VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch"
# The newest answer is never among them: its offset must not be given again.
_FORGET_ANSWERS = (
    "DELETE FROM answer WHERE offset IN "
    "(SELECT offset FROM answer WHERE offset < ? AND time < ? ORDER BY offset LIMIT ?)"
)
#: After so many new answers, old ones are deleted, at most twice as many.
_FORGET_EVERY = 1000
_CACHE_KIB = 32 * 1024


class Log:
    """The one writer of a journal's file.

    Args:
        path: the file; it is opened, and made or migrated where needed.
        clock: gives the time of each batch.

    Raises:
        JournalInvalid: the file is not one of ours.
        sqlite3.Error: it cannot be opened.
    """

    def __init__(self, path: Path, clock: Clock, settings: SqliteSettings) -> None:
        self._clock = clock
        self._connection = schema.connect(path)
        try:
            self._configure(settings)
            schema.prepare(self._connection, path)
            # What a crash left in the write-ahead log may never have been synced: into the file with it, before
            # anything is built on it. Somebody who reads the file now can prevent that, and nothing is lost by it.
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self.identity = schema.identity(self._connection)
            self.end = self._read_end()
            #: The stored names by text, and back.
            self.names: dict[str, int] = dict(self._connection.execute("SELECT text, number FROM name"))
            self.texts: dict[int, str] = {number: text for text, number in self.names.items()}
            #: The shards' epochs.
            self.epochs: dict[str, int] = dict(self._connection.execute("SELECT name, epoch FROM shard"))
            self._forgotten_at = self.end.answer
        except BaseException:
            self._connection.close()
            raise

    def stage(self, batch: Sequence[Append], heads: Heads) -> Plan:
        """Check the batch and write its rows into a transaction that is left open; with no row there is none.

        Raises:
            sqlite3.Error: nothing is written and no transaction is open.
        """
        time = int(self._clock.wall() * 1_000_000)
        plan = Planner(self.end, heads.get, self.names, self.epochs, time).plan(batch)
        if plan.is_empty:
            return plan
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            if plan.names:
                rows = [(number, text) for text, number in plan.names.items()]
                connection.executemany("INSERT INTO name VALUES (?, ?)", rows)
            if plan.events:
                connection.executemany(_INSERT_EVENT, plan.events)
            if plan.states:
                connection.executemany(_REPLACE_STATE, plan.states.values())
            if plan.answers:
                connection.executemany(_INSERT_ANSWER, plan.answers)
                self._forget_answers(plan.end, time)
            if plan.epochs:
                connection.executemany(_RAISE_EPOCH, plan.epochs.items())
        except BaseException:
            self.rollback()
            raise
        return plan

    def _forget_answers(self, end: End, time: int) -> None:
        if end.answer - self._forgotten_at >= _FORGET_EVERY:
            oldest = time - int(RETENTION * 1_000_000)
            self._connection.execute(_FORGET_ANSWERS, (end.answer, oldest, 2 * _FORGET_EVERY))
            self._forgotten_at = end.answer

    def commit(self) -> None:
        """Append the staged batch to the write-ahead log. It is durable when that has been synced.

        Raises:
            sqlite3.Error: it is unknown whether the batch will be there after a crash, except for SQLITE_FULL: then
                it will not.
        """
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """Undo what is staged."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def adopt(self, plan: Plan) -> None:
        """The plan is committed: the next one starts from its end."""
        self.end = plan.end
        self.epochs.update(plan.epochs)
        if plan.names:
            self.names.update(plan.names)
            self.texts.update((number, text) for text, number in plan.names.items())

    def close(self) -> None:
        """Release the file."""
        self.rollback()
        self._connection.close()

    def _configure(self, settings: SqliteSettings) -> None:
        connection = self._connection
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")  # checkpoints run elsewhere, see ``upkeep``
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        if settings.max_file_pages is not None:
            connection.execute(f"PRAGMA max_page_count = {settings.max_file_pages}")

    def _read_end(self) -> End:
        (event,) = self._connection.execute("SELECT ifnull(max(offset), 0) FROM event").fetchone()
        (state,) = self._connection.execute("SELECT ifnull(max(number), 0) FROM state").fetchone()
        (answer,) = self._connection.execute("SELECT ifnull(max(offset), 0) FROM answer").fetchone()
        return End(event, state, answer)
