"""The engine on NATS: a bucket of JetStream is the table, core NATS carries the messages.

    settings  where the servers are
    link      one connection at a time, made anew for ever
    bucket    the table: a stream that keeps the last message of each subject
    watching  the table as it changes
    engine    the parts together

**What is in NATS can be lost** without harm to entities. If the servers forget the table, it is made anew: watchers
are told that every record is deleted, then what members write again. Revisions never start anew: the first of a new
table is the time of its making in microseconds, so that nobody takes a record for the one it knew. If the servers lose
the last changes only, watchers are told the records as they were before.
"""

from cloudstate.runtime.cluster.nats_engine.engine import NatsEngine

__all__ = ["NatsEngine"]
