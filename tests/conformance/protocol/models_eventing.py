"""The compatibility kit's model of event logs: what a case says, as messages of the protocol and the model."""

from __future__ import annotations

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import BytesValue
from tests.conformance.protocol.case import Emit
from tests.conformance.protocol.models import wrapped

from cloudstate import entity_pb2 as pb
from cloudstate.action_pb2 import ActionCommand, ActionResponse
from cloudstate.event_sourced_pb2 import (
    EventSourcedInit,
    EventSourcedReply,
    EventSourcedStreamIn,
    EventSourcedStreamOut,
)
from tck import eventlogeventing_pb2 as tck

PACKAGE = "cloudstate.tck.model.eventlogeventing"
SUBSCRIBER = f"{PACKAGE}.EventLogSubscriberModel"
ENTITY_ID = "x"
JSON = "json.cloudstate.io/"


def is_json(step: Emit) -> bool:
    """Whether the event is JSON, and of entity two."""
    return step.stored.startswith(JSON)


def service(step: Emit) -> str:
    """The entity that emits."""
    return f"{PACKAGE}.EventSourcedEntity{'Two' if is_json(step) else 'One'}"


def command(step: Emit) -> str:
    """The command that makes it emit."""
    return "EmitJsonEvent" if is_json(step) else "EmitEvent"


def request(step: Emit) -> Message:
    """What a client sends."""
    if is_json(step):
        return tck.JsonEvent(id=ENTITY_ID, message=step.emit)
    return tck.EmitEventRequest(id=ENTITY_ID, event_one=_event(step))


def _event(step: Emit) -> tck.EventOne:
    kind, _, text = step.emit.partition(" ")
    if kind == "forward":
        return tck.EventOne(step=tck.ProcessStep(forward=tck.Forward(message=text)))
    return tck.EventOne(step=tck.ProcessStep(reply=tck.Reply(message=text)))


def stored(step: Emit) -> AnyMessage:
    """The event, as it is stored and delivered; JSON is wrapped in a message, as protocol.md section 1.7 has it."""
    if is_json(step):
        value = BytesValue(value=b'{"message":"%s"}' % step.emit.encode())
        return AnyMessage(type_url=f"{JSON}JsonEvent", value=value.SerializeToString())
    return wrapped(_event(step))


def named_freely(step: Emit, event: AnyMessage) -> AnyMessage:
    """The event under the name that the entity's library gives it: of JSON it is only known how the name begins."""
    if is_json(step) and event.type_url.startswith(JSON):
        return AnyMessage(type_url=event.type_url, value=stored(step).value)
    return stored(step)


def told(step: Emit) -> list[EventSourcedStreamIn]:
    """What the entity hears."""
    asked = pb.Command(entity_id=ENTITY_ID, id=1, name=command(step), payload=wrapped(request(step)))
    init = EventSourcedInit(service_name=service(step), entity_id=ENTITY_ID)
    return [EventSourcedStreamIn(init=init), EventSourcedStreamIn(command=asked)]


def emitted(step: Emit, number: int, event: AnyMessage | None = None) -> EventSourcedStreamOut:
    """What the entity answers."""
    action = pb.ClientAction(reply=pb.Reply(payload=wrapped(Empty())))
    return EventSourcedStreamOut(
        reply=EventSourcedReply(command_id=number, client_action=action, events=[event or stored(step)])
    )


def delivered(step: Emit, event: AnyMessage) -> ActionCommand:
    """What the subscriber hears."""
    return ActionCommand(service_name=SUBSCRIBER, name=step.heard, payload=event)


def effect(step: Emit) -> ActionCommand:
    """What the target of the subscriber's forward hears."""
    return ActionCommand(service_name=SUBSCRIBER, name="Effect", payload=wrapped(_effect(step)))


def _effect(step: Emit) -> tck.EffectRequest:
    return tck.EffectRequest(id=ENTITY_ID, message=step.forward)


def response(step: Emit, name: str) -> ActionResponse:
    """What the subscriber answers in one of its methods."""
    if step.forward is not None and name != "Effect":
        forward = pb.Forward(service_name=SUBSCRIBER, command_name="Effect", payload=wrapped(_effect(step)))
        return ActionResponse(forward=forward)
    message = step.forward if step.forward is not None else step.reply
    return ActionResponse(reply=pb.Reply(payload=wrapped(tck.Response(id=ENTITY_ID, message=message))))
