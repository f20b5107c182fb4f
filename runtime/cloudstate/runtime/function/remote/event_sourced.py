"""The protocol of event-sourced entities (protocol.md section 1.3)."""

from __future__ import annotations

from collections.abc import Iterator

from cloudstate.event_sourced_pb2 import (
    EventSourcedEvent,
    EventSourcedInit,
    EventSourcedReply,
    EventSourcedSnapshot,
    EventSourcedStreamIn,
    EventSourcedStreamOut,
)
from cloudstate.runtime.entity.messages import Change, EventsEmitted
from cloudstate.runtime.function.port import Histories
from cloudstate.runtime.function.remote.messages import any_of, payload_of
from cloudstate.runtime.journal.port import EntityKey, History

ENTITY_TYPE = "cloudstate.eventsourced.EventSourced"


class EventSourced:
    """See ``Protocol02``."""

    path = f"/{ENTITY_TYPE}/handle"
    noun = "entity"
    metrics_prefix = "cloudstate_eventsourced"
    message_in = EventSourcedStreamIn
    message_out = EventSourcedStreamOut

    async def load(self, journal: Histories, key: EntityKey, service: str) -> tuple[int, Iterator[bytes]]:
        """Init with the snapshot, then every event after it."""
        history = await journal.load(key)
        return history.sequence, _opening(history, key, service)

    def change(self, reply: EventSourcedReply) -> Change | None:
        """The events of a reply, and its snapshot."""
        if not reply.events:
            return None
        snapshot = payload_of(reply.snapshot) if reply.HasField("snapshot") else None
        return EventsEmitted(tuple(payload_of(event) for event in reply.events), snapshot)


def _opening(history: History, key: EntityKey, service: str) -> Iterator[bytes]:
    snapshot = None
    if history.snapshot is not None:
        sequence, payload = history.snapshot
        snapshot = EventSourcedSnapshot(snapshot_sequence=sequence, snapshot=any_of(payload))
    init = EventSourcedInit(service_name=service, entity_id=key.id, snapshot=snapshot)
    yield EventSourcedStreamIn(init=init).SerializeToString()
    for sequence, payload in history.events:
        event = EventSourcedEvent(sequence=sequence, payload=any_of(payload))
        yield EventSourcedStreamIn(event=event).SerializeToString()
