"""The queue before the database: what waits is one statement, and one statement runs at a time.

The next one gathers while the database works. Errors are an append's own where they can be: a batch that cannot be
written because of what it holds is written in halves. When the connection is lost while a statement runs, nobody knows
whether it was carried out; its appends fail so, and the next ones get a new connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import asyncpg

from cloudstate.runtime.clock import Clock
from cloudstate.runtime.journal.errors import JournalError, JournalUnavailable
from cloudstate.runtime.journal.limits import RETENTION, checked_size
from cloudstate.runtime.journal.port import Appended
from cloudstate.runtime.journal.postgresql.batch import Append, Batch, Chain, lay_out, refused, written
from cloudstate.runtime.journal.postgresql.faults import AGAIN, CONNECTION, DATA, journal_error
from cloudstate.runtime.journal.postgresql.settings import PostgresSettings
from cloudstate.runtime.journal.postgresql.statements import Statements

logger = logging.getLogger(__name__)

#: An append, who is told of it, and its size.
_Waiting: TypeAlias = tuple[Append, Callable[[Appended], None], int]

#: How often a statement is tried that the database itself took back.
_ATTEMPTS = 5
_FORGOTTEN_AT_ONCE = 1000


class Writer:
    """Writes what is submitted, in order.

    Args:
        connect: gives a new connection.
    """

    def __init__(
        self,
        settings: PostgresSettings,
        statements: Statements,
        clock: Clock,
        connect: Callable[[], Any],
    ) -> None:
        self._settings = settings
        self._statements = statements
        self._clock = clock
        self._connect = connect
        self._connection: Any = None
        self._waiting: list[_Waiting] = []
        self._waiting_bytes = 0
        self._task: asyncio.Task[None] | None = None
        self._is_failing = False
        self._forget_at = 0.0

    def submit(self, append: Append, done: Callable[[Appended], None]) -> None:
        """See ``Journal.submit``."""
        settings = self._settings
        try:
            size = checked_size(append, settings.max_append)
            if len(self._waiting) >= settings.max_waiting or (
                self._waiting and self._waiting_bytes + size > settings.max_waiting_bytes
            ):
                reason = f"{len(self._waiting)} appends ({self._waiting_bytes} bytes) already wait for the journal"
                raise JournalUnavailable(reason, retry_safe=True)
        except JournalError as error:
            done(error)
            return
        self._waiting.append((append, done, size))
        self._waiting_bytes += size
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def close(self) -> None:
        """Write what waits. The caller sees to it that nothing is submitted any more."""
        while self._task is not None:
            await asyncio.wait({self._task})
        await self._disconnect()

    async def _work(self) -> None:
        try:
            while self._waiting:
                taken = self._take()
                left = await self._write(taken)
                self._waiting[:0] = left
                self._waiting_bytes += sum(size for _, _, size in left)
        finally:
            self._task = None

    def _take(self) -> list[_Waiting]:
        count = size = 0
        for _, _, added in self._waiting[: self._settings.max_batch]:
            if count and size + added > self._settings.max_batch_bytes:
                break
            count += 1
            size += added
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        self._waiting_bytes -= size
        return taken

    async def _write(self, taken: list[_Waiting]) -> list[_Waiting]:
        """Write a beginning of what was taken and tell everybody in it; gives what is still to be written."""
        mine, rest = taken, list[_Waiting]()
        try:
            batch = lay_out([append for append, _, _ in taken], self._clock.wall())
            mine, rest = taken[: len(batch.appends)], taken[len(batch.appends) :]
            numbers = await self._execute(batch)
            results, again = await self._results(batch, numbers)
        except DATA as error:
            if len(mine) > 1:
                middle = len(mine) // 2
                left = await self._write(mine[:middle])
                return [*left, *mine[middle:], *rest]
            self._fail(mine, journal_error(error, self._settings, retry_safe=False))
            return rest
        except JournalError as error:
            self._fail(mine, error)
            return rest
        self._succeeded()
        for place, (_, done, _) in enumerate(mine):
            if place in results:
                done(results[place])
        await self._forget(batch)
        return [*(mine[place] for place in again), *rest]

    async def _execute(self, batch: Batch) -> set[int]:
        """The numbers of the entities that were written.

        Raises:
            JournalUnavailable: see its ``retry_safe``.
            asyncpg.DataError, ...: one of DATA; nothing was written.
        """
        for attempt in range(_ATTEMPTS):
            connection = await self._connected()
            try:
                rows = await connection.fetch(self._statements.write, *batch.arguments)
            except AGAIN as error:
                if attempt == _ATTEMPTS - 1:
                    raise journal_error(error, self._settings, retry_safe=True) from error
            except DATA:
                raise
            except asyncpg.PostgresError as error:
                if connection.is_closed() or isinstance(error, (asyncpg.OperatorInterventionError, *CONNECTION)):
                    await self._disconnect()
                    raise journal_error(error, self._settings, retry_safe=None) from error
                if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
                    await self._disconnect()  # the next connection may find the primary
                raise journal_error(error, self._settings, retry_safe=True) from error
            except Exception as error:  # a connection that dies in the middle has many ways to say so
                await self._disconnect()
                raise journal_error(error, self._settings, retry_safe=None) from error
            else:
                return {row[0] for row in rows}
        raise AssertionError("unreachable")

    async def _results(self, batch: Batch, numbers: set[int]) -> tuple[dict[int, Appended], Sequence[int]]:
        """What became of each append by its place, and the places of those that are to be tried again."""
        results: dict[int, Appended] = {}
        again: list[int] = []
        for chain in batch.chains.values():
            if chain.number in numbers:
                results.update(written(batch, chain))
                continue
            epoch, sequence = await self._actual(chain)
            if epoch is None:
                results.update(dict.fromkeys((place for place, _ in chain.appends), self._no_shard(chain)))
                continue
            for place, error in refused(batch, chain, epoch, sequence).items():
                if error is None:
                    again.append(place)
                else:
                    results[place] = error
        return results, sorted(again)

    def _no_shard(self, chain: Chain) -> JournalUnavailable:
        shard = "" if chain.fence is None else chain.fence.shard
        return JournalUnavailable(
            f"the journal in {self._settings.where} has no row for shard `{shard}`: nobody took it over, or the tables "
            "were restored in part; take it over, or restore all of them",
            retry_safe=True,
        )

    async def _actual(self, chain: Chain) -> tuple[int | None, int]:
        """The epoch of its shard (None: there is no such shard) and the sequence of its entity."""
        type, id = chain.entity
        shard = "" if chain.fence is None else chain.fence.shard
        connection = await self._connected()
        try:
            row = await connection.fetchrow(self._statements.actual, shard.encode(), type.encode(), id.encode())
        except Exception as error:
            await self._disconnect()
            raise journal_error(error, self._settings, retry_safe=None) from error  # the other chains are written
        return row[0], row[1] or 0

    async def _forget(self, batch: Batch) -> None:
        """Delete answers that are too old, now and then, where new ones come."""
        now = self._clock.monotonic()
        if now < self._forget_at or not any(append.answer is not None for append in batch.appends):
            return
        self._forget_at = now + self._settings.forget_every
        try:
            done = await self._connection.execute(self._statements.forget, self._clock.wall() - RETENTION)
            if done == f"DELETE {_FORGOTTEN_AT_ONCE}":
                self._forget_at = now  # there are more
        except Exception as error:
            logger.warning("old answers could not be deleted: %s", error)

    async def _connected(self) -> Any:
        if self._connection is None or self._connection.is_closed():
            try:
                self._connection = await self._connect()
            except Exception as error:
                raise journal_error(error, self._settings, retry_safe=True) from error
        return self._connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    def _fail(self, batch: list[_Waiting], error: JournalError) -> None:
        if not self._is_failing:
            self._is_failing = True
            logger.error("%d appends are refused, more may follow: %s", len(batch), error)
        for _, done, _ in batch:
            done(error)

    def _succeeded(self) -> None:
        if self._is_failing:
            self._is_failing = False
            logger.info("the journal in %s can be written again", self._settings.where)
