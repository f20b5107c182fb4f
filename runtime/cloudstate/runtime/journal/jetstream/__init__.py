"""The JetStream journal: entities in one stream of a NATS cluster that many processes share.

    settings  where the stream is
    subjects  an entity, a shard as a subject
    record    what a message holds
    stream    how the stream has to be set up
    replies   what the servers say to one connection
    store     requests to the stream: publish, read, create
    writer    the queue before the stream: what waits is published at once
    journal   the parts together; reading

An append is one message, published on the expectation that the entity's last message is the one that the writer knows.
A snapshot goes along as the second message of an atomic batch.

An answer is in the message of its append, and then copied to a subject of answers, where it can be found when there are
newer messages. The copy may be lost, so nobody writes an entity's next message before it is there: the writer waits
for its own copies, and who reads an entity in order to write it copies the answer of its last message if need be.

What JetStream promises is what its settings say: by default it acknowledges before it syncs.
"""

from cloudstate.runtime.journal.jetstream.journal import JetStreamJournal
from cloudstate.runtime.journal.jetstream.settings import JetStreamSettings, parse

__all__ = ["JetStreamJournal", "JetStreamSettings", "parse"]
