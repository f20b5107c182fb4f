"""What happens behind the log, on a thread of its own: the index follows, and the write-ahead log is copied.

Neither is on the way of a commit. The write-ahead log is copied into the database file while commits go on; that never
quite catches up with a busy log, so when it has grown to its limit, commits are held for the few milliseconds that the
rest takes, and it starts again from its beginning.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from cloudstate.runtime.clock import Clock
from cloudstate.runtime.journal.errors import JournalError
from cloudstate.runtime.journal.sqlite import schema
from cloudstate.runtime.journal.sqlite.group_commit import GroupCommit
from cloudstate.runtime.journal.sqlite.heads import Heads
from cloudstate.runtime.journal.sqlite.index import Index, Mark
from cloudstate.runtime.journal.sqlite.log import Log
from cloudstate.runtime.journal.sqlite.plan import End, Head, Key
from cloudstate.runtime.journal.sqlite.recovery import time_at
from cloudstate.runtime.journal.sqlite.settings import SqliteSettings

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: What a commit adds to the write-ahead log besides its payloads: about three pages that it touches.
_COMMIT_OVERHEAD = 3 * 4096
#: Seconds before work that failed is tried again.
_PAUSE = 1.0


class Upkeep:
    """Works when there is enough to do, one thing at a time.

    Args:
        path: the log's file.
        log: asked for its end and its names.
        heads: where what is not indexed is taken from.
        index: what is written.
    """

    def __init__(
        self, path: Path, log: Log, heads: Heads, index: Index, clock: Clock, settings: SqliteSettings
    ) -> None:
        self._path = path
        self._log = log
        self._heads = heads
        self._index = index
        self._clock = clock
        self._settings = settings
        self._connection = schema.connect(path)
        self._connection.execute("PRAGMA synchronous = FULL")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal-upkeep")
        self._indexed = log.end
        self._wal_bytes = 0
        self._not_before = 0.0
        self._task: asyncio.Task[None] | None = None

    def committed(self, commits: GroupCommit, size: int) -> None:
        """A commit wrote so many bytes of payload; start working if it is time."""
        self._wal_bytes += size + _COMMIT_OVERHEAD
        is_due = self._task is None and (self._is_index_due() or self._is_checkpoint_due())
        if is_due and self._clock.monotonic() >= self._not_before:
            self._task = asyncio.get_running_loop().create_task(self._work(commits))

    async def close(self) -> None:
        """Finish: after this the index covers the log and the write-ahead log is empty, unless the disk refuses."""
        if self._task is not None:
            await asyncio.shield(self._task)
        try:
            if self._indexed != self._log.end:
                await self._write_index()
            await self._run(lambda: self._checkpoint("TRUNCATE"))
        except (sqlite3.Error, JournalError) as error:
            logger.warning("the journal `%s` is complete, but its files are not tidy: %s", self._path, error)
        self._thread.shutdown()
        self._connection.close()

    def _is_index_due(self) -> bool:
        end, indexed = self._log.end, self._indexed
        return sum(end) - sum(indexed) >= self._settings.index_lag

    def _is_checkpoint_due(self) -> bool:
        return self._wal_bytes >= self._settings.checkpoint_every

    async def _work(self, commits: GroupCommit) -> None:
        try:
            if self._is_checkpoint_due():
                await self._copy_wal(commits)
            if self._is_index_due():
                await self._write_index()
        except (sqlite3.Error, JournalError) as error:
            self._not_before = self._clock.monotonic() + _PAUSE
            logger.warning("upkeep of the journal `%s` will be tried again: %s", self._path, error)
        finally:
            self._task = None

    async def _write_index(self) -> None:
        end, heads = self._log.end, self._heads.start_writing()
        try:
            await self._run(lambda: self._index_heads(heads, end))
        except BaseException:
            self._heads.not_written()
            raise
        self._heads.written()
        self._indexed = end

    def _index_heads(self, heads: Mapping[Key, Head], end: End) -> None:
        names = self._log.names
        rows = ((names[type], id, event, state, answer) for (type, id), (_, event, state, answer) in heads.items())
        self._index.write(rows, Mark(end, time_at(self._connection, end.event) or 0))

    async def _copy_wal(self, commits: GroupCommit) -> None:
        self._wal_bytes = 0
        pages = await self._run(lambda: self._checkpoint("PASSIVE"))
        if pages * 4096 < self._settings.wal_limit:
            return
        await commits.hold()
        try:
            # Readers in other processes may keep it from starting again; then it grows until they are done.
            await self._run(lambda: self._checkpoint("RESTART"))
        finally:
            commits.release()

    def _checkpoint(self, mode: str) -> int:
        """Copy the write-ahead log; gives how many pages it has."""
        _, pages, _ = self._connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        return int(pages)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
