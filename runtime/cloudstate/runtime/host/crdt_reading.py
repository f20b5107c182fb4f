"""CRDT entities as the journal has them."""

from __future__ import annotations

from cloudstate.runtime.crdt import UNKNOWN, decode
from cloudstate.runtime.entity.crdt_messages import Loaded
from cloudstate.runtime.entity.crdt_session import RECORD_URL
from cloudstate.runtime.journal.errors import JournalInvalid
from cloudstate.runtime.journal.port import EntityKey, Journal


async def read(journal: Journal, key: EntityKey) -> Loaded:
    """An entity's record, and the sequence that it is at.

    Raises:
        JournalUnavailable: it cannot be read now.
        JournalInvalid: what is there is no record.
        EncodingInvalid: the record is damaged, or of a newer version.
    """
    stored = await journal.load_value(key)
    if stored.payload is None:
        return Loaded(UNKNOWN, stored.sequence)
    if stored.payload.type_url != RECORD_URL:
        raise JournalInvalid(f"a {stored.payload.type_url} is stored where a CRDT should be")
    return Loaded(decode(stored.payload.value), stored.sequence)
