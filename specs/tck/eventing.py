"""The model of event logs of the compatibility kit: two entities, and an action that consumes their events."""

import json
from collections.abc import AsyncIterator
from typing import Any as AnyType

from google.protobuf.any_pb2 import Any
from google.protobuf.empty_pb2 import Empty
from google.protobuf.wrappers_pb2 import BytesValue

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

#: What the type URL of a JSON value begins with. Its value is a message with the text in field 1, as BytesValue has it.
JSON = "json.cloudstate.io/"


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
    """Emits its requests, in JSON."""

    def emit_json_event(self, command: JsonEvent, ctx: EventSourcedContext[Empty]) -> Empty:
        text = json.dumps({"message": command.message}, separators=(",", ":"))
        ctx.emit(Any(type_url=f"{JSON}JsonEvent", value=BytesValue(value=text.encode()).SerializeToString()))
        return Empty()

    def on_any(self, state: Empty, event: Any) -> Empty:
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
        event = json.loads(BytesValue.FromString(command.value).value)
        return Response(id=subject(ctx), message=event["message"])


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
