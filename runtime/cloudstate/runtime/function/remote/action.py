"""Actions whose code runs behind the protocol: one call of the function for each call (protocol.md 1.6, 2.9)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from functools import partial

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError

from cloudstate.action_pb2 import ActionCommand, ActionResponse
from cloudstate.runtime.entity.messages import Action, Failure, Outcome
from cloudstate.runtime.errors import CloudStateError, StatusCode
from cloudstate.runtime.function.endpoint import Endpoint
from cloudstate.runtime.function.remote.link import Link
from cloudstate.runtime.function.remote.messages import (
    failure_of,
    forward_of,
    metadata_message,
    reply_of,
    side_effects_of,
)
from cloudstate.runtime.payload import PROTOBUF_PREFIX, Metadata
from cloudstate.runtime.transport import CallFailed, ClientStream
from cloudstate.runtime.transport import Outcome as CallOutcome

logger = logging.getLogger(__name__)

ENTITY_TYPE = "cloudstate.action.ActionProtocol"
ANY_URL = PROTOBUF_PREFIX + "google.protobuf.Any"
#: A unary call without a deadline of its own is given up after so many seconds.
ANSWER_LIMIT = 60.0


class RemoteAction:
    """One stateless service of the function. Its messages are not decoded: they are the bytes that arrived."""

    def __init__(self, link: Link, service: str, endpoints: Mapping[str, Endpoint], inputs: Mapping[str, str]) -> None:
        """See ``ActionFunction``; ``inputs`` has the type URL of each command's input."""
        self.service = service
        self.endpoints = endpoints
        self._link = link
        self._inputs = inputs

    def unary(
        self, name: str, message: bytes, metadata: Metadata, deadline: float | None, done: Callable[[Outcome], None]
    ) -> Callable[[], None] | None:
        """See ``ActionFunction.unary``."""
        command = self._command(name, metadata, message)
        timeout = ANSWER_LIMIT if deadline is None else deadline - asyncio.get_running_loop().time()
        try:
            call = self._link.unary(
                f"/{ENTITY_TYPE}/handleUnary", command.SerializeToString(), timeout, partial(_finished, done)
            )
        except CloudStateError as error:
            done(Outcome(Failure(str(error), error.status)))
            return None
        return call.cancel

    async def stream(
        self, name: str, messages: AsyncIterator[bytes], metadata: Metadata, deadline: float | None
    ) -> AsyncGenerator[Outcome, None]:
        """See ``ActionFunction.stream``."""
        endpoint = self.endpoints[name]
        shape = (
            "Streamed"
            if endpoint.client_streaming and endpoint.server_streaming
            else ("StreamedIn" if endpoint.client_streaming else "StreamedOut")
        )
        timeout = None if deadline is None else deadline - asyncio.get_running_loop().time()
        try:
            call = self._link.channel().stream(f"/{ENTITY_TYPE}/handle{shape}", timeout=timeout)
        except CloudStateError as error:
            yield Outcome(Failure(str(error), error.status))
            return
        sending = asyncio.create_task(self._send(call, name, messages, metadata, endpoint.client_streaming))
        try:
            async for data in call:
                yield _outcome(data)
        except CallFailed as failure:
            yield Outcome(_call_failure(failure))
        finally:
            sending.cancel()
            call.cancel()

    async def _send(
        self, call: ClientStream, name: str, messages: AsyncIterator[bytes], metadata: Metadata, many: bool
    ) -> None:
        try:
            if many:
                await call.send(self._command(name, metadata, None).SerializeToString())
            async for message in messages:
                payload = self._payload(name, message)
                command = ActionCommand(payload=payload) if many else self._command(name, metadata, message)
                await call.send(command.SerializeToString())
            await call.end()
        except CallFailed:
            return  # the function has ended the call; whoever reads its replies hears of it
        except CloudStateError as error:
            logger.info("a client's stream broke off: %s", error)
            call.cancel()

    def _payload(self, name: str, message: bytes) -> AnyMessage:
        """A message of any type travels as what it is."""
        url = self._inputs[name]
        return AnyMessage.FromString(message) if url == ANY_URL else AnyMessage(type_url=url, value=message)

    def _command(self, name: str, metadata: Metadata, message: bytes | None) -> ActionCommand:
        payload = None if message is None else self._payload(name, message)
        return ActionCommand(service_name=self.service, name=name, payload=payload, metadata=metadata_message(metadata))


def _finished(done: Callable[[Outcome], None], outcome: CallOutcome) -> None:
    if isinstance(outcome, CallFailed):
        done(Outcome(_call_failure(outcome)))
    else:
        done(_outcome(outcome.payload))


def _call_failure(failure: CallFailed) -> Failure:
    return Failure(failure.status_value.message, failure.status)


def _outcome(data: bytes) -> Outcome:
    try:
        message = ActionResponse.FromString(data)
    except DecodeError as error:
        logger.error("the function answered an action with something that is no ActionResponse: %s", error)
        return Outcome(Failure("Unexpected action reply", StatusCode.UNKNOWN))
    return Outcome(_action(message), side_effects_of(message.side_effects) if message.side_effects else ())


def _action(message: ActionResponse) -> Action | None:
    match message.WhichOneof("response"):
        case "reply":
            return reply_of(message.reply)
        case "forward":
            return forward_of(message.forward)
        case "failure":
            return failure_of(message.failure)
    return None
