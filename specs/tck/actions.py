"""The action model of the compatibility kit, in the four shapes of a call."""

from collections.abc import AsyncIterator, Iterable

from cloudstate.runtime.authoring import ActionAnswer, ActionContext, CommandRejected
from tck.action_pb2 import OtherRequest, ProcessGroup, ProcessStep, Request, Response
from tck_service.calls import ActionTwoCalls
from tck_service.entities import ActionTckModelAction, ActionTwoAction


class ActionTckModel(ActionTckModelAction):
    """Takes the steps of each request."""

    def process_unary(self, command: Request, ctx: ActionContext) -> ActionAnswer[Response]:
        return answer(steps_of(command.groups), ctx)

    async def process_streamed_in(self, commands: AsyncIterator[Request], ctx: ActionContext) -> ActionAnswer[Response]:
        steps = [step async for command in commands for step in steps_of(command.groups)]
        return answer(steps, ctx)

    async def process_streamed_out(self, command: Request, ctx: ActionContext) -> AsyncIterator[ActionAnswer[Response]]:
        for group in command.groups:
            yield answer(group.steps, ctx)

    async def process_streamed(
        self, commands: AsyncIterator[Request], ctx: ActionContext
    ) -> AsyncIterator[ActionAnswer[Response]]:
        async for command in commands:
            for group in command.groups:
                yield answer(group.steps, ctx)


class ActionTwo(ActionTwoAction):
    """The target of forwards and side effects."""

    def call(self, command: OtherRequest, ctx: ActionContext) -> Response:
        return Response()


def steps_of(groups: Iterable[ProcessGroup]) -> list[ProcessStep]:
    """All steps, in order."""
    return [step for group in groups for step in group.steps]


def answer(steps: Iterable[ProcessStep], ctx: ActionContext) -> ActionAnswer[Response]:
    """What the steps come to: the last one that answers counts, and all side effects do."""
    found: ActionAnswer[Response] = None
    for step in steps:
        match step.WhichOneof("step"):
            case "reply":
                found = Response(message=step.reply.message)
            case "forward":
                found = ActionTwoCalls.call(OtherRequest(id=step.forward.id)).forward()
            case "fail":
                found = CommandRejected(step.fail.message)
            case "effect":
                call = ActionTwoCalls.call(OtherRequest(id=step.effect.id))
                ctx.effect(call, synchronous=step.effect.synchronous)
    return found
