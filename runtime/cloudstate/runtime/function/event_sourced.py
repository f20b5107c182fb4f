"""Event-sourced entities in this process: the state is kept decoded, events are folded into it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message

from cloudstate.runtime.authoring.context import EventSourcedContext
from cloudstate.runtime.authoring.entity import EventSourcedEntity
from cloudstate.runtime.entity.messages import Change, Command, EventsEmitted, FunctionLost
from cloudstate.runtime.errors import EntityFailed
from cloudstate.runtime.function.binding import Fold, Handler, bind_commands, bind_events, bind_upcasters, type_url
from cloudstate.runtime.function.caller import Caller
from cloudstate.runtime.function.durable import DurableInstance
from cloudstate.runtime.function.endpoint import endpoints_of
from cloudstate.runtime.function.fingerprint import fingerprint
from cloudstate.runtime.function.port import Histories
from cloudstate.runtime.journal.port import EntityKey, Event, Snapshot
from cloudstate.runtime.payload import Payload

#: Replaying yields to other work after so many events.
REPLAY_SLICE = 1000

_WAY_OUT = "Keep the event in the spec, or write an upcaster. Or is this the journal of another service?"


class EmbeddedEventSourced:
    """The author's event-sourced entity: makes one instance per live entity."""

    metrics_prefix = "cloudstate_eventsourced"

    def __init__(self, entity: EventSourcedEntity[Any]) -> None:
        definition = entity.definition
        self.service = definition.service
        self.entity_type = definition.entity_type
        self.passivation = definition.passivation
        self.endpoints = endpoints_of(definition.commands)
        self.snapshot_every = definition.snapshot_every
        self.state_type = definition.state
        self.state_url = type_url(definition.state)
        self.state_schema = fingerprint(definition.state.DESCRIPTOR)
        self.caller = Caller()
        self.handlers = bind_commands(entity, definition.commands, self.caller)
        self.folds = bind_events(entity, definition.events)
        self.folds_by_url = {fold.type_url: fold for fold in self.folds.values()}
        #: Takes events whose types are not named, JSON for one, if `google.protobuf.Any` is among the events.
        self.fold_of_any = self.folds.get(AnyMessage)
        self.states_by_url: dict[str, Callable[[bytes], Message]] = {self.state_url: definition.state.FromString}
        for upcast in bind_upcasters(entity, definition.upcasters):
            if upcast.result in self.folds:
                fold = self.folds[upcast.result]
                self.folds_by_url[upcast.type_url] = replace(fold, type_url=upcast.type_url, parse=upcast.parse)
            if upcast.result is definition.state:
                self.states_by_url[upcast.type_url] = upcast.parse
        #: Older snapshots are replaced by a replay, unless the author says how to read them.
        self.wanted_schema = self.state_schema if len(self.states_by_url) == 1 else None
        self.empty_state: Callable[[str], Message] = entity.empty_state

    def decoded(self, payload: Payload) -> tuple[Fold, Message]:
        """A stored event, and its handler.

        Raises:
            TypeError: there is no handler for events of its type.
        """
        fold = self.folds_by_url.get(payload.type_url)
        if fold is not None:
            return fold, fold.parse(payload.value)
        if self.fold_of_any is not None:
            return self.fold_of_any, AnyMessage(type_url=payload.type_url, value=payload.value)
        unknown = TypeError(f"no handler for stored events of type {payload.type_url}")
        unknown.add_note(f"There are handlers for {', '.join(sorted(self.folds_by_url))}. {_WAY_OUT}")
        raise unknown

    def instance(self, key: EntityKey, lost: Callable[[FunctionLost], None] | None = None) -> EventSourcedInstance:
        """See ``EntityFunction.instance``. Code in this process is never lost."""
        return EventSourcedInstance(key, self)


class EventSourcedInstance(DurableInstance):
    """One live event-sourced entity."""

    __slots__ = ("_broken", "_emitted", "_function", "sequence", "state")

    def __init__(self, key: EntityKey, function: EmbeddedEventSourced) -> None:
        super().__init__(key, function.handlers)
        self._function = function
        self._broken = False
        self._emitted: list[Payload] = []
        self.sequence = 0
        self.state: Any = None

    @property
    def entity_id(self) -> str:
        """The entity's id."""
        return self.key.id

    async def start(self, journal: Histories) -> int:
        """See ``Instance.start``."""
        history = await journal.load(self.key, schema=self._function.wanted_schema)
        try:
            self._restore(history.snapshot)
            for start in range(0, len(history.events), REPLAY_SLICE):
                self._replay(history.events[start : start + REPLAY_SLICE])
                if start:
                    await asyncio.sleep(0)
        except Exception as error:
            at = self.sequence + 1
            raise EntityFailed(
                entity_type=self.key.type, entity_id=self.key.id, doing=f"replaying (sequence {at})"
            ) from error
        self.sequence = history.sequence
        return history.sequence

    def apply(self, event: Message) -> None:
        """Fold an event that a command handler emits into the state."""
        fold = self._function.folds.get(type(event))
        if fold is None:
            known = ", ".join(sorted(kind.__name__ for kind in self._function.folds))
            raise TypeError(f"emit() was given a {type(event).__name__}; the events of this entity are: {known}")
        payload = _stored(fold, event)
        try:
            # What is in an Any may be an event of the spec: then the handler is the one that will read it again.
            self.state = self._read(payload) if fold is self._function.fold_of_any else self._folded(fold, event)
        except BaseException:
            self._broken = True
            raise
        self.sequence += 1
        self._emitted.append(payload)

    def _restore(self, snapshot: Snapshot | None) -> None:
        if snapshot is None:
            self.state = self._function.empty_state(self.key.id)
            return
        parse = self._function.states_by_url.get(snapshot.payload.type_url)
        if parse is None:
            raise TypeError(f"snapshot of {snapshot.payload.type_url}, the state is {self._function.state_url}")
        self.state = parse(snapshot.payload.value)
        self.sequence = snapshot.sequence

    def _replay(self, events: list[Event]) -> None:
        for sequence, payload in events:
            self.state = self._read(payload)
            self.sequence = sequence

    def _read(self, payload: Payload) -> Any:
        """The state after a stored event."""
        return self._folded(*self._function.decoded(payload))

    def _folded(self, fold: Fold, event: Message) -> Any:
        state = fold.apply(self.state, event)
        if type(state) is not self._function.state_type:
            expected = self._function.state_type.__name__
            raise TypeError(f"event handler `{fold.method}` returned {type(state).__name__} instead of {expected}")
        return state

    def _context(self, command: Command, handler: Handler) -> EventSourcedContext[Any]:
        self._emitted = []
        return EventSourcedContext(self, command.metadata, command.deadline, handler.reads_only)

    def _change(self, ctx: EventSourcedContext[Any]) -> Change | None:
        if self._broken:
            raise RuntimeError("an event handler raised earlier in this command, and the command went on regardless")
        if not self._emitted:
            return None
        every, events = self._function.snapshot_every, tuple(self._emitted)
        if every and (self.sequence - len(events)) // every != self.sequence // every:
            snapshot = Payload(self._function.state_url, self.state.SerializeToString())
            return EventsEmitted(events, snapshot, self._function.state_schema)
        return EventsEmitted(events)

    def _is_dirty(self, ctx: EventSourcedContext[Any]) -> bool:
        return self._broken or bool(self._emitted)


def _stored(fold: Fold, event: Message) -> Payload:
    """An event as it is stored. What is in a ``google.protobuf.Any`` is stored under its own name."""
    if not isinstance(event, AnyMessage):
        return Payload(fold.type_url, event.SerializeToString())
    if not event.type_url:
        raise ValueError("emit() was given a google.protobuf.Any without a type_url")
    return Payload(event.type_url, event.value)
