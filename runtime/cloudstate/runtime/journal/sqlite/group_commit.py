"""When the log is written: what the event loop finds ready at a time is one transaction, and all of it is answered.

A transaction is committed on the loop, which does not touch the disk, and then synced by the disk's ``sync``, while the
loop goes on and the next batch gathers. Appends are answered, and heads move on, when their batch is synced.

Errors are an append's own where they can be. A batch that cannot be written is written in halves, down to the appends
that are in the way. A disk that fails to sync may have lost what it was given although later syncs succeed; then
nothing is written any more until the journal is opened again.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

from cloudstate.runtime.clock import Clock
from cloudstate.runtime.journal.errors import JournalError, JournalUnavailable
from cloudstate.runtime.journal.limits import checked_size
from cloudstate.runtime.journal.port import Appended, AppendEvents, WriteValue
from cloudstate.runtime.journal.sqlite.disk import Disk
from cloudstate.runtime.journal.sqlite.faults import is_busy, is_full, journal_error
from cloudstate.runtime.journal.sqlite.heads import Heads
from cloudstate.runtime.journal.sqlite.log import Log
from cloudstate.runtime.journal.sqlite.plan import Append, Plan, TakeOver
from cloudstate.runtime.journal.sqlite.settings import SqliteSettings

logger = logging.getLogger(__name__)

#: An append, who is told of it, and its size.
_Waiting = tuple[Append, Callable[[Appended], None], int]

_BUSY_RETRY = 0.005


class GroupCommit:
    """The queue before the log.

    Args:
        log: what is written; nobody else may write it.
        disk: syncs what is written.
        heads: kept up to date with the log.
        path: the log's file, for messages.
        clock: measures how long another process is in the way.
        committed: called after every commit with the bytes of payload that it wrote.

    Attributes:
        commits: how many transactions were committed.
    """

    def __init__(
        self,
        log: Log,
        disk: Disk,
        heads: Heads,
        path: Path,
        clock: Clock,
        settings: SqliteSettings,
        committed: Callable[[int], None],
    ) -> None:
        self.commits = 0
        self._log = log
        self._disk = disk
        self._heads = heads
        self._path = path
        self._clock = clock
        self._settings = settings
        self._committed = committed
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Waiting] = []
        self._waiting_bytes = 0
        self._busy_since: float | None = None
        self._is_failing = False
        self._broken: JournalUnavailable | None = None
        # Idle: no turn is scheduled and no commit is on its way. A turn that finds itself held parks.
        self._is_idle = True
        self._is_held = False
        self._is_parked = False
        self._settled: asyncio.Future[None] | None = None

    def submit(self, append: AppendEvents | WriteValue, done: Callable[[Appended], None]) -> None:
        """See ``Journal.submit``."""
        try:
            size = checked_size(append, self._settings.max_append)
            self._check_room(size)
        except JournalError as error:
            done(error)
        else:
            self._enqueue((append, done, size))

    def take_over(self, shard: str, done: Callable[[Appended], None]) -> None:
        """Raise a shard's epoch; ``done`` is told the new one."""
        self._enqueue((TakeOver(shard), done, len(shard)))

    def _check_room(self, size: int) -> None:
        if len(self._waiting) >= self._settings.max_waiting or (
            self._waiting and self._waiting_bytes + size > self._settings.max_waiting_bytes
        ):
            reason = f"{len(self._waiting)} appends ({self._waiting_bytes} bytes) already wait for the journal"
            raise JournalUnavailable(reason, retry_safe=True)

    def _enqueue(self, waiting: _Waiting) -> None:
        self._waiting.append(waiting)
        self._waiting_bytes += waiting[2]
        if self._is_idle:
            self._is_idle = False
            # Not in this turn: what has arrived on other connections by now is read first, and is part of the batch.
            self._loop.call_soon(self._loop.call_soon, self._turn)

    def check(self) -> None:
        """Nothing may be read that the disk may not have kept: states are replaced in place.

        Raises:
            JournalUnavailable: a sync has failed.
        """
        if self._broken is not None:
            raise self._broken

    async def hold(self) -> None:
        """Begin no commit until ``release``; returns when the one on its way is done."""
        self._is_held = True
        if not self._is_idle and not self._is_parked:
            await self._settle()

    def release(self) -> None:
        """Undo ``hold``."""
        self._is_held = False
        if self._is_parked:
            self._is_parked = False
            self._loop.call_soon(self._turn)

    async def close(self) -> None:
        """Commit what waits. The caller sees to it that nothing is appended any more."""
        while not self._is_idle:
            await self._settle()

    async def _settle(self) -> None:
        """Wait until the current turn has ended."""
        if self._settled is None:
            self._settled = self._loop.create_future()
        await asyncio.shield(self._settled)

    def _turn(self) -> None:
        if self._is_held:
            self._is_parked = True
            self._announce()
            return
        batch = self._take()
        try:
            plan = self._stage(batch)
        except Exception as error:
            if not self._waits_for_lock(batch, error):
                self._rescue(batch, error)
                self._end_turn()
            return
        self._busy_since = None
        if plan.is_empty:
            self._adopt(batch, plan)
        elif self._commit(batch):
            self._disk.sync(partial(self._synced, batch, plan))
            return
        self._end_turn()

    def _stage(self, batch: list[_Waiting]) -> Plan:
        self.check()
        if self._heads.dirty >= self._settings.max_unindexed:
            self._committed(0)  # so that the index is tried again
            reason = f"the index of the journal `{self._path}` cannot be written; the log has the reason"
            raise JournalUnavailable(reason, retry_safe=True)
        return self._log.stage([append for append, _, _ in batch], self._heads)

    def _take(self) -> list[_Waiting]:
        """The next batch."""
        settings, waiting = self._settings, self._waiting
        if len(waiting) <= settings.max_batch and self._waiting_bytes <= settings.max_batch_bytes:
            self._waiting, self._waiting_bytes = [], 0
            return waiting
        count = size = 0
        for _, _, added in waiting[: settings.max_batch]:
            count += 1
            size += added
            if size >= settings.max_batch_bytes:
                break
        self._waiting, self._waiting_bytes = waiting[count:], self._waiting_bytes - size
        return waiting[:count]

    def _commit(self, batch: list[_Waiting]) -> bool:
        """Commit what is staged, or see to it that the batch is answered otherwise."""
        try:
            self._log.commit()
        except sqlite3.Error as error:
            self._commit_failed(batch, error)
        except Exception as error:
            self._log.rollback()
            self._fail(batch, JournalUnavailable(f"the journal failed ({error!r})", retry_safe=None))
        else:
            return True
        return False

    def _synced(self, batch: list[_Waiting], plan: Plan, error: OSError | None) -> None:
        """The disk is done with a committed batch."""
        if error is None:
            self._adopt(batch, plan)
        else:
            self._break(batch, error)
        self._end_turn()

    def _break(self, batch: list[_Waiting], error: OSError) -> None:
        reason = f"the disk failed to keep what the journal `{self._path}` wrote ({error})"
        self._fail(batch, JournalUnavailable(reason, retry_safe=None))
        help = "nothing is written any more; check the disk and start the runtime again"
        self._broken = JournalUnavailable(f"{reason}; {help}", retry_safe=True)

    def _end_turn(self) -> None:
        self._announce()
        if self._waiting:
            self._loop.call_soon(self._turn)
        else:
            self._is_idle = True

    def _announce(self) -> None:
        if self._settled is not None:
            self._settled.set_result(None)
            self._settled = None

    def _finish(self, batch: list[_Waiting], plan: Plan) -> None:
        """Commit what is staged, wait for the disk, and answer."""
        try:
            if not plan.is_empty:
                if not self._commit(batch):
                    return
                self._disk.sync_now()
        except OSError as error:
            self._break(batch, error)
        else:
            self._adopt(batch, plan)

    def _adopt(self, batch: list[_Waiting], plan: Plan) -> None:
        """The plan is durable: let everybody know."""
        if not plan.is_empty:
            self._log.adopt(plan)
            self._heads.adopt(plan.heads)
            self.commits += 1
            if self._is_failing:
                self._is_failing = False
                logger.info("the journal `%s` can be written again", self._path)
        size = 0
        for (_, done, added), result in zip(batch, plan.results, strict=True):
            size += added
            done(result)
        self._committed(size)

    def _waits_for_lock(self, batch: list[_Waiting], error: Exception) -> bool:
        """Put the batch back if another process is in the way, and not for too long yet."""
        if not (isinstance(error, sqlite3.Error) and is_busy(error)):
            return False
        now = self._clock.monotonic()
        if self._busy_since is None:
            self._busy_since = now
        if now - self._busy_since >= self._settings.busy_timeout:
            return False
        self._waiting[:0] = batch
        self._waiting_bytes += sum(size for _, _, size in batch)
        self._announce()
        self._loop.call_later(_BUSY_RETRY, self._turn)
        return True

    def _commit_failed(self, batch: list[_Waiting], error: sqlite3.Error) -> None:
        self._log.rollback()
        if is_full(error):
            self._rescue(batch, error)
        else:
            self._fail(batch, journal_error(error, self._path, retry_safe=None))

    def _rescue(self, batch: list[_Waiting], error: Exception) -> None:
        """Nothing of the batch is written; write what can be."""
        if len(batch) == 1 or (isinstance(error, sqlite3.Error) and is_busy(error)):
            self._fail(batch, self._not_written(error))
            return
        middle = len(batch) // 2
        for half in (batch[:middle], batch[middle:]):
            try:
                plan = self._stage(half)
            except Exception as again:
                self._rescue(half, again)
            else:
                self._finish(half, plan)

    def _not_written(self, error: Exception) -> JournalError:
        if isinstance(error, JournalError):
            return error
        if isinstance(error, sqlite3.Error):
            return journal_error(error, self._path, retry_safe=True)
        # Nothing that a caller of the right types can cause; the others must not wait for ever because of it.
        return JournalUnavailable(f"the journal `{self._path}` cannot write this append: {error!r}", retry_safe=False)

    def _fail(self, batch: list[_Waiting], error: JournalError) -> None:
        if not self._is_failing:
            self._is_failing = True
            logger.error("%d appends are refused, more may follow: %s", len(batch), error)
        for _, done, _ in batch:
            done(error)
