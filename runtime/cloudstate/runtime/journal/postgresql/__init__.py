"""The PostgreSQL journal: entities in one database that many processes share.

    schema    the tables and how they come to their version
    statements  the SQL, for one schema and table prefix
    batch     what one statement writes, laid out as arrays; and what became of each append
    writer    the queue before the database: what waits is one statement
    journal   the parts together; reading
    faults    the database's errors as the journal's

Every append of a batch is checked and written by a single statement, so a batch costs one round trip. It locks the rows
of the shards that it writes for, which is what fences a stale owner and what puts the offsets of a shard's events into
the order of their commits.
"""

from cloudstate.runtime.journal.postgresql.journal import PostgresJournal
from cloudstate.runtime.journal.postgresql.settings import PostgresSettings, parse

__all__ = ["PostgresJournal", "PostgresSettings", "parse"]
