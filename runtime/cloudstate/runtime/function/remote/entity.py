"""Durable entities whose code runs behind the protocol: a stream for each live entity (protocol.md 1.3, 1.4, 2.5, 2.7).

The two models differ in what opens a stream and in what a reply changes; ``event_sourced.py`` and ``value.py`` say so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeAlias

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError

from cloudstate import entity_pb2
from cloudstate.runtime.entity.messages import Change, Command, FunctionLost, Outcome
from cloudstate.runtime.errors import CloudStateError, StatusCode
from cloudstate.runtime.function.endpoint import Endpoint
from cloudstate.runtime.function.port import Histories
from cloudstate.runtime.function.remote.link import Link
from cloudstate.runtime.function.remote.messages import action_of, metadata_message, side_effects_of
from cloudstate.runtime.journal.port import EntityKey
from cloudstate.runtime.transport import Duplex, Status

logger = logging.getLogger(__name__)

#: A command that the function has not answered after so many seconds is given up, and its entity with it.
ANSWER_LIMIT = 60.0
#: A function that restarts is waited for so many seconds before commands for its entities fail.
CONNECT_LIMIT = 5.0
#: A function that has not ended a stream so many seconds after we did is not waited for any longer.
FAREWELL_LIMIT = 10.0
#: So many messages of a history are queued before we wait until the function takes them.
_SLICE = 200

Told: TypeAlias = Callable[[Outcome], None]


class FunctionBroke(CloudStateError):
    """The function gave an entity up while it was told of its history."""

    status = StatusCode.UNKNOWN


class Protocol02(Protocol):
    """One model's part of the protocol.

    Attributes:
        path: the method that carries an entity's stream.
        noun: how the model is called in texts for clients.
        metrics_prefix: how it is called in the names of metrics.
        message_in: the class of what we send; its field ``command`` takes a command.
        message_out: the class of what comes back: ``reply`` or ``failure``.
    """

    path: str
    noun: str
    metrics_prefix: str
    message_in: Any
    message_out: Any

    async def load(self, journal: Histories, key: EntityKey, service: str) -> tuple[int, Iterator[bytes]]:
        """The entity's sequence, and the messages that open its stream."""
        ...

    def change(self, reply: Any) -> Change | None:
        """The state change that a reply asks for."""
        ...


class RemoteEntity:
    """One type of durable entity of the function."""

    def __init__(
        self,
        link: Link,
        model: Protocol02,
        service: str,
        entity_type: str,
        passivation: float,
        endpoints: Mapping[str, Endpoint],
        inputs: Mapping[str, str],
        outputs: Mapping[str, str],
        passes_metadata: bool = True,
    ) -> None:
        """See ``EntityFunction``.

        Args:
            inputs: the type URL of each command's input.
            outputs: the type URL of each command's output.
            passes_metadata: whether commands carry the caller's metadata.
        """
        self.link = link
        self.model = model
        self.service = service
        self.entity_type = entity_type
        self.metrics_prefix = model.metrics_prefix
        self.passivation = passivation
        self.endpoints = endpoints
        self.inputs = inputs
        self.outputs = outputs
        self.passes_metadata = passes_metadata

    def instance(self, key: EntityKey, lost: Callable[[FunctionLost], None]) -> RemoteInstance:
        """See ``EntityFunction.instance``."""
        return RemoteInstance(key, self, lost)


class RemoteInstance:
    """One live entity: its stream, and the command that the function is at."""

    __slots__ = ("_broken", "_command", "_command_id", "_done", "_function", "_key", "_lost", "_starting", "_stream")

    def __init__(self, key: EntityKey, function: RemoteEntity, lost: Callable[[FunctionLost], None]) -> None:
        self._key = key
        self._function = function
        self._lost: Callable[[FunctionLost], None] | None = lost
        self._stream: Duplex | None = None
        self._command_id = 0
        self._command = ""
        self._done: Told | None = None
        self._starting = True
        self._broken: FunctionLost | None = None

    async def start(self, journal: Histories) -> int:
        """See ``Instance.start``.

        Raises:
            FunctionUnavailable: there is no connection to the function, and none is made in time.
            FunctionBroke: the function ended the stream already.
        """
        function = self._function
        await function.link.ready(CONNECT_LIMIT)
        sequence, opening = await function.model.load(journal, self._key, function.service)
        self._stream = stream = function.link.duplex(function.model.path, self._received, self._ended)
        for number, message in enumerate(opening):
            stream.send(message)
            if number % _SLICE == _SLICE - 1:
                await stream.drained()
        self._starting = False
        if self._broken is not None:
            raise FunctionBroke(self._broken.description)
        return sequence

    def handle(self, command_id: int, command: Command, done: Told) -> Outcome | None:
        """See ``Instance.handle``."""
        stream, function = self._stream, self._function
        assert stream is not None
        self._command_id, self._command, self._done = command_id, command.name, done
        message = entity_pb2.Command(
            entity_id=self._key.id,
            id=command_id,
            name=command.name,
            payload=AnyMessage(type_url=function.inputs[command.name], value=command.payload),
            metadata=metadata_message(command.metadata) if function.passes_metadata else None,
        )
        stream.send(function.model.message_in(command=message).SerializeToString())
        stream.expire_in(ANSWER_LIMIT)
        return None

    def stop(self) -> None:
        """See ``Instance.stop``: the stream ends in good order, unless the function does not end it."""
        self._lost = self._done = None
        stream = self._stream
        if stream is not None and not stream.over:
            stream.end()
            stream.expire_in(FAREWELL_LIMIT)

    def _received(self, data: bytes) -> None:
        if self._lost is None:
            return
        try:
            message = self._function.model.message_out.FromString(data)
        except DecodeError:
            self._give_up("message", "not a message of the protocol")
            return
        match message.WhichOneof("message"):
            case "reply":
                self._replied(message.reply)
            case "failure":
                self._give_up("failure", message.failure.description, message.failure.command_id)
            case _:
                self._give_up("message", "an empty message")

    def _replied(self, reply: Any) -> None:
        done, self._done = self._done, None
        stream = self._stream
        if done is None or stream is None or reply.command_id != self._command_id:
            self._give_up("reply", f"a reply to command {reply.command_id}, expected {self._command_id}")
            return
        stream.wait_on()
        if reply.client_action.HasField("reply"):
            self._check_type(reply.client_action.reply.payload.type_url)
        effects = side_effects_of(reply.side_effects) if reply.side_effects else ()
        done(Outcome(action_of(reply.client_action), effects, self._function.model.change(reply)))

    def _check_type(self, found: str) -> None:
        """A reply of another type goes to the client as it is, which may not be able to read it."""
        function = self._function
        expected = function.outputs[self._command]
        if found != expected:
            name = f"{function.service}.{self._command}"
            function.link.report(f"{name}: Expected reply type_url to be [{expected}] but was [{found}].")

    def _ended(self, status: Status | None) -> None:
        reason = "the function ended the stream" if status is None else f"{status.code.name}: {status.message}"
        self._tell("termination", reason)

    def _give_up(self, what: str, reason: str, command_id: int = 0) -> None:
        if self._stream is not None:
            self._stream.cancel()
        self._tell(what, reason, command_id)

    def _tell(self, what: str, reason: str, command_id: int = 0) -> None:
        """The entity is over; the client hears only what kind of thing has happened (protocol.md section 2.6)."""
        lost, self._lost = self._lost, None
        is_busy, self._done = self._done is not None, None
        if lost is None:
            return
        noun = self._function.model.noun
        logger.log(
            logging.ERROR if is_busy or what != "termination" else logging.INFO,
            "unexpected %s %s: %s",
            noun,
            what,
            reason,
            extra={"entity_type": self._key.type, "entity_id": self._key.id, "command_id": command_id},
        )
        news = FunctionLost(f"Unexpected {noun} {what}", f"{noun[0].upper()}{noun[1:]} terminated")
        if what in ("reply", "message"):
            self._function.link.report(f"{self._key.type} entity {self._key.id}: {reason}")
        if self._starting:
            self._broken = news
        else:
            lost(news)
