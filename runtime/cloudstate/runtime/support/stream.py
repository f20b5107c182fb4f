"""One entity's stream: what the proxy sends is told to an instance, and what that makes of it is sent back.

The instance is the same as in a runtime that has the journal in its own process: here the journal is what the stream
has said (protocol.md sections 1.3, 1.4 and 5).
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from google.protobuf.message import DecodeError

from cloudstate import entity_pb2 as pb
from cloudstate.runtime.entity.messages import Command, Failure, Forward, Outcome, Reply
from cloudstate.runtime.errors import CloudStateError, StatusCode
from cloudstate.runtime.function.endpoint import Endpoint
from cloudstate.runtime.function.port import EntityFunction, Instance
from cloudstate.runtime.function.remote.messages import metadata_of
from cloudstate.runtime.journal.port import EntityKey
from cloudstate.runtime.payload import PROTOBUF_PREFIX
from cloudstate.runtime.support.messages import Messages
from cloudstate.runtime.transport import CallFailed, Status, StreamCall

logger = logging.getLogger(__name__)

#: What a stream that begins too late ends with.
LEAVING = Status(StatusCode.UNAVAILABLE, "the function is shutting down")


class StreamBroken(Exception):
    """The stream cannot go on: the proxy said something out of order, or the entity's state cannot be built."""

    def __init__(self, description: str, command_id: int = 0) -> None:
        super().__init__(description)
        self.command_id = command_id


class EntityStreams(ABC):
    """Serves the streams of all entities of one state model."""

    #: The classes of the messages of a stream.
    message_in: Any
    message_out: Any
    #: Whether a failed command may leave a state behind that has to be told anew.
    restarts: bool

    def __init__(self, messages: Messages, functions: Iterable[EntityFunction]) -> None:
        self.messages = messages
        self._functions = {function.service: function for function in functions}
        self._live: set[_Entity] = set()
        self._is_leaving = False

    @abstractmethod
    def opened(self, init: Any) -> Any:
        """The journal that an entity's first message makes."""

    @abstractmethod
    def reply(self, command_id: int, action: pb.ClientAction, effects: list[pb.SideEffect], outcome: Outcome) -> Any:
        """The reply message for an outcome."""

    async def serve(self, call: StreamCall) -> None:
        """Serve one stream until the proxy ends it, or until it breaks: the last message then says why.

        Raises:
            CallFailed: the function is about to end.
        """
        if self._is_leaving:
            raise CallFailed(LEAVING)
        entity = _Entity(self)
        self._live.add(entity)
        try:
            await self._converse(entity, call)
        except StreamBroken as broken:
            logger.error("an entity's stream breaks: %s", broken, extra=entity.place())
            failure = pb.Failure(command_id=broken.command_id, description=str(broken))
            await call.send(self.message_out(failure=failure).SerializeToString())
        except asyncio.CancelledError:
            if not self._is_leaving:
                raise
        finally:
            self._live.discard(entity)
            entity.stop()

    async def _converse(self, entity: _Entity, call: StreamCall) -> None:
        async for data in call:
            entity.is_idle = False
            answer = await entity.take(data)
            if answer is not None:
                await call.send(answer)
                if self._is_leaving:
                    return
                entity.is_idle = True

    def leave(self) -> None:
        """End each stream as soon as its command is answered: the proxy tells the entity to whoever comes next."""
        self._is_leaving = True
        for entity in self._live:
            if entity.is_idle and entity.task is not None:
                entity.task.cancel()

    def function(self, service: str) -> EntityFunction:
        """The code of a service."""
        function = self._functions.get(service)
        if function is None:
            raise StreamBroken(f"Protocol error: unknown service: {service}")
        return function


class _Entity:
    """One live entity.

    Attributes:
        task: what serves its stream.
        is_idle: its last command is answered, and the next one has not come.
    """

    def __init__(self, streams: EntityStreams) -> None:
        self.task = asyncio.current_task()
        self.is_idle = False
        self._streams = streams
        self._key = EntityKey("", "")
        self._function: EntityFunction | None = None
        self._journal: Any = None
        self._instance: Instance | None = None
        self._is_over = False

    def place(self) -> dict[str, str]:
        """What a log line says of it."""
        return {"entity_type": self._key.type, "entity_id": self._key.id}

    def stop(self) -> None:
        """The stream has ended."""
        if self._instance is not None:
            self._instance.stop()

    async def take(self, data: bytes) -> bytes | None:
        """Handle one message of the proxy; gives the answer, if there is one.

        Raises:
            StreamBroken: the stream cannot go on.
        """
        try:
            message = self._streams.message_in.FromString(data)
        except DecodeError as error:
            raise StreamBroken(f"Protocol error: not a message of the protocol: {error}") from error
        kind = message.WhichOneof("message")
        if kind == "init":
            self._init(message.init)
            return None
        if self._function is None:
            raise StreamBroken(f"Protocol error: expected an init message first, got {kind or 'an empty message'}")
        if kind == "event":
            self._event(message.event)
            return None
        if kind != "command":
            raise StreamBroken("Protocol error: an empty message")
        return await self._command(message.command)

    def _init(self, init: Any) -> None:
        if self._function is not None:
            raise StreamBroken("Protocol error: a second init message")
        self._function = self._streams.function(init.service_name)
        self._key = EntityKey(self._function.entity_type, init.entity_id)
        self._journal = self._streams.opened(init)

    def _event(self, event: Any) -> None:
        if self._instance is not None:
            raise StreamBroken("Protocol error: an event after a command")
        self._journal.add(event)

    async def _command(self, command: pb.Command) -> bytes:
        function = self._function
        assert function is not None
        endpoint = self._checked(command, function)
        instance = self._instance or await self._start(function, command.id)
        try:
            decoded = endpoint.parse(command.payload.value)
        except DecodeError as error:
            raise StreamBroken(f"Protocol error: the payload of command {command.id}: {error}", command.id) from error
        metadata = metadata_of(command.metadata) if command.HasField("metadata") else ()
        waiter: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        outcome = instance.handle(
            command.id,
            Command(None, command.name, command.payload.value, decoded, metadata, None),
            lambda later: None if waiter.done() else waiter.set_result(later),
        )
        return self._answer(command, function.service, outcome if outcome is not None else await waiter)

    def _checked(self, command: pb.Command, function: EntityFunction) -> Endpoint:
        if self._is_over:
            raise StreamBroken("Protocol error: a command for an entity that asked to be restarted", command.id)
        if command.entity_id != self._key.id:
            raise StreamBroken(
                f"Protocol error: a command for entity `{command.entity_id}` on the stream of `{self._key.id}`",
                command.id,
            )
        if not command.HasField("payload"):
            raise StreamBroken(f"Protocol error: command {command.id} has no payload", command.id)
        endpoint = function.endpoints.get(command.name)
        if endpoint is None:
            raise StreamBroken(f"Protocol error: unknown command: {command.name}", command.id)
        url, expected = command.payload.type_url, self._streams.messages.inputs[function.service, command.name]
        # Only the name counts, and bytes without a type are taken for what they should be.
        if url not in ("", expected) and url.rpartition("/")[2] != expected.removeprefix(PROTOBUF_PREFIX):
            raise StreamBroken(
                f"Protocol error: command {command.id} carries {url}, `{command.name}` takes {expected}", command.id
            )
        return endpoint

    async def _start(self, function: EntityFunction, command_id: int) -> Instance:
        instance = function.instance(self._key, lambda lost: None)
        try:
            await instance.start(self._journal)
        except CloudStateError as error:
            cause = error.__cause__
            reason = f"{error}: {cause}" if cause is not None else str(error)
            raise StreamBroken(f"Unexpected failure: {reason}", command_id) from error
        self._journal = None
        self._instance = instance
        return instance

    def _answer(self, command: pb.Command, service: str, outcome: Outcome) -> bytes:
        action, messages = outcome.action, self._streams.messages
        effects: list[pb.SideEffect] = []
        if isinstance(action, Failure):
            action = action._replace(restart=action.restart and self._streams.restarts)
            self._is_over = action.restart
            message = pb.ClientAction(failure=messages.failure(action, command.id))
            outcome = Outcome(action)
        else:
            effects = messages.side_effects(outcome.side_effects)
            if isinstance(action, Reply):
                message = pb.ClientAction(reply=messages.reply(service, command.name, action))
            elif isinstance(action, Forward):
                message = pb.ClientAction(forward=messages.forward(action))
            else:
                message = pb.ClientAction()
        reply = self._streams.reply(command.id, message, effects, outcome)
        data: bytes = self._streams.message_out(reply=reply).SerializeToString()
        return data
