"""The calls of actions, in the four shapes (protocol.md section 1.6)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError

from cloudstate.action_pb2 import ActionCommand, ActionResponse
from cloudstate.runtime.entity.messages import Failure, Forward, Outcome, Reply
from cloudstate.runtime.errors import CommandRejected, StatusCode
from cloudstate.runtime.function.port import ActionFunction
from cloudstate.runtime.function.remote.action import ANY_URL, ENTITY_TYPE
from cloudstate.runtime.function.remote.messages import metadata_of
from cloudstate.runtime.payload import Metadata
from cloudstate.runtime.support.messages import Messages
from cloudstate.runtime.transport import CallFailed, Method, Status, StreamCall, StreamMethod, UnaryCall, UnaryMethod


def action_methods(messages: Messages, actions: Mapping[str, ActionFunction]) -> Mapping[str, Method]:
    """The methods of ``ActionProtocol``, if there is an action."""
    if not actions:
        return {}
    calls = _Calls(messages, actions)
    return {
        f"/{ENTITY_TYPE}/handleUnary": UnaryMethod(calls.unary),
        f"/{ENTITY_TYPE}/handleStreamedIn": StreamMethod(calls.streamed),
        f"/{ENTITY_TYPE}/handleStreamedOut": StreamMethod(calls.streamed),
        f"/{ENTITY_TYPE}/handleStreamed": StreamMethod(calls.streamed),
    }


class _Calls:
    def __init__(self, messages: Messages, actions: Mapping[str, ActionFunction]) -> None:
        self._messages = messages
        self._actions = actions

    def unary(self, call: UnaryCall, payload: bytes) -> None:
        """One message in, one out."""
        command = _decoded(payload)
        action = self._action(command)
        message = _message(action, command.name, command)
        abandon = action.unary(
            command.name,
            message,
            _metadata(command),
            call.deadline,
            lambda outcome: call.reply(self._response(command, outcome)),
        )
        if not call.done:
            call.on_cancel = abandon

    async def streamed(self, call: StreamCall) -> None:
        """Every other shape. The first message names the command; where one message comes in, it brings it along."""
        first = await anext(aiter(call), None)
        if first is None:
            raise CallFailed(Status(StatusCode.INVALID_ARGUMENT, "the first message has to name the command"))
        command = _decoded(first)
        action = self._action(command)
        messages = _messages(action, command, call)
        async with aclosing(action.stream(command.name, messages, _metadata(command), call.deadline)) as outcomes:
            async for outcome in outcomes:
                await call.send(self._response(command, outcome))

    def _action(self, command: ActionCommand) -> ActionFunction:
        action = self._actions.get(command.service_name)
        if action is None or command.name not in action.endpoints:
            name = f"{command.service_name}/{command.name}"
            raise CallFailed(Status(StatusCode.NOT_FOUND, f"`{name}` is not an action of this function"))
        return action

    def _response(self, command: ActionCommand, outcome: Outcome) -> bytes:
        response = ActionResponse(side_effects=self._messages.side_effects(outcome.side_effects))
        match outcome.action:
            case Reply() as reply:
                response.reply.CopyFrom(self._messages.reply(command.service_name, command.name, reply))
            case Forward() as forward:
                response.forward.CopyFrom(self._messages.forward(forward))
            case Failure() as failure:
                response.failure.CopyFrom(self._messages.failure(failure))
        return response.SerializeToString()


async def _messages(action: ActionFunction, first: ActionCommand, call: StreamCall) -> AsyncIterator[object]:
    if not action.endpoints[first.name].client_streaming:
        yield _message(action, first.name, first)
        return
    async for data in call:
        try:
            yield _message(action, first.name, _decoded(data))
        except CallFailed as failure:
            raise CommandRejected(failure.status_value.message, failure.status) from failure


def _message(action: ActionFunction, name: str, command: ActionCommand) -> object:
    try:
        parse, payload = action.endpoints[name].parse, command.payload
        if parse == AnyMessage.FromString and payload.type_url != ANY_URL:
            return payload  # a message of any type travels as what it is
        return parse(payload.value)
    except DecodeError as error:
        text = f"the message of `{name}` is not valid protobuf: {error}"
        raise CallFailed(Status(StatusCode.INVALID_ARGUMENT, text)) from error


def _decoded(data: bytes) -> ActionCommand:
    try:
        return ActionCommand.FromString(data)
    except DecodeError as error:
        raise CallFailed(Status(StatusCode.INVALID_ARGUMENT, "the request is not an ActionCommand")) from error


def _metadata(command: ActionCommand) -> Metadata:
    return metadata_of(command.metadata) if command.HasField("metadata") else ()
