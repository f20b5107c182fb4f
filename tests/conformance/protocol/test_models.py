"""The compatibility kit's model cases (``cases/*.yaml``) against our code as a user function: role (b) of the suite."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.conformance.protocol.scripted import PATIENCE, wrapped
from tests.conformance.protocol.test_function_entities import Entity, function

from cloudstate import entity_pb2 as pb
from cloudstate.action_pb2 import ActionCommand, ActionResponse
from cloudstate.event_sourced_pb2 import (
    EventSourcedEvent,
    EventSourcedInit,
    EventSourcedReply,
    EventSourcedSnapshot,
    EventSourcedStreamIn,
    EventSourcedStreamOut,
)
from cloudstate.runtime.transport import Channel
from cloudstate.value_entity_pb2 import (
    ValueEntityAction,
    ValueEntityDelete,
    ValueEntityInit,
    ValueEntityInitState,
    ValueEntityReply,
    ValueEntityStreamIn,
    ValueEntityStreamOut,
    ValueEntityUpdate,
)
from tck import action_pb2 as act
from tck import eventsourced_pb2 as es
from tck import valueentity_pb2 as ve

CASES = Path(__file__).parent / "cases"
EVENT_SOURCED = "cloudstate.tck.model.EventSourcedTckModel"
VALUE = "cloudstate.tck.model.valueentity.ValueEntityTckModel"
ACTION = "cloudstate.tck.model.action.ActionTckModel"
NAMES = {"unary": "ProcessUnary", "in": "ProcessStreamedIn", "out": "ProcessStreamedOut", "both": "ProcessStreamed"}
METHODS = {"in": "handleStreamedIn", "out": "handleStreamedOut", "both": "handleStreamed"}


def cases(name: str) -> list[Any]:
    """The cases of a file, as parameters with their ids."""
    return [pytest.param(case, id=case["id"]) for case in yaml.safe_load((CASES / f"{name}.yaml").read_text())]


@pytest.fixture
async def channel() -> AsyncIterator[Channel]:
    async with function("tck") as made:
        yield made


class TestEventSourced:
    """E3 to E21."""

    @pytest.mark.parametrize("case", cases("event_sourced"))
    async def test_case(self, channel: Channel, case: Any) -> None:
        played = _EventSourced(channel)
        for step in case["steps"]:
            if "open" in step:
                await played.open(step["open"])
            else:
                await played.ask(step)
        await played.half_close()


class _Played:
    """A case in progress: the stream, and what a proxy would have stored."""

    path: str
    message_in: Any
    message_out: Any

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._entity: Entity | None = None
        self._id = 0

    async def begin(self, **init: Any) -> Entity:
        await self.half_close()
        stream = self._channel.stream(self.path, timeout=60)
        self._entity = Entity(stream, self.message_in, self.message_out)
        self._id = 0
        await self._entity.say(**init)
        return self._entity

    async def command(self, payload: Any) -> Any:
        assert self._entity is not None
        self._id += 1
        return await self._entity.ask(self._id, "Process", payload, "x")

    async def half_close(self) -> None:
        """The proxy passivates the entity: the function ends the stream in good order."""
        if self._entity is not None:
            await self._entity.stream.end()
            with pytest.raises(StopAsyncIteration):
                await asyncio.wait_for(anext(self._entity.stream), PATIENCE)
            self._entity = None


def client_action(step: Any, command_id: int, response: Any, request: Any, two: str) -> pb.ClientAction:
    """What a step says of the answer."""
    if "forward" in step:
        payload = wrapped(request(id=step["forward"]))
        return pb.ClientAction(forward=pb.Forward(service_name=two, command_name="Call", payload=payload))
    if "failure" in step:
        return pb.ClientAction(failure=failed(step["failure"], command_id))
    return pb.ClientAction(reply=pb.Reply(payload=wrapped(response(message=step["reply"]))))


def failed(text: str, command_id: int = 0) -> pb.Failure:
    """A refusal, as a proxy that is not ours hears of it."""
    return pb.Failure(command_id=command_id, description=text)


def side_effects(step: Any, request: Any, two: str) -> list[pb.SideEffect]:
    """What a step says of side effects."""
    return [
        pb.SideEffect(
            service_name=two,
            command_name="Call",
            payload=wrapped(request(id=text.removeprefix("sync "))),
            synchronous=text.startswith("sync "),
        )
        for text in step.get("effects", [])
    ]


class _EventSourced(_Played):
    path = "/cloudstate.eventsourced.EventSourced/handle"
    message_in = EventSourcedStreamIn
    message_out = EventSourcedStreamOut
    two = "cloudstate.tck.model.EventSourcedTwo"

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel)
        self._snapshot: tuple[int, str] | None = None
        self._events: list[tuple[int, str]] = []
        self._sequence = 0

    async def open(self, told: Any) -> None:
        self._snapshot = tuple(told["snapshot"]) if "snapshot" in told else None
        self._events = [(sequence, value) for sequence, value in told.get("events", [])]
        self._sequence = self._events[-1][0] if self._events else self._snapshot[0] if self._snapshot else 0
        await self._replay()

    async def _replay(self) -> None:
        snapshot = None
        if self._snapshot is not None:
            sequence, value = self._snapshot
            snapshot = EventSourcedSnapshot(snapshot_sequence=sequence, snapshot=wrapped(es.Persisted(value=value)))
        init = EventSourcedInit(service_name=EVENT_SOURCED, entity_id="x", snapshot=snapshot)
        entity = await self.begin(init=init)
        for sequence, value in self._events:
            await entity.say(event=EventSourcedEvent(sequence=sequence, payload=wrapped(es.Persisted(value=value))))

    async def ask(self, step: Any) -> None:
        got = await self.command(es.Request(id="x", actions=[_es_action(text) for text in map(str, step["ask"])]))
        restart = got.reply.client_action.failure.restart
        expected = EventSourcedReply(
            command_id=self._id,
            client_action=client_action(step, self._id, es.Response, es.Request, self.two),
            side_effects=side_effects(step, es.Request, self.two),
            events=[wrapped(es.Persisted(value=str(value))) for value in step.get("events", [])],
            snapshot=wrapped(es.Persisted(value=step["snapshot"])) if "snapshot" in step else None,
        )
        if restart:  # the function may ask for it, or take back what it has emitted
            expected.client_action.failure.restart = True
        assert got == EventSourcedStreamOut(reply=expected)
        self._store(step)
        if restart:
            await self._replay()

    def _store(self, step: Any) -> None:
        for value in step.get("events", []):
            self._sequence += 1
            self._events.append((self._sequence, value))
        if "snapshot" in step:
            self._snapshot, self._events = (self._sequence, step["snapshot"]), []


def _es_action(text: str) -> es.RequestAction:
    kind, _, value = text.partition(" ")
    match kind:
        case "emit":
            return es.RequestAction(emit=es.Emit(value=value))
        case "forward":
            return es.RequestAction(forward=es.Forward(id=value))
        case "effect" | "sync":
            return es.RequestAction(effect=es.Effect(id=value, synchronous=kind == "sync"))
    return es.RequestAction(fail=es.Fail(message=value))


class TestValue:
    """V3 to V19."""

    @pytest.mark.parametrize("case", cases("value"))
    async def test_case(self, channel: Channel, case: Any) -> None:
        played = _Value(channel)
        for step in case["steps"]:
            if "open" in step:
                await played.open(step["open"])
            else:
                await played.ask(step)
        await played.half_close()


class _Value(_Played):
    path = "/cloudstate.valueentity.ValueEntity/handle"
    message_in = ValueEntityStreamIn
    message_out = ValueEntityStreamOut
    two = "cloudstate.tck.model.valueentity.ValueEntityTwo"

    async def open(self, told: Any) -> None:
        value = wrapped(ve.Persisted(value=told["state"])) if "state" in told else None
        state = ValueEntityInitState(value=value)
        await self.begin(init=ValueEntityInit(service_name=VALUE, entity_id="x", state=state))

    async def ask(self, step: Any) -> None:
        got = await self.command(ve.Request(id="x", actions=[_ve_action(text) for text in step["ask"]]))
        state_action = None
        if "update" in step:
            update = ValueEntityUpdate(value=wrapped(ve.Persisted(value=step["update"])))
            state_action = ValueEntityAction(update=update)
        if "delete" in step:
            state_action = ValueEntityAction(delete=ValueEntityDelete())
        expected = ValueEntityReply(
            command_id=self._id,
            client_action=client_action(step, self._id, ve.Response, ve.Request, self.two),
            side_effects=side_effects(step, ve.Request, self.two),
            state_action=state_action,
        )
        assert got == ValueEntityStreamOut(reply=expected)


def _ve_action(text: str) -> ve.RequestAction:
    kind, _, value = text.partition(" ")
    match kind:
        case "update":
            return ve.RequestAction(update=ve.Update(value=value))
        case "delete":
            return ve.RequestAction(delete=ve.Delete())
        case "forward":
            return ve.RequestAction(forward=ve.Forward(id=value))
        case "effect" | "sync":
            return ve.RequestAction(effect=ve.Effect(id=value, synchronous=kind == "sync"))
    return ve.RequestAction(fail=ve.Fail(message=value))


class TestAction:
    """A2 to A34."""

    @pytest.mark.parametrize("case", cases("action"))
    async def test_case(self, channel: Channel, case: Any) -> None:
        shape = case["shape"]
        requests = [wrapped(_request(groups)) for groups in case["requests"]]
        head = ActionCommand(service_name=ACTION, name=NAMES[shape])
        if shape in ("unary", "out"):
            head.payload.CopyFrom(requests[0])
        if shape == "unary":
            path = "/cloudstate.action.ActionProtocol/handleUnary"
            reply = await channel.unary(path, head.SerializeToString(), timeout=PATIENCE)
            got = [reply.payload]
        else:
            stream = channel.stream(f"/cloudstate.action.ActionProtocol/{METHODS[shape]}", timeout=PATIENCE)
            await stream.send(head.SerializeToString())
            for request in requests if shape != "out" else []:
                await stream.send(ActionCommand(payload=request).SerializeToString())
            await stream.end()
            got = [data async for data in stream]
        assert [ActionResponse.FromString(data) for data in got] == [_response(it) for it in case["responses"]]


def _request(groups: Any) -> act.Request:
    return act.Request(groups=[act.ProcessGroup(steps=map(_step, steps)) for steps in groups])


def _step(text: str) -> act.ProcessStep:
    kind, _, value = text.partition(" ")
    match kind:
        case "reply":
            return act.ProcessStep(reply=act.Reply(message=value))
        case "forward":
            return act.ProcessStep(forward=act.Forward(id=value))
        case "fail":
            return act.ProcessStep(fail=act.Fail(message=value))
    return act.ProcessStep(effect=act.SideEffect(id=value, synchronous=kind == "sync"))


def _response(expected: Any) -> ActionResponse:
    two = "cloudstate.tck.model.action.ActionTwo"
    response = ActionResponse(side_effects=side_effects(expected, act.OtherRequest, two))
    if "reply" in expected:
        response.reply.payload.CopyFrom(wrapped(act.Response(message=expected["reply"])))
    if "forward" in expected:
        payload = wrapped(act.OtherRequest(id=expected["forward"]))
        response.forward.CopyFrom(pb.Forward(service_name=two, command_name="Call", payload=payload))
    if "failure" in expected:
        response.failure.CopyFrom(failed(expected["failure"]))
    return response


async def test_discovery(channel: Channel) -> None:
    """A1, V1, V2, E1, E2 and the function's half of D1."""
    info = pb.ProxyInfo(protocol_major_version=0, protocol_minor_version=2)
    reply = await channel.unary("/cloudstate.EntityDiscovery/discover", info.SerializeToString(), timeout=PATIENCE)
    spec = pb.EntitySpec.FromString(reply.payload)
    found = {
        entity.service_name.removeprefix("cloudstate.tck.model."): (
            entity.entity_type.rpartition(".")[2],
            entity.persistence_id if "action" not in entity.service_name else "",
            entity.passivation_strategy.timeout.timeout,
        )
        for entity in spec.entities
    }
    assert found == {
        "action.ActionTckModel": ("ActionProtocol", "", 0),
        "action.ActionTwo": ("ActionProtocol", "", 0),
        "EventSourcedTckModel": ("EventSourced", "event-sourced-tck-model", 30_000),
        "EventSourcedTwo": ("EventSourced", "event-sourced-tck-model-two", 30_000),
        "EventSourcedConfigured": ("EventSourced", "event-sourced-configured", 100),
        "valueentity.ValueEntityTckModel": ("ValueEntity", "value-entity-tck-model", 30_000),
        "valueentity.ValueEntityTwo": ("ValueEntity", "value-entity-tck-model-two", 30_000),
        "valueentity.ValueEntityConfigured": ("ValueEntity", "value-entity-configured", 100),
    }
