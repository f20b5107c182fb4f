"""The event-sourced model of the compatibility kit: the state is a text, and events add to it."""

from cloudstate.runtime.authoring import CommandRejected, EventSourcedContext, Reply
from tck.eventsourced_pb2 import Persisted, Request, Response
from tck_service.calls import EventSourcedTwoCalls
from tck_service.entities import (
    EventSourcedConfiguredEntity,
    EventSourcedTckModelEntity,
    EventSourcedTwoEntity,
)


class EventSourcedTckModel(EventSourcedTckModelEntity):
    """Takes the steps of each request."""

    def process(self, command: Request, ctx: EventSourcedContext[Persisted]) -> Reply[Response]:
        answer: Reply[Response] | None = None
        for step in command.actions:
            match step.WhichOneof("action"):
                case "emit":
                    ctx.emit(Persisted(value=step.emit.value))
                case "forward":
                    answer = EventSourcedTwoCalls.call(Request(id=step.forward.id)).forward()
                case "effect":
                    call = EventSourcedTwoCalls.call(Request(id=step.effect.id))
                    ctx.effect(call, synchronous=step.effect.synchronous)
                case "fail":
                    raise CommandRejected(step.fail.message)
        return answer or Response(message=ctx.state.value)

    def on_persisted(self, state: Persisted, event: Persisted) -> Persisted:
        return Persisted(value=state.value + event.value)


class EventSourcedTwo(EventSourcedTwoEntity):
    """The target of forwards and side effects."""

    def call(self, command: Request, ctx: EventSourcedContext[Persisted]) -> Response:
        return Response()

    def on_persisted(self, state: Persisted, event: Persisted) -> Persisted:
        return state


class EventSourcedConfigured(EventSourcedConfiguredEntity):
    """Leaves memory after a tenth of a second."""

    def call(self, command: Request, ctx: EventSourcedContext[Persisted]) -> Response:
        return Response()

    def on_persisted(self, state: Persisted, event: Persisted) -> Persisted:
        return state
