"""The proxy of a user function that plays the kit's model cases: a stock gRPC client.

Whose function it is does not matter here: our own, or one made with a library that others wrote.
"""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import Message
from tests.conformance.protocol import models_crdt as crdt
from tests.conformance.protocol.case import Ask, Call, Case, Discover, Open, Step
from tests.conformance.protocol.case_crdt import AskCrdt, Begin, Cancel, Tell, Watch
from tests.conformance.protocol.case_crdt import Message as Further
from tests.conformance.protocol.models import ACTIONS, ENTITIES, EntityModel

from cloudstate import entity_pb2 as pb
from cloudstate.action_pb2 import ActionResponse
from cloudstate.crdt_pb2 import CrdtStreamIn, CrdtStreamOut

PATIENCE = 10.0
ENTITY_ID = "x"


async def play_entity(channel: grpc.aio.Channel, case: Case) -> None:
    """A case of event-sourced or value entities."""
    played = EntityPlay(channel, ENTITIES[case.model])
    for step in case.steps:
        if isinstance(step, Open):
            await played.open(step)
        else:
            assert isinstance(step, Ask)
            await played.ask(step)
    await played.half_close()


async def play_action(channel: grpc.aio.Channel, case: Case) -> None:
    """A case of actions."""
    [call] = case.steps
    assert isinstance(call, Call)
    told, path = ACTIONS.told(call), ACTIONS.paths[call.call]
    expected = [ACTIONS.response(it) for it in call.responses]
    if call.call == "unary":
        unary = channel.unary_unary(path, serialized, ActionResponse.FromString)
        assert [await unary(told[0], timeout=PATIENCE)] == expected
        return
    play = stream(channel, path, ActionResponse)
    got = []
    for part, groups in zip(told, [(), *call.requests], strict=False):
        await play.write(part)
        for _ in groups if call.call == "both" else ():  # each request is answered before the next one
            got.append(await asyncio.wait_for(play.read(), PATIENCE))
    await play.done_writing()
    while (message := await asyncio.wait_for(play.read(), PATIENCE)) is not grpc.aio.EOF:
        got.append(message)
    assert got == expected
    assert await play.code() is grpc.StatusCode.OK


async def play_discovery(channel: grpc.aio.Channel, case: Case) -> None:
    """What the function announces."""
    [said] = case.steps
    assert isinstance(said, Discover)
    discover = channel.unary_unary("/cloudstate.EntityDiscovery/discover", serialized, pb.EntitySpec.FromString)
    spec = await discover(pb.ProxyInfo(protocol_minor_version=2, supported_entity_types=said.supported))
    found = {entity.service_name: entity for entity in spec.entities}
    for name, expected in said.discover.items():
        entity = found[name]
        assert entity.entity_type == expected.type
        if expected.persistence_id is not None:
            assert entity.persistence_id == expected.persistence_id
        if expected.passivation_ms is not None:
            assert entity.passivation_strategy.timeout.timeout == expected.passivation_ms
    files = FileDescriptorSet.FromString(spec.proto).file
    described = {f"{file.package}.{service.name}" for file in files for service in file.service}
    assert set(found) <= described
    if said.version is not None:
        info = spec.service_info
        assert (info.protocol_major_version, info.protocol_minor_version) == said.version


async def play_replicated_entity(channel: grpc.aio.Channel, case: Case) -> None:
    """A case of replicated entities."""
    played = ReplicaPlay(channel)
    for step in case.steps:
        await played.take(step)
    await played.half_close()


class EntityPlay:
    """A proxy with one entity: its stream, and what is stored of it."""

    def __init__(self, channel: grpc.aio.Channel, model: EntityModel) -> None:
        self._channel = channel
        self._model = model
        self._kept = model.kept()
        self._stream: Any = None
        self._command_id = 0

    async def open(self, told: Open) -> None:
        """Begin a stream with what the case gives."""
        self._kept.open(told)
        await self._tell()

    async def ask(self, ask: Ask) -> None:
        """A command; the answer has to be the case's, to the last field."""
        model = self._model
        self._command_id += 1
        await self._stream.write(model.told(ask, self._command_id, ENTITY_ID))
        answer = await asyncio.wait_for(self._stream.read(), PATIENCE)
        assert answer is not grpc.aio.EOF
        # A function that has emitted before it failed may ask for a restart, or take its events back itself.
        restart = ask.failure is not None and answer.reply.client_action.failure.restart
        assert answer == model.answer(ask, self._command_id, restart=restart)
        self._kept.store(ask)
        if restart:
            await self._tell()

    async def half_close(self) -> None:
        """Passivate the entity: the function has to end the stream in good order."""
        if self._stream is not None:
            await half_closed(self._stream)
            self._stream = None

    async def _tell(self) -> None:
        await self.half_close()
        self._command_id = 0
        self._stream = stream(self._channel, self._model.path, self._model.message_out)
        for message in self._kept.opening(self._model.services["model"], ENTITY_ID):
            await self._stream.write(message)


class ReplicaPlay:
    """A proxy with one replicated entity."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self._stream: Any = None
        self._entity_id = ""
        self._command_id = 0
        self._streamed: dict[str, int] = {}

    async def take(self, step: Step) -> None:
        """Play a step."""
        match step:
            case Begin():
                await self._begin(step)
            case Tell():
                await self._stream.write(crdt.told(step.tell))
            case AskCrdt() | Watch():
                await self._command(step)
            case Cancel():
                number = self._streamed.pop(step.cancel)
                gone = pb.StreamCancelled(entity_id=self._entity_id, id=number)
                await self._stream.write(CrdtStreamIn(stream_cancelled=gone))
                await self._hears(crdt.cancelled(number, step), *self._further(step.then))
            case _:
                raise TypeError(f"no step of a replicated entity: {step}")

    async def half_close(self) -> None:
        """Passivate the entity: the function has to end the stream in good order, and has nothing else to say."""
        if self._stream is not None:
            await half_closed(self._stream)
            self._stream = None

    async def _begin(self, begin: Begin) -> None:
        await self.half_close()
        self._entity_id, self._command_id, self._streamed = begin.begin, 0, {}
        self._stream = stream(self._channel, crdt.PATH, CrdtStreamOut)
        await self._stream.write(crdt.init(begin))

    async def _command(self, said: AskCrdt | Watch) -> None:
        self._command_id += 1
        if isinstance(said, Watch):
            self._streamed[said.watch] = self._command_id
        await self._stream.write(crdt.command(self._entity_id, self._command_id, said))
        await self._hears(crdt.answer(self._command_id, said), *self._further(said.then))

    def _further(self, messages: tuple[Further, ...]) -> list[CrdtStreamOut]:
        return [crdt.further(self._streamed[message.to], message) for message in messages]

    async def _hears(self, *expected: CrdtStreamOut) -> None:
        for message in expected:
            got = await asyncio.wait_for(self._stream.read(), PATIENCE)
            assert got is not grpc.aio.EOF
            assert crdt.in_order(got) == crdt.in_order(message)


async def half_closed(play: Any) -> None:
    """End a stream from the proxy's side: the function ends it in good order, without another word."""
    await play.done_writing()
    assert await asyncio.wait_for(play.read(), PATIENCE) is grpc.aio.EOF
    assert await play.code() is grpc.StatusCode.OK


def stream(channel: grpc.aio.Channel, path: str, message_out: Any) -> Any:
    """A call that streams in both directions."""
    return channel.stream_stream(path, serialized, message_out.FromString)(timeout=60)


def serialized(message: Message) -> bytes:
    return message.SerializeToString()


_PLAYERS = {
    "event-sourced": play_entity,
    "value": play_entity,
    "action": play_action,
    "crdt": play_replicated_entity,
    "discovery": play_discovery,
}


async def play_case(channel: grpc.aio.Channel, case: Case) -> None:
    """A case of any model."""
    await _PLAYERS[case.model](channel, case)
