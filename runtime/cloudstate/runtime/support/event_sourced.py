"""Streams of event-sourced entities: the history is the init's snapshot and the events that follow it."""

from __future__ import annotations

from cloudstate import entity_pb2 as pb
from cloudstate.event_sourced_pb2 import (
    EventSourcedEvent,
    EventSourcedInit,
    EventSourcedReply,
    EventSourcedStreamIn,
    EventSourcedStreamOut,
)
from cloudstate.runtime.entity.messages import EventsEmitted, Outcome
from cloudstate.runtime.function.remote.messages import any_of, payload_of
from cloudstate.runtime.journal.port import EntityKey, Event, History, Snapshot
from cloudstate.runtime.support.stream import EntityStreams, StreamBroken


class Told:
    """A history as a stream tells it, in the place of a journal."""

    def __init__(self, init: EventSourcedInit) -> None:
        self._snapshot: Snapshot | None = None
        self._events: list[Event] = []
        self._sequence = 0
        if init.HasField("snapshot"):
            self._sequence = init.snapshot.snapshot_sequence
            self._snapshot = Snapshot(self._sequence, payload_of(init.snapshot.snapshot))

    def add(self, event: EventSourcedEvent) -> None:
        """The next event.

        Raises:
            StreamBroken: it is not the next one.
        """
        if event.sequence != self._sequence + 1:
            raise StreamBroken(f"Protocol error: event {event.sequence} where {self._sequence + 1} is expected")
        self._sequence = event.sequence
        self._events.append(Event(event.sequence, payload_of(event.payload)))

    async def load(self, entity: EntityKey, *, schema: str | None = None) -> History:
        """See ``Histories.load``; the protocol does not tell the schema of a snapshot."""
        return History(self._snapshot, self._events, self._sequence)


class EventSourcedStreams(EntityStreams):
    """See ``EntityStreams``."""

    message_in = EventSourcedStreamIn
    message_out = EventSourcedStreamOut
    restarts = True

    def opened(self, init: EventSourcedInit) -> Told:
        """See ``EntityStreams.opened``."""
        return Told(init)

    def reply(
        self, command_id: int, action: pb.ClientAction, effects: list[pb.SideEffect], outcome: Outcome
    ) -> EventSourcedReply:
        """See ``EntityStreams.reply``."""
        reply = EventSourcedReply(command_id=command_id, client_action=action, side_effects=effects)
        change = outcome.change
        if isinstance(change, EventsEmitted):
            reply.events.extend(map(any_of, change.events))
            if change.snapshot is not None:
                reply.snapshot.CopyFrom(any_of(change.snapshot))
        return reply
