"""CRDT entities whose code runs behind the protocol: a stream for each live entity (protocol.md 1.5, 2.8)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError

from cloudstate import entity_pb2
from cloudstate.crdt_pb2 import CrdtDelete, CrdtInit, CrdtStateAction, CrdtStreamIn, CrdtStreamOut
from cloudstate.runtime.crdt import Change, ChangeRefused
from cloudstate.runtime.crdt.messages import change_of, delta_message
from cloudstate.runtime.entity.crdt_messages import (
    CancelReply,
    Consistency,
    CrdtReply,
    StateAction,
    StreamedMessage,
)
from cloudstate.runtime.entity.messages import Command, FunctionLost
from cloudstate.runtime.function.endpoint import Endpoint
from cloudstate.runtime.function.port import CrdtTold
from cloudstate.runtime.function.remote.entity import ANSWER_LIMIT, CONNECT_LIMIT, FAREWELL_LIMIT, FunctionBroke
from cloudstate.runtime.function.remote.link import Link
from cloudstate.runtime.function.remote.messages import action_of, metadata_message, side_effects_of
from cloudstate.runtime.journal.port import EntityKey
from cloudstate.runtime.transport import Duplex, Status

logger = logging.getLogger(__name__)

ENTITY_TYPE = "cloudstate.crdt.Crdt"
_PATH = f"/{ENTITY_TYPE}/handle"

TERMINATING = "Entity terminating"


class RemoteCrdt:
    """One type of CRDT entity of the function. See ``CrdtFunction``."""

    metrics_prefix = "cloudstate_crdt"
    #: Functions keep commands apart by their ids.
    pipeline = 100

    def __init__(
        self,
        link: Link,
        service: str,
        entity_type: str,
        passivation: float,
        endpoints: Mapping[str, Endpoint],
        inputs: Mapping[str, str],
        passes_metadata: bool = True,
    ) -> None:
        """Args: see ``RemoteEntity``."""
        self.link = link
        self.service = service
        self.entity_type = entity_type
        self.passivation = passivation
        self.endpoints = endpoints
        self.inputs = inputs
        self.passes_metadata = passes_metadata

    def report(self, text: str) -> None:
        """See ``CrdtFunction.report``."""
        self.link.report(text)

    def instance(self, key: EntityKey, told: CrdtTold) -> RemoteCrdtInstance:
        """See ``CrdtFunction.instance``."""
        return RemoteCrdtInstance(key, self, told)


class RemoteCrdtInstance:
    """One live entity: its stream, and the commands that the function has not answered."""

    __slots__ = ("_broken", "_function", "_is_opening", "_key", "_open", "_stream", "_told")

    def __init__(self, key: EntityKey, function: RemoteCrdt, told: CrdtTold) -> None:
        self._key = key
        self._function = function
        self._told: CrdtTold | None = told
        self._stream: Duplex | None = None
        self._open: set[int] = set()
        self._is_opening = True
        self._broken: FunctionLost | None = None

    async def open(self, change: Change | None) -> None:
        """See ``CrdtInstance`` of the port.

        Raises:
            FunctionUnavailable: there is no connection to the function, and none is made in time.
            FunctionBroke: the function ended the stream already.
        """
        link = self._function.link
        await link.ready(CONNECT_LIMIT)
        self._stream = link.duplex(_PATH, self._received, self._ended)
        delta = None if change is None else delta_message(change)
        init = CrdtInit(service_name=self._function.service, entity_id=self._key.id, delta=delta)
        self._send(CrdtStreamIn(init=init))
        self._is_opening = False
        if self._broken is not None:
            raise FunctionBroke(self._broken.description)

    def handle(self, command_id: int, command: Command) -> None:
        """See ``CrdtInstance`` of the port."""
        function = self._function
        message = entity_pb2.Command(
            entity_id=self._key.id,
            id=command_id,
            name=command.name,
            payload=AnyMessage(type_url=function.inputs[command.name], value=command.payload),
            streamed=command.streamed,
            metadata=metadata_message(command.metadata) if function.passes_metadata else None,
        )
        self._ask(command_id, CrdtStreamIn(command=message))

    def tell(self, change: Change | None) -> None:
        """See ``CrdtInstance`` of the port."""
        if change is None:
            self._send(CrdtStreamIn(delete=CrdtDelete()))
        else:
            self._send(CrdtStreamIn(delta=delta_message(change)))

    def cancel(self, command_id: int) -> None:
        """See ``CrdtInstance`` of the port."""
        cancelled = entity_pb2.StreamCancelled(entity_id=self._key.id, id=command_id)
        self._ask(command_id, CrdtStreamIn(stream_cancelled=cancelled))

    def stop(self) -> None:
        """See ``CrdtInstance`` of the port: the stream ends in good order, unless the function does not end it."""
        self._told = None
        stream = self._stream
        if stream is not None and not stream.over:
            stream.end()
            stream.expire_in(FAREWELL_LIMIT)

    def _send(self, message: CrdtStreamIn) -> None:
        assert self._stream is not None
        self._stream.send(message.SerializeToString())

    def _ask(self, command_id: int, message: CrdtStreamIn) -> None:
        assert self._stream is not None
        self._open.add(command_id)
        self._send(message)
        self._stream.expire_in(ANSWER_LIMIT)

    # --- What the function says ---------------------------------------------------------------------------------------

    def _received(self, data: bytes) -> None:
        if self._told is None:
            return
        try:
            message = CrdtStreamOut.FromString(data)
        except DecodeError:
            self._give_up("message", "not a message of the protocol")
            return
        try:
            self._take(message)
        except ChangeRefused as refused:
            self._give_up("reply", str(refused))

    def _take(self, message: CrdtStreamOut) -> None:
        """Raises ChangeRefused: the message has a change that says nothing."""
        told = self._told
        assert told is not None
        match message.WhichOneof("message"):
            case "reply":
                reply = message.reply
                self._answered(reply.command_id)
                action = action_of(reply.client_action)
                effects = side_effects_of(reply.side_effects)
                told(CrdtReply(reply.command_id, action, effects, _state_action(reply.state_action), reply.streamed))
            case "streamed_message":
                more = message.streamed_message
                effects = side_effects_of(more.side_effects)
                told(StreamedMessage(more.command_id, action_of(more.client_action), effects, more.end_stream))
            case "stream_cancelled_response":
                end = message.stream_cancelled_response
                self._answered(end.command_id)
                told(CancelReply(end.command_id, side_effects_of(end.side_effects), _state_action(end.state_action)))
            case "failure":
                self._give_up("failure", message.failure.description, message.failure.command_id)
            case _:
                self._give_up("message", "an empty message")

    def _answered(self, command_id: int) -> None:
        """Nobody waits for the function any longer, if this was the last."""
        self._open.discard(command_id)
        if not self._open and self._stream is not None:
            self._stream.wait_on()

    def _ended(self, status: Status | None) -> None:
        reason = "the function ended the stream" if status is None else f"{status.code.name}: {status.message}"
        self._lose("termination", reason)

    def _give_up(self, what: str, reason: str, command_id: int = 0) -> None:
        if self._stream is not None:
            self._stream.cancel()
        self._lose(what, reason, command_id)

    def _lose(self, what: str, reason: str, command_id: int = 0) -> None:
        """The entity is over; the client hears only what kind of thing has happened (protocol.md section 2.6)."""
        told, self._told = self._told, None
        if told is None:
            return
        logger.log(
            logging.ERROR if self._open or what != "termination" else logging.INFO,
            "unexpected CRDT entity %s: %s",
            what,
            reason,
            extra={"entity_type": self._key.type, "entity_id": self._key.id, "command_id": command_id},
        )
        if what in ("reply", "message"):
            self._function.report(f"{self._key.type} entity {self._key.id}: {reason}")
        news = FunctionLost(f"Unexpected CRDT entity {what}", TERMINATING)
        if self._is_opening:
            self._broken = news
        else:
            told(news)


def _state_action(message: CrdtStateAction) -> StateAction:
    """What a function does to the value; of a consistency that does not exist, the weakest. Raises ChangeRefused."""
    consistency: Any = message.write_consistency
    known = Consistency(consistency) if consistency in iter(Consistency) else Consistency.LOCAL
    match message.WhichOneof("action"):
        case "update":
            return StateAction(change_of(message.update), False, known)
        case "delete":
            return StateAction(None, True, known)
    return StateAction(None, False, known)
