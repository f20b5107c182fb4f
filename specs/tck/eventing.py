"""The model of event logs of the compatibility kit: two entities, and an action that consumes their events."""

from collections.abc import AsyncIterator
from typing import Any as AnyType

from google.protobuf.any_pb2 import Any
from google.protobuf.empty_pb2 import Empty

from cloudstate.runtime.authoring import ActionContext, EventSourcedContext, Forward
from tck.eventlogeventing_pb2 import (
    EffectRequest,
    EmitEventRequest,
    EventOne,
    EventTwo,
    JsonEvent,
    ProcessStep,
    Response,
)
from tck_service.calls import EventLogSubscriberModelCalls
from tck_service.entities import EventLogSubscriberModelAction, EventSourcedEntityOneEntity, EventSourcedEntityTwoEntity


class EventSourcedEntityOne(EventSourcedEntityOneEntity):
    """Emits what it is told to."""

    def emit_event(self, command: EmitEventRequest, ctx: EventSourcedContext[Empty]) -> Empty:
        event = command.WhichOneof("event")
        if event is not None:
            ctx.emit(getattr(command, event))
        return Empty()

    def on_event_one(self, state: Empty, event: EventOne) -> Empty:
        return state

    def on_event_two(self, state: Empty, event: EventTwo) -> Empty:
        return state


class EventSourcedEntityTwo(EventSourcedEntityTwoEntity):
    """Emits its requests."""

    def emit_json_event(self, command: JsonEvent, ctx: EventSourcedContext[Empty]) -> Empty:
        ctx.emit(command)
        return Empty()

    def on_json_event(self, state: Empty, event: JsonEvent) -> Empty:
        return state


class EventLogSubscriberModel(EventLogSubscriberModelAction):
    """Does what the events say."""

    def process_event_one(self, command: EventOne, ctx: ActionContext) -> Response | Forward[Response]:
        return processed(command.step, ctx)

    async def process_event_two(
        self, command: EventTwo, ctx: ActionContext
    ) -> AsyncIterator[Response | Forward[Response]]:
        for step in command.step:
            yield processed(step, ctx)

    def effect(self, command: EffectRequest, ctx: ActionContext) -> Response:
        return Response(id=command.id, message=command.message)

    def process_any_event(self, command: Any, ctx: ActionContext) -> Response:
        event = JsonEvent()
        command.Unpack(event)
        return Response(id=subject(ctx), message=event.message)


def processed(step: ProcessStep, ctx: ActionContext) -> Response | Forward[Response]:
    """A reply, or a forward to ``Effect``."""
    if step.WhichOneof("step") == "forward":
        return EventLogSubscriberModelCalls.effect(
            EffectRequest(id=subject(ctx), message=step.forward.message)
        ).forward()
    return Response(id=subject(ctx), message=step.reply.message)


def subject(ctx: ActionContext) -> str:
    """The id of the entity whose event it is."""
    found: AnyType = dict(ctx.metadata).get("ce-subject", "")
    return str(found)
