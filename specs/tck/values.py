"""The value model of the compatibility kit."""

from cloudstate.runtime.authoring import CommandRejected, Reply, ValueContext
from tck.valueentity_pb2 import Persisted, Request, Response
from tck_service.calls import ValueEntityTwoCalls
from tck_service.entities import (
    ValueEntityConfiguredEntity,
    ValueEntityTckModelEntity,
    ValueEntityTwoEntity,
)


class ValueEntityTckModel(ValueEntityTckModelEntity):
    """Takes the steps of each request."""

    def process(self, command: Request, ctx: ValueContext[Persisted]) -> Reply[Response]:
        answer: Reply[Response] | None = None
        for step in command.actions:
            match step.WhichOneof("action"):
                case "update":
                    ctx.update(Persisted(value=step.update.value))
                case "delete":
                    ctx.delete()
                case "forward":
                    answer = ValueEntityTwoCalls.call(Request(id=step.forward.id)).forward()
                case "effect":
                    call = ValueEntityTwoCalls.call(Request(id=step.effect.id))
                    ctx.effect(call, synchronous=step.effect.synchronous)
                case "fail":
                    raise CommandRejected(step.fail.message)
        return answer or Response(message=ctx.state.value)


class ValueEntityTwo(ValueEntityTwoEntity):
    """The target of forwards and side effects."""

    def call(self, command: Request, ctx: ValueContext[Persisted]) -> Response:
        return Response()


class ValueEntityConfigured(ValueEntityConfiguredEntity):
    """Leaves memory after a tenth of a second."""

    def call(self, command: Request, ctx: ValueContext[Persisted]) -> Response:
        return Response()
