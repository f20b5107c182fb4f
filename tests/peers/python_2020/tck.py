"""The kit's event-sourced model with the Python support library of 2020. Usage: as ``cart.py``."""

import sys

from cloudstate.cloudstate import CloudState
from cloudstate.event_sourced_context import EventSourcedCommandContext
from cloudstate.event_sourced_entity import EventSourcedEntity
from described import load, message, pool

from cloudstate.entity_pb2 import Forward, SideEffect

FILE, PACKAGE = "tck/eventsourced.proto", "cloudstate.tck.model"
load(sys.argv[1], [FILE])
Request, Response, Persisted = (message(f"{PACKAGE}.{name}") for name in ("Request", "Response", "Persisted"))


class State:
    """A text. The library tells state and event apart by their types, so that it cannot be the event's."""

    def __init__(self, text=""):
        self.text = text


class Text(list):
    """Reasons, which the library sends as ``str`` of their list: here the first is all."""

    def __str__(self):
        return self[0]


def entity(service, persistence_id, snapshot_every):
    """An entity whose events add to its text."""
    made = EventSourcedEntity(
        pool.FindServiceByName(f"{PACKAGE}.{service}"),
        [pool.FindFileByName(FILE)],
        lambda entity_id: State(),
        persistence_id=persistence_id,
        snapshot_every=snapshot_every,
    )

    @made.snapshot()
    def snapshot(state: State):
        return Persisted(value=state.text)

    @made.snapshot_handler()
    def restore(state: State, stored: Persisted):
        return State(stored.value)

    @made.event_handler(Persisted)
    def persisted(state: State, event: Persisted):
        return State(state.text + event.value)

    return made


model = entity("EventSourcedTckModel", "event-sourced-tck-model", 5)
two = entity("EventSourcedTwo", "event-sourced-tck-model-two", 0)


@model.command_handler("Process")
def process(state: State, request: Request, ctx: EventSourcedCommandContext):
    text = state.text
    for action in request.actions:
        step = action.WhichOneof("action")
        if step == "emit":
            ctx.emit(Persisted(value=action.emit.value))
            text += action.emit.value
        elif step == "forward":
            ctx.forward = called(Forward, action.forward.id)
        elif step == "effect":
            ctx.effects.append(called(SideEffect, action.effect.id, synchronous=action.effect.synchronous))
        elif step == "fail":
            ctx.errors = Text([action.fail.message])
            return None
    return None if ctx.forward else Response(message=text)


def called(kind, entity_id, **more):
    """A call of the other service."""
    made = kind(service_name=f"{PACKAGE}.EventSourcedTwo", command_name="Call", **more)
    made.payload.Pack(Request(id=entity_id))
    return made


@two.command_handler("Call")
def call(request: Request, ctx: EventSourcedCommandContext):
    return Response()


CloudState().register_event_sourced_entity(model).register_event_sourced_entity(two).start()
