"""The client of a proxy that plays the kit's cases of replicated entities. See ``players``."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict
from tests.conformance.protocol import models_crdt as crdt
from tests.conformance.protocol.case import Case, Passivate, Step
from tests.conformance.protocol.case_crdt import AskCrdt, Begin, Cancel, Tree, Watch
from tests.conformance.protocol.case_crdt import Message as Further
from tests.conformance.protocol.players import Play, http
from tests.conformance.protocol.scripted import PATIENCE
from tests.conformance.protocol.wire import Traffic

from cloudstate import entity_pb2 as pb
from cloudstate.crdt_pb2 import CrdtInit, CrdtStreamIn
from cloudstate.runtime.transport import CallFailed
from tck import crdt_pb2 as tck


async def play_replicated_entity(play: Play, case: Case) -> None:
    """A case of replicated entities."""
    replicas = Replicas(play)
    for step in case.steps:
        await replicas.take(step)


class Live:
    """One entity's stream, and the commands on it."""

    def __init__(self, traffic: Traffic) -> None:
        self.traffic = traffic
        self.command_id = 0
        self.streamed: dict[str, int] = {}


class Replicas:
    """One id of the kit's services, as the proxy has to treat it."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self._id = ""
        self._live: dict[str, Live] = {}
        self._calls: dict[str, Any] = {}

    async def take(self, step: Step) -> None:
        """Play a step."""
        match step:
            case Begin():
                self._id = step.begin
                return
            case Passivate():
                [live] = self._live.values()
                assert await self._play.ended(live.traffic, step.passivated_within)
                return
            case AskCrdt():
                await self._ask(step)
            case Watch():
                await self._watch(step)
            case Cancel():
                await self._cancel(step)
            case _:
                raise TypeError(f"no step of a replicated entity: {step}")
        await self._play.passed()

    async def _ask(self, step: AskCrdt) -> None:
        self._play.begin(step)
        reply, failure = await self._call(step)
        assert failure == step.failure
        if step.failure is None:
            assert reply == response(step.reply or {})
        self._command(step)
        for target in (*step.effects, *filter(None, [step.forward])):
            assert target.removeprefix("sync ") == self._id
            self._command(AskCrdt(ask=(), at="two", reply={}))
        await self._hear(step.then)
        if step.closes:
            live = self._live.pop(step.at)
            live.traffic.over = True

    async def _watch(self, step: Watch) -> None:
        self._play.begin(step)
        call = self._play.stack.client.stream(f"/{crdt.service('model')}/ProcessStreamed", (), PATIENCE)
        payload = crdt.command(self._id, 1, step).command.payload
        await call.send(payload.value)
        await call.end()
        self._calls[step.watch] = call
        self._command(step)
        if step.reply is not None:
            assert await heard(call) == response(step.reply)
        await self._hear(step.then)

    async def _cancel(self, step: Cancel) -> None:
        self._play.begin(step)
        live = self._live["model"]
        number = live.streamed.pop(step.cancel)
        self._calls.pop(step.cancel).cancel()
        gone = CrdtStreamIn(stream_cancelled=pb.StreamCancelled(entity_id=self._id, id=number))
        live.traffic.messages += [gone, crdt.cancelled(number, step), *self._further(live, step.then)]
        await self._hear(step.then)

    async def _hear(self, messages: tuple[Further, ...]) -> None:
        for message in messages:
            assert await heard(self._calls[message.to]) == response(message.reply)

    def _command(self, step: AskCrdt | Watch) -> None:
        """A command and its answer have to pass on the entity's stream, which may have to be opened."""
        at = step.at if isinstance(step, AskCrdt) else "model"
        live = self._live.get(at)
        if live is None:
            live = self._live[at] = Live(self._play.expect(crdt.PATH))
            init = CrdtInit(service_name=crdt.service(at), entity_id=self._id)
            live.traffic.messages.append(CrdtStreamIn(init=init))
        live.command_id += 1
        if isinstance(step, Watch):
            live.streamed[step.watch] = live.command_id
        live.traffic.messages += [
            crdt.command(self._id, live.command_id, step),
            crdt.answer(live.command_id, step),
            *self._further(live, step.then),
        ]

    def _further(self, live: Live, messages: tuple[Further, ...]) -> list[Any]:
        return [crdt.further(live.streamed[message.to], message) for message in messages]

    async def _call(self, step: AskCrdt) -> tuple[tck.Response | None, str | None]:
        """The reply, or the text of the failure."""
        request = tck.Request(id=self._id, actions=[crdt.step(self._id, text) for text in step.ask])
        path = f"/{crdt.service(step.at)}/{'Process' if step.at == 'model' else 'Call'}"
        if step.over != "grpc":
            return await self._post(path if step.over == "http-default" else f"/tck/model/crdt/{self._id}", request)
        try:
            return tck.Response.FromString(await self._play.stack.call(path, request)), None
        except CallFailed as failure:
            return None, failure.status_value.message

    async def _post(self, path: str, request: tck.Request) -> tuple[tck.Response | None, str | None]:
        status, kind, text = await asyncio.to_thread(http, self._play.stack.port, path, MessageToDict(request))
        if status == 200:
            return ParseDict(json.loads(text), tck.Response()), None
        assert status == 500
        return None, json.loads(text)["message"] if kind == "application/json" else text


def response(tree: Tree) -> tck.Response:
    """What a client gets for a value."""
    return tck.Response(state=crdt.value(tree) if tree else None)


async def heard(call: Any) -> tck.Response:
    """The next reply of a stream."""
    return tck.Response.FromString(await asyncio.wait_for(anext(aiter(call)), PATIENCE))
