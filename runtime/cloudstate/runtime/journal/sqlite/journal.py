"""When the log is written: everything that waits in one turn of the event loop is one transaction.

The commit runs on the loop's thread: on a disk that syncs in well under a millisecond that is faster, and kinder to the
99th percentile, than handing each batch to another thread and back (docs/performance.md has both). Checkpoints copy
the write-ahead log into the database file on a thread of their own.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from pathlib import Path

from cloudstate.runtime.clock import Clock
from cloudstate.runtime.journal.errors import JournalError, JournalUnavailable
from cloudstate.runtime.journal.limits import checked_size
from cloudstate.runtime.journal.port import AppendEvents, EntityKey, Event, History, Value, WriteValue
from cloudstate.runtime.journal.sqlite.faults import journal_error, mapped
from cloudstate.runtime.journal.sqlite.lock import FileLock
from cloudstate.runtime.journal.sqlite.log import Log
from cloudstate.runtime.journal.sqlite.plan import Append
from cloudstate.runtime.journal.sqlite.schema import connect
from cloudstate.runtime.journal.sqlite.settings import SqliteSettings

logger = logging.getLogger(__name__)

#: Histories are read so many events at a time, with a turn for everybody else in between.
_SLICE = 1000

_Waiting = tuple[Append, "asyncio.Future[int]"]


class SqliteJournal:
    """Entities in one SQLite file, in WAL mode with ``synchronous=FULL``: what is acknowledged is on the disk.

    Args:
        path: the file; made by ``open`` where there is none, with its directory.
        clock: gives the time that is kept with every record.
    """

    def __init__(self, path: Path, clock: Clock, settings: SqliteSettings | None = None) -> None:
        self._path = path
        self._clock = clock
        self._settings = settings or SqliteSettings()
        self._lock = FileLock(path.with_name(path.name + "-lock"), path)
        self._log: Log | None = None
        self._waiting: list[_Waiting] = []
        self._is_scheduled = False
        self._is_stale = False
        self._written = 0
        self._checkpoint: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """See ``Journal.open``."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = f"the directory of the journal `{self._path}` cannot be made ({error.strerror})"
            raise JournalUnavailable(reason, retry_safe=True) from error
        self._lock.acquire()
        try:
            with mapped(self._path):
                self._log = Log(self._path, self._settings)
        except BaseException:
            self._lock.release()
            raise

    async def close(self) -> None:
        """See ``Journal.close``."""
        while self._waiting and self._log is not None:
            self._flush()
        log, self._log = self._log, None
        if self._checkpoint is not None:
            await self._checkpoint
        if log is not None:
            log.close()
        self._lock.release()

    async def load(self, entity: EntityKey) -> History:
        """See ``Journal.load``."""
        with mapped(self._path):
            log = self._fresh_log()
            head = log.head(entity)
            snapshot = log.state(head)
            after = snapshot.sequence if snapshot is not None else 0
            events: list[Event] = []
            newest = head.event
            while newest and head.sequence > after:
                some, newest = log.events_backwards(newest, after, _SLICE)
                events += some
                if len(some) < _SLICE:
                    break
                await asyncio.sleep(0)
        events.reverse()
        return History(snapshot, events, head.sequence)

    async def load_value(self, entity: EntityKey) -> Value:
        """See ``Journal.load_value``."""
        with mapped(self._path):
            log = self._fresh_log()
            head = log.head(entity)
            state = log.state(head)
        return Value(None if state is None else state.payload, head.sequence)

    def append(self, append: AppendEvents | WriteValue) -> asyncio.Future[int]:
        """See ``Journal.append``."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[int] = loop.create_future()
        try:
            self._written += checked_size(append, self._settings.max_append)
            if self._log is None:
                raise JournalUnavailable(f"the journal `{self._path}` is closed", retry_safe=True)
            if len(self._waiting) >= self._settings.max_waiting:
                raise JournalUnavailable(f"{len(self._waiting)} appends already wait for the journal", retry_safe=True)
        except JournalError as error:
            future.set_exception(error)
            return future
        self._waiting.append((append, future))
        if not self._is_scheduled:
            self._is_scheduled = True
            loop.call_soon(self._flush)
        return future

    def _flush(self) -> None:
        """Commit what waits, and tell those who wait for it."""
        self._is_scheduled = False
        batch, self._waiting = self._waiting[: self._settings.max_batch], self._waiting[self._settings.max_batch :]
        if not batch:
            return
        if self._waiting:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)
        try:
            log = self._fresh_log()
            results = log.write([append for append, _ in batch], int(self._clock.wall() * 1_000_000)).results
        except sqlite3.Error as error:
            # What the file holds now is read again before anything else is done with it.
            self._is_stale = True
            failure = journal_error(error, self._path, retry_safe=None)
            logger.error("%d appends are not acknowledged: %s", len(batch), failure)
            _fail(batch, failure)
            return
        except JournalError as error:
            _fail(batch, error)
            return
        for (_, future), result in zip(batch, results, strict=True):
            if future.cancelled():
                continue
            if isinstance(result, int):
                future.set_result(result)
            else:
                future.set_exception(result)
        if self._written >= self._settings.checkpoint_every and self._checkpoint is None:
            self._written = 0
            self._checkpoint = asyncio.get_running_loop().create_task(self._run_checkpoint())

    def _fresh_log(self) -> Log:
        if self._log is None:
            raise JournalUnavailable(f"the journal `{self._path}` is closed", retry_safe=True)
        if self._is_stale:
            self._log.recover()
            self._is_stale = False
        return self._log

    async def _run_checkpoint(self) -> None:
        """Copy most of the write-ahead log on another thread, then what came meanwhile, and begin it anew."""
        try:
            await asyncio.to_thread(self._copy_log)
            if self._log is not None:
                self._log.checkpoint("RESTART")
        except sqlite3.Error as error:
            logger.warning("the journal `%s` could not be checkpointed, will try again: %s", self._path, error)
        finally:
            self._checkpoint = None

    def _copy_log(self) -> None:
        connection = connect(self._path, self._settings.busy_timeout)
        try:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        finally:
            connection.close()


def _fail(batch: list[_Waiting], error: JournalError) -> None:
    for _, future in batch:
        if not future.cancelled():
            future.set_exception(error)
