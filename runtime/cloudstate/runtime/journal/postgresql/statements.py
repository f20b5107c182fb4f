"""The SQL of a PostgreSQL journal, for one schema and table prefix."""

from __future__ import annotations

from cloudstate.runtime.journal.postgresql.schema import tables
from cloudstate.runtime.journal.postgresql.settings import PostgresSettings

# One batch. The inputs are arrays: entities that are written ($1-$6: number, type, id, expected, after, shard), the
# shards with the writer's epoch ($7, $8), events ($9-$14: entity, rank, sequence, url, value; time), states ($15-$19:
# entity, sequence, url, value, fingerprint), answers ($20-$23: entity, number, command, reply).
# An entity is written whole or not at all: if the rows of its shard and of its head are as expected.
_WRITE = """
WITH entity AS (
    SELECT * FROM unnest($1::int[], $2::bytea[], $3::bytea[], $4::bigint[], $5::bigint[], $6::bytea[])
        AS entity (entity, type, id, expected, after, shard)
), wanted AS (
    SELECT * FROM unnest($7::bytea[], $8::bigint[]) AS wanted (shard, epoch)
), fence AS (
    SELECT name, epoch FROM {t}shard WHERE name = ANY ($7::bytea[]) ORDER BY name FOR UPDATE
), allowed AS (
    SELECT entity.* FROM entity JOIN wanted USING (shard) JOIN fence ON fence.name = entity.shard
    WHERE fence.epoch <= wanted.epoch
), moved AS (
    UPDATE {t}head AS head SET sequence = allowed.after FROM allowed
    WHERE head.type = allowed.type AND head.id = allowed.id AND head.sequence = allowed.expected
    RETURNING allowed.entity
), created AS (
    INSERT INTO {t}head (type, id, sequence) SELECT type, id, after FROM allowed WHERE expected = 0
    ON CONFLICT DO NOTHING RETURNING type, id
), written AS (
    SELECT entity FROM moved UNION ALL
    SELECT allowed.entity FROM allowed JOIN created ON created.type = allowed.type AND created.id = allowed.id
), event AS (
    SELECT input.rank, input.sequence, input.url, input.value, entity.type, entity.id, entity.shard,
        row_number() OVER (PARTITION BY entity.shard ORDER BY input.rank) AS nth
    FROM unnest($9::int[], $10::bigint[], $11::bigint[], $12::text[], $13::bytea[])
        AS input (entity, rank, sequence, url, value)
    JOIN written ON written.entity = input.entity JOIN entity ON entity.entity = input.entity
), counted AS (
    UPDATE {t}shard AS shard SET last = last + many.count
    FROM (SELECT shard, count(*) AS count FROM event GROUP BY shard) AS many WHERE shard.name = many.shard
    RETURNING shard.name, shard.last - many.count AS before
), events AS (
    INSERT INTO {t}event (type, id, sequence, url, value, written, shard, place)
    SELECT event.type, event.id, event.sequence, event.url, event.value, $14, event.shard, counted.before + event.nth
    FROM event JOIN counted ON counted.name = event.shard
), states AS (
    INSERT INTO {t}state (type, id, sequence, url, value, fingerprint)
    SELECT entity.type, entity.id, input.sequence, input.url, input.value, input.fingerprint
    FROM unnest($15::int[], $16::bigint[], $17::text[], $18::bytea[], $19::text[])
        AS input (entity, sequence, url, value, fingerprint)
    JOIN written ON written.entity = input.entity JOIN entity ON entity.entity = input.entity
    ON CONFLICT (type, id) DO UPDATE SET sequence = excluded.sequence, url = excluded.url, value = excluded.value,
        fingerprint = excluded.fingerprint
), answers AS (
    INSERT INTO {t}answer (type, id, number, command, reply, written)
    SELECT entity.type, entity.id, input.number, input.command, input.reply, $14
    FROM unnest($20::int[], $21::bigint[], $22::bytea[], $23::bytea[]) AS input (entity, number, command, reply)
    JOIN written ON written.entity = input.entity JOIN entity ON entity.entity = input.entity
    ON CONFLICT (type, id, number) DO UPDATE SET command = excluded.command, reply = excluded.reply,
        written = excluded.written
)
SELECT entity FROM written
"""

# What is there instead of what an append expected: the epoch of its shard, the sequence of its entity.
_ACTUAL = """
SELECT (SELECT epoch FROM {t}shard WHERE name = $1), (SELECT sequence FROM {t}head WHERE type = $2 AND id = $3)
"""

# An entity as one answer of one moment: kind 0 its sequence, 1 its state, 2 an event, 3 an answer, 4 its shard's epoch.
_LOAD = """
SELECT 0 AS kind, sequence, '' AS url, ''::bytea AS name, ''::bytea AS value FROM {t}head WHERE type = $1 AND id = $2
UNION ALL
SELECT 1, sequence, url, convert_to(fingerprint, 'UTF8'), value FROM {t}state WHERE type = $1 AND id = $2
UNION ALL
(SELECT 3, number, '', command, reply FROM {t}answer WHERE type = $1 AND id = $2 ORDER BY number DESC LIMIT $3)
UNION ALL
SELECT 4, epoch, '', ''::bytea, ''::bytea FROM {t}shard WHERE name = $4
"""
_EVENTS_OF = """
UNION ALL
(SELECT 2, event.sequence, event.url, ''::bytea, event.value FROM {t}event AS event
    WHERE type = $1 AND id = $2 AND event.sequence > coalesce((SELECT state.sequence FROM {t}state AS state
        WHERE state.type = $1 AND state.id = $2 AND state.url IS NOT NULL
            AND ($5::text IS NULL OR state.fingerprint = $5)), 0)
    ORDER BY event.sequence)
"""

_TAKE_OVER = """
INSERT INTO {t}shard AS shard (name, epoch, last) VALUES ($1, 1, 0)
ON CONFLICT (name) DO UPDATE SET epoch = shard.epoch + 1 RETURNING epoch
"""

# The first row has the end of the partition, as of the same moment as the events that follow it.
_READ = """
SELECT last AS place, NULL::bytea AS type, NULL::bytea AS id, 0::bigint AS sequence, '' AS url, ''::bytea AS value,
    0::float8 AS written FROM {t}shard WHERE name = $1
UNION ALL
(SELECT place, type, id, sequence, url, value, written FROM {t}event
    WHERE shard = $1 AND place > $2 AND place <= $3 AND ($4::bytea[] IS NULL OR type = ANY ($4))
    ORDER BY place LIMIT $5)
"""
_EVENTS = """
SELECT place, type, id, sequence, url, value, written FROM {t}event
WHERE type = $1 AND id = $2 AND sequence > $3 ORDER BY sequence LIMIT $4
"""
_ENTITIES = "SELECT id FROM {t}head WHERE type = $1 AND ($2::bytea IS NULL OR id > $2) ORDER BY id LIMIT $3"
_NEXT_TYPE = "SELECT type FROM {t}head WHERE $1::bytea IS NULL OR type > $1 ORDER BY type LIMIT 1"
#: The settings without which a commit can be lost, if they are off.
WEAK = """
SELECT name FROM pg_catalog.pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')
    AND setting = 'off' ORDER BY name
"""
_FORGET = """
DELETE FROM {t}answer WHERE (type, id, number) IN (
    SELECT type, id, number FROM {t}answer WHERE written < $1 ORDER BY written LIMIT 1000)
"""


class Statements:
    """The statements of one journal."""

    def __init__(self, settings: PostgresSettings) -> None:
        names = tables(settings)
        self.write = _WRITE.format(**names)
        self.actual = _ACTUAL.format(**names)
        self.load_value = _LOAD.format(**names)
        self.load = self.load_value + _EVENTS_OF.format(**names)
        self.take_over = _TAKE_OVER.format(**names)
        self.partitions = "SELECT name FROM {t}shard ORDER BY name".format(**names)
        self.read = _READ.format(**names)
        self.events = _EVENTS.format(**names)
        self.entities = _ENTITIES.format(**names)
        self.next_type = _NEXT_TYPE.format(**names)
        self.forget = _FORGET.format(**names)
