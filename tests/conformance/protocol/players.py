"""The client of a proxy that plays the kit's cases, and knows what has to pass between the proxy and its function.

Who is behind the proxy does not matter here: a script, our example entities, or a library that others wrote.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from http.client import HTTPConnection
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse
from tests.conformance.protocol import models_eventing as eventing
from tests.conformance.protocol.case import Ask, Call, Case, Emit, Passivate, Reflect, Step
from tests.conformance.protocol.models import ACTIONS, ENTITIES, EntityModel, Kept, wrapped
from tests.conformance.protocol.scripted import PATIENCE, Reached
from tests.conformance.protocol.wire import Traffic, Wire

from cloudstate.action_pb2 import ActionCommand, ActionResponse
from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.transport import CallFailed, Status
from tck.action_pb2 import OtherRequest
from tck.action_pb2 import Response as ActionReply

ENTITY_ID = "x"
REFLECTION = "grpc.reflection.v1alpha.ServerReflection"


async def play_entity(play: Play, case: Case) -> None:
    """A case of event-sourced or value entities."""
    entities = Entities(play, ENTITIES[case.model])
    for step in case.steps:
        await entities.take(step)


async def play_action(play: Play, case: Case) -> None:
    """A case of actions."""
    for step in case.steps:
        assert isinstance(step, Call)
        play.begin(step)
        failures = [it.failure for it in step.responses if it.failure is not None]
        failed = Status(StatusCode.UNKNOWN, failures[0]) if failures else None
        replies = [it for it in map(_result, step.responses) if it is not None]
        assert await call_action(play, step) == (replies, failed)
        traffic = play.expect(ACTIONS.paths[step.call])
        traffic.messages += [*ACTIONS.told(step), *map(ACTIONS.response, step.responses)]
        for response in step.responses:
            for target in (*response.effects, *filter(None, [response.forward])):
                expect_two(play, target.removeprefix("sync "))
        await play.passed()


async def play_reflection(play: Play, case: Case) -> None:
    """A case of reflection."""
    call = play.stack.client.stream(f"/{REFLECTION}/ServerReflectionInfo", timeout=PATIENCE)
    for step in case.steps:
        assert isinstance(step, Reflect)
        asked = ServerReflectionRequest(host="h")
        if step.reflect == "services":
            asked.list_services = step.argument
        else:
            asked.file_containing_symbol = step.argument
        await call.send(asked.SerializeToString())
        answer = ServerReflectionResponse.FromString(await anext(call))
        assert (answer.valid_host, answer.original_request) == ("h", asked)
        if step.reflect == "services":
            found = [service.name for service in answer.list_services_response.service]
            assert found == [REFLECTION, *sorted(play.services)]
        else:
            assert answer.HasField("file_descriptor_response")
            assert len(answer.file_descriptor_response.file_descriptor_proto) == step.files
    await call.end()
    assert [message async for message in call] == []


async def play_event_log(play: Play, case: Case) -> None:
    """A case of an event log with a subscriber."""
    for step in case.steps:
        assert isinstance(step, Emit)
        play.begin(step)
        path = f"/{eventing.service(step)}/{eventing.command(step)}"
        await play.stack.call(path, eventing.request(step))
        entity = play.expect(ENTITIES["event-sourced"].path)
        heard: Any = play.heard(entity).messages[-1]
        event = eventing.named_freely(step, heard.reply.events[0])
        entity.messages += [*eventing.told(step), eventing.emitted(step, 1, event)]
        subscriber = play.expect(ACTIONS.paths["unary"])
        subscriber.messages += [eventing.delivered(step, event), eventing.response(step, step.heard)]
        if step.forward is not None:
            target = play.expect(ACTIONS.paths["unary"])
            target.messages += [eventing.effect(step), eventing.response(step, "Effect")]
        await play.passed()


class Play:
    """A client, and what has to pass behind the proxy that it talks to.

    Attributes:
        begin: called with each step before it is played, so that a script knows what to answer.
        services: what the function behind the proxy announces.
    """

    def __init__(
        self, stack: Reached, wire: Wire, services: Sequence[str], begin: Callable[[Any], None] = lambda step: None
    ) -> None:
        self.stack = stack
        self.services = services
        self.begin = begin
        self._wire = wire
        self._expected: list[Traffic] = []

    def expect(self, path: str) -> Traffic:
        """One more stream."""
        traffic = Traffic(path)
        self._expected.append(traffic)
        return traffic

    def heard(self, traffic: Traffic) -> Traffic:
        """What has passed on a stream that was expected."""
        return self._wire.heard[self._expected.index(traffic)]

    async def passed(self) -> None:
        """Wait for as much as is expected; then nothing else may have passed."""
        complete = await self._wire.until(self._is_complete, PATIENCE)
        assert [_told(it) for it in self._wire.heard] == [_told(it) for it in self._expected]
        assert complete, "a stream has not ended"

    def _is_complete(self) -> bool:
        if len(self._wire.heard) < len(self._expected):
            return False
        return all(map(_covers, self._wire.heard, self._expected))

    async def ended(self, traffic: Traffic, patience: float) -> bool:
        """Wait until a stream has ended, in good order on both sides."""
        heard = self.heard(traffic)
        return await self._wire.until(lambda: heard.half_closed and heard.over, patience)

    async def post(self, path: str, message: Message) -> tuple[str, Status | None]:
        """A call over HTTP: the reply's text, and how it has failed."""
        status, kind, text = await asyncio.to_thread(http, self.stack.port, path, MessageToDict(message))
        if status == 200:
            assert kind == "application/json"
            [(name, value)] = json.loads(text).items()
            assert (name, text) == ("message", json.dumps({name: value}, separators=(",", ":")))
            return value, None
        assert status == 500
        if self.stack.compat.http_status:
            assert (kind, json.loads(text)["code"]) == ("application/json", "UNKNOWN")
            text = json.loads(text)["message"]
        return "", Status(StatusCode.UNKNOWN, text)


def _told(traffic: Traffic) -> tuple[str, list[Message], list[Message]]:
    """What each side has said. Only on streams of entities is it certain who came first: they take turns."""
    commands: list[Message] = [it for it in traffic.messages if isinstance(it, ActionCommand)]
    return traffic.path, commands, [it for it in traffic.messages if not isinstance(it, ActionCommand)]


def _covers(heard: Traffic, expected: Traffic) -> bool:
    return len(heard.messages) >= len(expected.messages) and heard.over >= expected.over


def http(port: int, path: str, body: Any) -> tuple[int, str, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
        response = connection.getresponse()
        return response.status, response.headers.get_content_type(), response.read().decode()
    finally:
        connection.close()


class Live:
    """What is known of one entity: what is stored, and its stream, if it is in memory."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.command_id = 0
        self.traffic: Traffic | None = None


class Entities:
    """The entities of one model, as the proxy has to treat them."""

    def __init__(self, play: Play, model: EntityModel) -> None:
        self._play = play
        self._model = model
        self._live: dict[tuple[str, str], Live] = {}

    async def take(self, step: Step) -> None:
        """Play a step."""
        if isinstance(step, Passivate):
            [live] = self._live.values()
            assert live.traffic is not None
            assert await self._play.ended(live.traffic, step.passivated_within)
            return
        assert isinstance(step, Ask)
        self._play.begin(step)
        message, status = await self._call(step)
        failed = None if step.failure is None else Status(StatusCode.UNKNOWN, step.failure)
        assert (message, status) == (step.reply or "", failed)
        live = self._command(step, ENTITY_ID)
        for effect in step.effects:
            self._command(Ask(ask=(), at="two", reply=""), effect.removeprefix("sync "))
        if step.forward is not None:
            self._command(Ask(ask=(), at="two", reply=""), step.forward)
        if step.failure is not None and self._restarts(live, step):
            self._tell(step.at, ENTITY_ID, live)
        await self._play.passed()

    async def _call(self, step: Ask) -> tuple[str, Status | None]:
        model, request = self._model, self._model.request(step, ENTITY_ID)
        path = f"/{model.services[step.at]}/{model.command(step.at)}"
        if step.over != "grpc":
            return await self._play.post(path if step.over == "http-default" else model.http + ENTITY_ID, request)
        try:
            reply = model.response_class.FromString(await self._play.stack.call(path, request))
        except CallFailed as failure:
            return "", failure.status_value
        return reply.message, None

    def _command(self, ask: Ask, entity_id: str) -> Live:
        """A command and its answer have to pass on the entity's stream, which may have to be opened."""
        live = self._live.setdefault((ask.at, entity_id), Live(self._model.kept()))
        if live.traffic is None:
            self._tell(ask.at, entity_id, live)
        assert live.traffic is not None
        live.command_id += 1
        live.traffic.messages += [
            self._model.told(ask, live.command_id, entity_id),
            self._model.answer(ask, live.command_id),
        ]
        live.kept.store(ask)
        return live

    def _tell(self, at: str, entity_id: str, live: Live) -> None:
        live.traffic, live.command_id = self._play.expect(self._model.path), 0
        live.traffic.messages += live.kept.opening(self._model.services[at], entity_id)

    def _restarts(self, live: Live, step: Ask) -> bool:
        """Whether the function has asked for a restart, which a script says and an entity decides by itself."""
        traffic = live.traffic
        assert traffic is not None
        heard: Any = self._play.heard(traffic).messages[len(traffic.messages) - 1]
        restarts: bool = heard.reply.client_action.failure.restart
        traffic.messages[-1] = self._model.answer(step, live.command_id, restart=restarts)
        traffic.over = restarts
        return restarts


def _result(response: Any) -> str | None:
    """What a client gets of a response: nothing where there is no reply, and what service two says for a forward."""
    return response.reply if response.forward is None else ""


async def call_action(play: Play, step: Call) -> tuple[list[str], Status | None]:
    """The texts that a client gets, and how the call has failed."""
    requests = ACTIONS.requests(step)
    if step.over == "http":
        text, failed = await play.post("/tck/model/action/unary", requests[0])
        return ([] if failed else [text]), failed
    call = play.stack.client.stream(f"/{ACTIONS.service}/{ACTIONS.names[step.call]}", timeout=PATIENCE)
    got = []
    try:
        for request in requests:
            await call.send(request.SerializeToString())
        await call.end()
        async for data in call:
            got.append(ActionReply.FromString(data).message)
    except CallFailed as failure:
        return got, failure.status_value
    return got, None


def expect_two(play: Play, target: str) -> None:
    """A call of service two."""
    command = ActionCommand(service_name=ACTIONS.two, name="Call", payload=wrapped(OtherRequest(id=target)))
    response = ActionResponse()
    response.reply.payload.CopyFrom(wrapped(ActionReply()))
    play.expect(ACTIONS.paths["unary"]).messages.extend([command, response])
