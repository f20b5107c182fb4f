"""The PostgreSQL journal: its parts, and reading."""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from cloudstate.runtime.clock import Clock
from cloudstate.runtime.journal.errors import Fenced, JournalInvalid, JournalUnavailable
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
from cloudstate.runtime.journal.postgresql.faults import CONNECTION, journal_error, mapped
from cloudstate.runtime.journal.postgresql.schema import prepare
from cloudstate.runtime.journal.postgresql.settings import PostgresSettings
from cloudstate.runtime.journal.postgresql.statements import WEAK, Statements
from cloudstate.runtime.journal.postgresql.writer import Writer
from cloudstate.runtime.payload import Payload

logger = logging.getLogger(__name__)

_HEAD, _STATE, _EVENT, _ANSWER, _EPOCH = range(5)
#: A page of the log comes from so many offsets at most.
_LOG_SLICE = 10_000


@dataclass(frozen=True, slots=True)
class _Open:
    readers: Any
    writer: Writer


class PostgresJournal(Journal):
    """Entities in a PostgreSQL database. What is acknowledged is committed, as durable as the server's settings say.

    Args:
        clock: gives the time that is kept with every record; nothing depends on it.
    """

    def __init__(self, settings: PostgresSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._statements = Statements(settings)
        self._running: _Open | None = None

    async def open(self) -> None:
        """See ``Journal.open``."""
        settings = self._settings
        try:
            readers = await asyncpg.create_pool(
                settings.dsn,
                min_size=1,
                max_size=settings.readers,
                reset=_as_it_is,
                timeout=settings.connect_timeout,
                command_timeout=settings.statement_timeout,
                server_settings={"application_name": "cloudstate"},
            )
        except ssl.SSLError as error:  # some are a ValueError, too
            raise journal_error(error, settings, retry_safe=True) from error
        except (ValueError, OverflowError) as error:
            raise JournalInvalid(f"the journal's address {settings.where} is not right: {error}") from error
        except (asyncpg.PostgresError, *CONNECTION) as error:
            raise journal_error(error, settings, retry_safe=True) from error
        try:
            with mapped(settings):
                async with readers.acquire() as connection:
                    await prepare(connection, settings)
                    await _warn_of_what_can_be_lost(connection, settings)
        except BaseException:
            readers.terminate()
            raise
        self._running = _Open(readers, Writer(settings, self._statements, self._clock, self._connect))

    async def close(self) -> None:
        """See ``Journal.close``."""
        running, self._running = self._running, None
        if running is not None:
            await running.writer.close()
            running.readers.terminate()

    def submit(self, append: AppendEvents | WriteValue, done: Callable[[Appended], None]) -> None:
        """See ``Journal.submit``."""
        if self._running is None:
            done(self._closed())
        else:
            self._running.writer.submit(append, done)

    async def load(
        self, entity: EntityKey, *, window: int = 0, schema: str | None = None, fence: Fence | None = None
    ) -> History:
        """See ``Journal.load``."""
        rows = await self._rows(self._statements.load, entity, window, fence, schema)
        events = sorted(Event(row[1], Payload(row[2], row[4])) for row in rows if row[0] == _EVENT)
        value = _value(rows)
        state = _one(rows, _STATE)
        snapshot = None
        if state is not None and value.payload is not None and schema in (None, state[3].decode()):
            snapshot = Snapshot(state[1], value.payload)
        return History(snapshot, events, value.sequence, value.answers)

    async def load_value(self, entity: EntityKey, *, window: int = 0, fence: Fence | None = None) -> Value:
        """See ``Journal.load_value``."""
        return _value(await self._rows(self._statements.load_value, entity, window, fence))

    async def take_over(self, shard: str) -> Fence:
        """See ``Journal.take_over``."""
        async with self._reading() as connection:
            return Fence(shard, await connection.fetchval(self._statements.take_over, shard.encode()))

    async def partitions(self) -> list[str]:
        """See ``Journal.partitions``: one for each shard, and one for what has none."""
        async with self._reading() as connection:
            return [row[0].decode() for row in await connection.fetch(self._statements.partitions)]

    async def read(self, partition: str, after: int, limit: int, types: frozenset[str] | None = None) -> Page:
        """See ``Journal.read``."""
        kinds = None if types is None else [type.encode() for type in types]
        upto = after + _LOG_SLICE
        async with self._reading() as connection:
            rows = await connection.fetch(self._statements.read, partition.encode(), after, upto, kinds, limit)
        end = next((row[0] for row in rows if row[1] is None), 0)
        found = sorted((_logged(row) for row in rows if row[1] is not None), key=lambda logged: logged.offset)
        return Page(found, found[-1].offset if len(found) == limit else max(after, min(end, upto)))

    async def events(self, entity: EntityKey, after: int, limit: int) -> list[Logged]:
        """See ``Journal.events``."""
        type, id = entity
        async with self._reading() as connection:
            rows = await connection.fetch(self._statements.events, type.encode(), id.encode(), after, limit)
        return [_logged(row) for row in rows]

    async def entities(self, type: str, after: str | None, limit: int) -> list[EntityKey]:
        """See ``Journal.entities``."""
        begin = None if after is None else after.encode()
        async with self._reading() as connection:
            rows = await connection.fetch(self._statements.entities, type.encode(), begin, limit)
        return [EntityKey(type, row[0].decode()) for row in rows]

    async def types(self) -> list[str]:
        """See ``Journal.types``."""
        found: list[bytes] = []
        async with self._reading() as connection:
            while True:  # a seek for each: there are few types and many entities
                last = found[-1] if found else None
                following = await connection.fetchval(self._statements.next_type, last)
                if following is None:
                    return [type.decode() for type in found]
                found.append(following)

    async def _rows(
        self, statement: str, entity: EntityKey, window: int, fence: Fence | None, *more: str | None
    ) -> list[Any]:
        """An entity as of one moment.

        Raises:
            Fenced: the reader's shard has a newer owner.
        """
        shard = "" if fence is None else fence.shard
        async with self._reading() as connection:
            arguments = entity.type.encode(), entity.id.encode(), window, shard.encode(), *more
            rows: list[Any] = await connection.fetch(statement, *arguments)
        epoch = _one(rows, _EPOCH)
        if fence is not None and epoch is not None and epoch[1] > fence.epoch:
            raise Fenced(shard=shard, epoch=fence.epoch, actual=epoch[1])
        return rows

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[Any]:
        if self._running is None:
            raise self._closed()
        readers = self._running.readers
        with mapped(self._settings):
            try:
                async with readers.acquire(timeout=self._settings.statement_timeout) as connection:
                    yield connection
            except asyncpg.ReadOnlySQLTransactionError:
                await readers.expire_connections()  # the next ones may find the primary
                raise

    async def _connect(self) -> Any:
        settings = self._settings
        return await asyncpg.connect(
            settings.dsn,
            timeout=settings.connect_timeout,
            command_timeout=settings.statement_timeout,
            server_settings={"application_name": "cloudstate-writer"},
        )

    def _closed(self) -> JournalUnavailable:
        return JournalUnavailable(f"the journal in {self._settings.where} is closed", retry_safe=True)


async def _warn_of_what_can_be_lost(connection: Any, settings: PostgresSettings) -> None:
    try:
        weak = [row[0] for row in await connection.fetch(WEAK)]
    except asyncpg.PostgresError:
        return  # a server of another kind, with settings of its own
    if weak:
        logger.warning(
            "the server of the journal in %s has %s: what is acknowledged can be lost when it crashes; turn it on",
            settings.where,
            " and ".join(f"{name}=off" for name in weak),
        )


async def _as_it_is(connection: Any) -> None:
    """Nothing is set on a connection that would have to be undone."""


def _one(rows: list[Any], kind: int) -> Any:
    return next((row for row in rows if row[0] == kind), None)


def _value(rows: list[Any]) -> Value:
    head, state = _one(rows, _HEAD), _one(rows, _STATE)
    payload = None if state is None or state[2] is None else Payload(state[2], state[4])
    answers = sorted(Answer(row[1], row[3].decode(), row[4]) for row in rows if row[0] == _ANSWER)
    return Value(payload, 0 if head is None else head[1], tuple(answers))


def _logged(row: Any) -> Logged:
    place, type, id, sequence, url, value, written = row
    return Logged(place, EntityKey(type.decode(), id.decode()), sequence, Payload(url, value), written)
