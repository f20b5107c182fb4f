"""The tables of a PostgreSQL journal, and how they come to this version.

    meta    one row: the version of the tables
    shard   a row for each shard: its epoch, and the offset of its last event. The row of the empty name is for appends
            without a fence
    head    a row for each entity: its sequence
    event   every event; ``place`` is its offset within the log of its shard
    state   the newest snapshot or value of an entity; url NULL: deleted
    answer  the answers that are kept for retries

Types, ids and names are bytes (UTF-8): text cannot have NUL, and bytes sort by code point under every collation.
"""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

from cloudstate.runtime.journal.errors import JournalInvalid
from cloudstate.runtime.journal.postgresql.settings import PostgresSettings

_FIRST = """
CREATE TABLE {t}shard (name bytea PRIMARY KEY, epoch bigint NOT NULL, last bigint NOT NULL);
INSERT INTO {t}shard VALUES (''::bytea, 0, 0);
CREATE TABLE {t}head (type bytea, id bytea, sequence bigint NOT NULL, PRIMARY KEY (type, id));
CREATE TABLE {t}event (
    type bytea, id bytea, sequence bigint, url text NOT NULL, value bytea NOT NULL, written double precision NOT NULL,
    shard bytea NOT NULL, place bigint NOT NULL, PRIMARY KEY (type, id, sequence));
CREATE UNIQUE INDEX {n}event_place ON {t}event (shard, place);
CREATE TABLE {t}state (
    type bytea, id bytea, sequence bigint NOT NULL, url text, value bytea, fingerprint text NOT NULL,
    PRIMARY KEY (type, id));
CREATE TABLE {t}answer (
    type bytea, id bytea, number bigint, command bytea NOT NULL, reply bytea NOT NULL,
    written double precision NOT NULL, PRIMARY KEY (type, id, number));
CREATE INDEX {n}answer_written ON {t}answer (written)
"""

#: The step from version n to n + 1 is at n. A released step is never changed.
MIGRATIONS: tuple[str, ...] = (_FIRST,)

#: Tables that somebody else makes at the same time; then the other one's are there.
_RACED = (
    asyncpg.UniqueViolationError,
    asyncpg.DuplicateTableError,
    asyncpg.DuplicateSchemaError,
    asyncpg.DuplicateObjectError,
)
_ATTEMPTS = 10


def tables(settings: PostgresSettings) -> dict[str, str]:
    """What stands for the tables' names in statements."""
    return {"t": f'"{settings.schema}".{settings.prefix}', "n": settings.prefix}


async def prepare(connection: Any, settings: PostgresSettings) -> None:
    """Bring the tables to this version; many processes may do so at once.

    Raises:
        JournalInvalid: they are of a newer version.
        asyncpg.PostgresError: something is in the way.
    """
    for attempt in range(_ATTEMPTS):
        try:
            await _prepare(connection, settings)
        except _RACED:
            if attempt == _ATTEMPTS - 1:
                raise
            await asyncio.sleep(0.05 * (attempt + 1))  # until the other's transaction is over
        else:
            return


async def _prepare(connection: Any, settings: PostgresSettings) -> None:
    names = tables(settings)
    if await _version(connection, settings, "") == len(MIGRATIONS):
        return  # nothing to do, and no right to do it needed
    async with connection.transaction():
        if not await _exists(connection, "pg_namespace", "nspname = $1", settings.schema):
            await connection.execute(f'CREATE SCHEMA "{settings.schema}"')
        if not await _has_meta(connection, settings):
            await connection.execute(f"CREATE TABLE {names['t']}meta (one int PRIMARY KEY, version int NOT NULL)")
            await connection.execute(f"INSERT INTO {names['t']}meta VALUES (1, 0)")
        version = await _version(connection, settings, " FOR UPDATE")
        for migration in MIGRATIONS[version:]:
            for statement in migration.format(**names).split(";\n"):
                await connection.execute(statement)
        await connection.execute(f"UPDATE {names['t']}meta SET version = {len(MIGRATIONS)}")


async def _version(connection: Any, settings: PostgresSettings, lock: str) -> int:
    if not await _has_meta(connection, settings):
        return 0
    query = f"SELECT version FROM {tables(settings)['t']}meta WHERE one = 1{lock}"
    version = int(await connection.fetchval(query) or 0)
    if version > len(MIGRATIONS):
        raise JournalInvalid(
            f"the journal in {settings.where} has version {version}, this version knows {len(MIGRATIONS)}; "
            "use the newer version that wrote it, or give another schema or table_prefix"
        )
    return version


async def _has_meta(connection: Any, settings: PostgresSettings) -> bool:
    condition = "schemaname = $1 AND tablename = $2"
    return await _exists(connection, "pg_tables", condition, settings.schema, f"{settings.prefix}meta")


async def _exists(connection: Any, view: str, condition: str, *arguments: str) -> bool:
    """Also what this role has no right to: ``information_schema`` would leave that out."""
    found = await connection.fetchval(f"SELECT 1 FROM pg_catalog.{view} WHERE {condition}", *arguments)
    return found is not None
