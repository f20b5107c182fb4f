"""Streams of CRDT entities: the proxy does the mathematics, here is the plain value and the author's code.

Messages of one stream are taken one after the other, each with everything that comes of it; so an entity handles one
command at a time, whatever the proxy sends ahead.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from google.protobuf.message import DecodeError

from cloudstate import crdt_pb2
from cloudstate import entity_pb2 as pb
from cloudstate.runtime.crdt import Change, ChangeRefused
from cloudstate.runtime.crdt.messages import change_of, delta_message
from cloudstate.runtime.entity.crdt_messages import CancelReply, CrdtReply, StateAction, StreamedMessage
from cloudstate.runtime.entity.messages import Action, Command, Failure, Forward, Reply
from cloudstate.runtime.errors import EntityFailed
from cloudstate.runtime.function.crdt import CrdtInstance, EmbeddedCrdt
from cloudstate.runtime.function.remote.messages import metadata_of
from cloudstate.runtime.journal.port import EntityKey
from cloudstate.runtime.payload import PROTOBUF_PREFIX
from cloudstate.runtime.support.messages import Messages
from cloudstate.runtime.support.stream import LEAVING, StreamBroken
from cloudstate.runtime.transport import CallFailed, StreamCall

logger = logging.getLogger(__name__)


class CrdtStreams:
    """Serves the streams of all CRDT entities."""

    def __init__(self, messages: Messages, functions: Iterable[EmbeddedCrdt]) -> None:
        self.messages = messages
        self._functions = {function.service: function for function in functions}
        self._live: set[_Entity] = set()
        self._is_leaving = False

    async def serve(self, call: StreamCall) -> None:
        """Serve one stream until the proxy ends it, or until it breaks: the last message then says why.

        Raises:
            CallFailed: the function is about to end.
        """
        if self._is_leaving:
            raise CallFailed(LEAVING)
        entity = _Entity(self, call)
        self._live.add(entity)
        try:
            async for data in call:
                entity.is_idle = False
                await entity.take(data)
                if self._is_leaving:
                    return
                entity.is_idle = True
        except StreamBroken as broken:
            logger.error("an entity's stream breaks: %s", broken, extra=entity.place())
            failure = pb.Failure(command_id=broken.command_id, description=str(broken))
            await call.send(crdt_pb2.CrdtStreamOut(failure=failure).SerializeToString())
        except asyncio.CancelledError:
            if not self._is_leaving:
                raise
        finally:
            self._live.discard(entity)
            entity.stop()

    def leave(self) -> None:
        """End each stream as soon as nothing is to be answered: the proxy tells the entity to whoever comes next."""
        self._is_leaving = True
        for entity in self._live:
            if entity.is_idle and entity.task is not None:
                entity.task.cancel()

    def function(self, service: str) -> EmbeddedCrdt:
        """The code of a service."""
        function = self._functions.get(service)
        if function is None:
            raise StreamBroken(f"Protocol error: unknown service: {service}")
        return function


class _Entity:
    """One live entity.

    Attributes:
        task: what serves its stream.
        is_idle: it has answered everything, and nothing new has come.
    """

    def __init__(self, streams: CrdtStreams, call: StreamCall) -> None:
        self.task = asyncio.current_task()
        self.is_idle = False
        self._streams = streams
        self._call = call
        self._key = EntityKey("", "")
        self._service = ""
        self._instance: CrdtInstance | None = None
        self._function: EmbeddedCrdt | None = None
        self._commands: dict[int, str] = {}
        """The names of the commands that may still be answered."""
        self._out: list[bytes] = []
        self._answered = asyncio.Event()

    def place(self) -> dict[str, str]:
        """What a log line says of it."""
        return {"entity_type": self._key.type, "entity_id": self._key.id}

    def stop(self) -> None:
        """The stream has ended."""
        if self._instance is not None:
            self._instance.stop()

    async def take(self, data: bytes) -> None:
        """Handle one message of the proxy, and say what comes of it.

        Raises:
            StreamBroken: the stream cannot go on.
        """
        try:
            message = crdt_pb2.CrdtStreamIn.FromString(data)
        except DecodeError as error:
            raise StreamBroken(f"Protocol error: not a message of the protocol: {error}") from error
        kind = message.WhichOneof("message")
        if kind == "init":
            await self._init(message.init)
            return
        instance = self._instance
        if instance is None:
            raise StreamBroken(f"Protocol error: expected an init message first, got {kind or 'an empty message'}")
        match kind:
            case "command":
                self._command(instance, message.command)
            case "delta":
                instance.tell(_change(message.delta))
            case "delete":
                instance.tell(None)
            case "stream_cancelled":
                self._cancel(instance, message.stream_cancelled)
            case _:
                raise StreamBroken("Protocol error: an empty message")
        while instance.is_busy:
            self._answered.clear()
            await self._answered.wait()  # the handler has a time limit of its own
        out, self._out = self._out, []
        for answer in out:
            await self._call.send(answer)

    async def _init(self, init: crdt_pb2.CrdtInit) -> None:
        if self._instance is not None:
            raise StreamBroken("Protocol error: a second init message")
        self._function = function = self._streams.function(init.service_name)
        self._service = init.service_name
        self._key = EntityKey(function.entity_type, init.entity_id)
        self._instance = function.instance(self._key, self._told)
        try:
            await self._instance.open(_change(init.delta) if init.HasField("delta") else None)
        except EntityFailed as error:
            raise StreamBroken(f"Unexpected failure: {error}") from error

    def _command(self, instance: CrdtInstance, command: pb.Command) -> None:
        self._check(command)
        assert self._function is not None
        try:
            decoded = self._function.endpoints[command.name].parse(command.payload.value)
        except DecodeError as error:
            raise StreamBroken(f"Protocol error: the payload of command {command.id}: {error}", command.id) from error
        metadata = metadata_of(command.metadata) if command.HasField("metadata") else ()
        self._commands[command.id] = command.name
        instance.handle(
            command.id,
            Command(None, command.name, command.payload.value, decoded, metadata, None, streamed=command.streamed),
        )

    def _check(self, command: pb.Command) -> None:
        if command.entity_id != self._key.id:
            raise StreamBroken(
                f"Protocol error: a command for entity `{command.entity_id}` on the stream of `{self._key.id}`",
                command.id,
            )
        if not command.HasField("payload"):
            raise StreamBroken(f"Protocol error: command {command.id} has no payload", command.id)
        expected = self._streams.messages.inputs.get((self._service, command.name))
        if expected is None:
            raise StreamBroken(f"Protocol error: unknown command: {command.name}", command.id)
        url = command.payload.type_url
        # Only the name counts, and bytes without a type are taken for what they should be.
        if url not in ("", expected) and url.rpartition("/")[2] != expected.removeprefix(PROTOBUF_PREFIX):
            raise StreamBroken(
                f"Protocol error: command {command.id} carries {url}, `{command.name}` takes {expected}", command.id
            )

    def _cancel(self, instance: CrdtInstance, cancelled: pb.StreamCancelled) -> None:
        if instance.streams(cancelled.id):
            instance.cancel(cancelled.id)
        else:  # it has ended on both sides at the same time
            self._told(CancelReply(cancelled.id))

    # --- What the entity says -----------------------------------------------------------------------------------------

    def _told(self, *said: Any) -> None:
        for one in said:
            if isinstance(one, CrdtReply):
                message = crdt_pb2.CrdtStreamOut(reply=self._reply(one))
            elif isinstance(one, StreamedMessage):
                message = crdt_pb2.CrdtStreamOut(streamed_message=self._streamed(one))
            else:
                message = crdt_pb2.CrdtStreamOut(stream_cancelled_response=self._cancelled(one))
            self._out.append(message.SerializeToString())
        self._answered.set()

    def _reply(self, reply: CrdtReply) -> crdt_pb2.CrdtReply:
        number, name = reply.command_id, self._commands[reply.command_id]
        if not reply.streamed:
            del self._commands[number]
        return crdt_pb2.CrdtReply(
            command_id=number,
            client_action=self._action(number, name, reply.action),
            side_effects=self._streams.messages.side_effects(reply.side_effects),
            state_action=_state_action(reply.state_action),
            streamed=reply.streamed,
        )

    def _streamed(self, message: StreamedMessage) -> crdt_pb2.CrdtStreamedMessage:
        number, name = message.command_id, self._commands[message.command_id]
        if message.ends:
            del self._commands[number]
        return crdt_pb2.CrdtStreamedMessage(
            command_id=number,
            client_action=self._action(number, name, message.action),
            side_effects=self._streams.messages.side_effects(message.side_effects),
            end_stream=message.ends,
        )

    def _cancelled(self, reply: CancelReply) -> crdt_pb2.CrdtStreamCancelledResponse:
        self._commands.pop(reply.command_id, None)
        return crdt_pb2.CrdtStreamCancelledResponse(
            command_id=reply.command_id,
            side_effects=self._streams.messages.side_effects(reply.side_effects),
            state_action=_state_action(reply.state_action),
        )

    def _action(self, number: int, name: str, action: Action | None) -> pb.ClientAction | None:
        messages = self._streams.messages
        match action:
            case Reply():
                return pb.ClientAction(reply=messages.reply(self._service, name, action))
            case Forward():
                return pb.ClientAction(forward=messages.forward(action))
            case Failure():
                return pb.ClientAction(failure=messages.failure(action, number))
        return None


def _change(delta: crdt_pb2.CrdtDelta) -> Change:
    try:
        return change_of(delta)
    except ChangeRefused as refused:
        raise StreamBroken(f"Protocol error: {refused}") from refused


def _state_action(action: StateAction) -> crdt_pb2.CrdtStateAction | None:
    """What happens to the value; None if nothing does."""
    consistency: Any = action.consistency.value
    if action.deletes:
        return crdt_pb2.CrdtStateAction(delete=crdt_pb2.CrdtDelete(), write_consistency=consistency)
    if action.change is not None:
        return crdt_pb2.CrdtStateAction(update=_own(delta_message(action.change)), write_consistency=consistency)
    return None


def _own(delta: crdt_pb2.CrdtDelta) -> crdt_pb2.CrdtDelta:
    """Of a vote only this member's own travels to the proxy, which counts them."""
    if delta.HasField("vote"):
        delta.vote.ClearField("votes_for")
        delta.vote.ClearField("total_voters")
    for entry in (*delta.ormap.updated, *delta.ormap.added):
        _own(entry.delta)
    return delta
