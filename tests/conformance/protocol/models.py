"""The compatibility kit's models: what a case says, as messages of the protocol and of the models' services."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Protocol

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from tests.conformance.protocol.case import Ask, Call, Open, Response

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


def wrapped(message: Message) -> AnyMessage:
    """A message as payload."""
    value = AnyMessage()
    value.Pack(message, type_url_prefix="type.googleapis.com/")
    return value


def side_effects(effects: Iterable[str], service: str, request: Callable[..., Message]) -> list[pb.SideEffect]:
    """Calls of service two; ``sync x`` is one that is waited for."""
    return [
        pb.SideEffect(
            service_name=service,
            command_name="Call",
            payload=wrapped(request(id=text.removeprefix("sync "))),
            synchronous=text.startswith("sync "),
        )
        for text in effects
    ]


class Kept(Protocol):
    """What a proxy has stored of one entity."""

    def open(self, told: Open) -> None:
        """Take what a case gives as stored."""
        ...

    def store(self, ask: Ask) -> None:
        """Take what an answer changes."""
        ...

    def opening(self, service: str, entity_id: str) -> list[Message]:
        """The messages that begin a stream."""
        ...


class EntityModel(ABC):
    """One model of the kit; ``services`` are its full names by what cases call them."""

    path: str
    message_in: Any
    message_out: Any
    services: ClassVar[dict[str, str]]
    http: str
    request_class: Any
    response_class: Any

    @abstractmethod
    def kept(self) -> Kept:
        """An entity of which nothing is stored."""

    @abstractmethod
    def step(self, kind: str, value: str) -> Message:
        """One step of a request."""

    @abstractmethod
    def answer(self, ask: Ask, command_id: int, *, restart: bool = False) -> Message:
        """The function's answer in full; a failure may ask for a restart."""

    def command(self, at: str) -> str:
        """The command of a service."""
        return "Process" if at == "model" else "Call"

    def request(self, ask: Ask, entity_id: str) -> Message:
        """What a client sends."""
        steps = [self.step(kind, value) for kind, _, value in (text.partition(" ") for text in ask.ask)]
        request: Message = self.request_class(id=entity_id, actions=steps)
        return request

    def told(self, ask: Ask, command_id: int, entity_id: str) -> Message:
        """What a proxy sends for it."""
        command = pb.Command(
            entity_id=entity_id,
            id=command_id,
            name=self.command(ask.at),
            payload=wrapped(self.request(ask, entity_id)),
        )
        message: Message = self.message_in(command=command)
        return message

    def client_action(self, ask: Ask, command_id: int, restart: bool) -> pb.ClientAction:
        """The part of an answer that is for the client."""
        if ask.forward is not None:
            payload = wrapped(self.request_class(id=ask.forward))
            return pb.ClientAction(
                forward=pb.Forward(service_name=self.services["two"], command_name="Call", payload=payload)
            )
        if ask.failure is not None:
            return pb.ClientAction(failure=pb.Failure(command_id=command_id, description=ask.failure, restart=restart))
        return pb.ClientAction(reply=pb.Reply(payload=wrapped(self.response_class(message=ask.reply))))

    def effects(self, ask: Ask) -> list[pb.SideEffect]:
        """The side effects of an answer."""
        return side_effects(ask.effects, self.services["two"], self.request_class)


class EventSourcedModel(EntityModel):
    """See ``EntityModel``."""

    path = "/cloudstate.eventsourced.EventSourced/handle"
    message_in = EventSourcedStreamIn
    message_out = EventSourcedStreamOut
    services: ClassVar[dict[str, str]] = {
        "model": "cloudstate.tck.model.EventSourcedTckModel",
        "two": "cloudstate.tck.model.EventSourcedTwo",
        "configured": "cloudstate.tck.model.EventSourcedConfigured",
    }
    http = "/tck/model/eventsourced/"
    request_class = es.Request
    response_class = es.Response

    def kept(self) -> Kept:
        """See ``EntityModel.kept``."""
        return _KeptEvents()

    def step(self, kind: str, value: str) -> Message:
        """See ``EntityModel.step``."""
        match kind:
            case "emit":
                return es.RequestAction(emit=es.Emit(value=value))
            case "forward":
                return es.RequestAction(forward=es.Forward(id=value))
            case "effect" | "sync":
                return es.RequestAction(effect=es.Effect(id=value, synchronous=kind == "sync"))
            case "fail":
                return es.RequestAction(fail=es.Fail(message=value))
        raise ValueError(f"no step of an event-sourced entity: {kind}")

    def answer(self, ask: Ask, command_id: int, *, restart: bool = False) -> Message:
        """See ``EntityModel.answer``."""
        reply = EventSourcedReply(
            command_id=command_id,
            client_action=self.client_action(ask, command_id, restart),
            side_effects=self.effects(ask),
            events=[wrapped(es.Persisted(value=value)) for value in ask.events],
            snapshot=wrapped(es.Persisted(value=ask.snapshot)) if ask.snapshot is not None else None,
        )
        return EventSourcedStreamOut(reply=reply)


class _KeptEvents:
    def __init__(self) -> None:
        self._snapshot: tuple[int, str] | None = None
        self._events: list[tuple[int, str]] = []
        self._sequence = 0

    def open(self, told: Open) -> None:
        self._snapshot, self._events = told.snapshot, list(told.events)
        self._sequence = told.snapshot[0] if told.snapshot else 0
        self._sequence = told.events[-1][0] if told.events else self._sequence

    def store(self, ask: Ask) -> None:
        for value in ask.events:
            self._sequence += 1
            self._events.append((self._sequence, value))
        if ask.snapshot is not None:
            self._snapshot, self._events = (self._sequence, ask.snapshot), []

    def opening(self, service: str, entity_id: str) -> list[Message]:
        snapshot = None
        if self._snapshot is not None:
            sequence, value = self._snapshot
            snapshot = EventSourcedSnapshot(snapshot_sequence=sequence, snapshot=wrapped(es.Persisted(value=value)))
        init = EventSourcedInit(service_name=service, entity_id=entity_id, snapshot=snapshot)
        events = [
            EventSourcedEvent(sequence=sequence, payload=wrapped(es.Persisted(value=value)))
            for sequence, value in self._events
        ]
        return [EventSourcedStreamIn(init=init), *(EventSourcedStreamIn(event=event) for event in events)]


class ValueModel(EntityModel):
    """See ``EntityModel``."""

    path = "/cloudstate.valueentity.ValueEntity/handle"
    message_in = ValueEntityStreamIn
    message_out = ValueEntityStreamOut
    services: ClassVar[dict[str, str]] = {
        "model": "cloudstate.tck.model.valueentity.ValueEntityTckModel",
        "two": "cloudstate.tck.model.valueentity.ValueEntityTwo",
        "configured": "cloudstate.tck.model.valueentity.ValueEntityConfigured",
    }
    http = "/tck/model/entity/"
    request_class = ve.Request
    response_class = ve.Response

    def kept(self) -> Kept:
        """See ``EntityModel.kept``."""
        return _KeptValue()

    def step(self, kind: str, value: str) -> Message:
        """See ``EntityModel.step``."""
        match kind:
            case "update":
                return ve.RequestAction(update=ve.Update(value=value))
            case "delete":
                return ve.RequestAction(delete=ve.Delete())
            case "forward":
                return ve.RequestAction(forward=ve.Forward(id=value))
            case "effect" | "sync":
                return ve.RequestAction(effect=ve.Effect(id=value, synchronous=kind == "sync"))
            case "fail":
                return ve.RequestAction(fail=ve.Fail(message=value))
        raise ValueError(f"no step of a value entity: {kind}")

    def answer(self, ask: Ask, command_id: int, *, restart: bool = False) -> Message:
        """See ``EntityModel.answer``."""
        action = None
        if ask.update is not None:
            action = ValueEntityAction(update=ValueEntityUpdate(value=wrapped(ve.Persisted(value=ask.update))))
        if ask.delete:
            action = ValueEntityAction(delete=ValueEntityDelete())
        reply = ValueEntityReply(
            command_id=command_id,
            client_action=self.client_action(ask, command_id, restart),
            side_effects=self.effects(ask),
            state_action=action,
        )
        return ValueEntityStreamOut(reply=reply)


class _KeptValue:
    def __init__(self) -> None:
        self._value: str | None = None

    def open(self, told: Open) -> None:
        self._value = told.state

    def store(self, ask: Ask) -> None:
        if ask.update is not None or ask.delete:
            self._value = ask.update

    def opening(self, service: str, entity_id: str) -> list[Message]:
        value = wrapped(ve.Persisted(value=self._value)) if self._value is not None else None
        state = ValueEntityInitState(value=value)
        init = ValueEntityInit(service_name=service, entity_id=entity_id, state=state)
        return [ValueEntityStreamIn(init=init)]


ENTITIES: Mapping[str, EntityModel] = {"event-sourced": EventSourcedModel(), "value": ValueModel()}


class ActionModel:
    """The kit's actions."""

    service = "cloudstate.tck.model.action.ActionTckModel"
    two = "cloudstate.tck.model.action.ActionTwo"
    names: ClassVar[dict[str, str]] = {
        "unary": "ProcessUnary",
        "in": "ProcessStreamedIn",
        "out": "ProcessStreamedOut",
        "both": "ProcessStreamed",
    }
    paths: ClassVar[dict[str, str]] = {
        "unary": "/cloudstate.action.ActionProtocol/handleUnary",
        "in": "/cloudstate.action.ActionProtocol/handleStreamedIn",
        "out": "/cloudstate.action.ActionProtocol/handleStreamedOut",
        "both": "/cloudstate.action.ActionProtocol/handleStreamed",
    }

    def requests(self, call: Call) -> list[act.Request]:
        """What a client sends."""
        return [
            act.Request(groups=[act.ProcessGroup(steps=map(self._step, steps)) for steps in groups])
            for groups in call.requests
        ]

    def told(self, call: Call) -> list[ActionCommand]:
        """What a proxy sends for it: where requests stream, the names come first and alone."""
        payloads = [wrapped(request) for request in self.requests(call)]
        head = ActionCommand(service_name=self.service, name=self.names[call.call])
        if call.call in ("unary", "out"):
            head.payload.CopyFrom(payloads[0])
            return [head]
        return [head, *(ActionCommand(payload=payload) for payload in payloads)]

    def response(self, expected: Response) -> ActionResponse:
        """The function's response in full."""
        response = ActionResponse(side_effects=side_effects(expected.effects, self.two, act.OtherRequest))
        if expected.reply is not None:
            response.reply.payload.CopyFrom(wrapped(act.Response(message=expected.reply)))
        if expected.forward is not None:
            payload = wrapped(act.OtherRequest(id=expected.forward))
            response.forward.CopyFrom(pb.Forward(service_name=self.two, command_name="Call", payload=payload))
        if expected.failure is not None:
            response.failure.CopyFrom(pb.Failure(description=expected.failure))
        return response

    def _step(self, text: str) -> act.ProcessStep:
        kind, _, value = text.partition(" ")
        match kind:
            case "reply":
                return act.ProcessStep(reply=act.Reply(message=value))
            case "forward":
                return act.ProcessStep(forward=act.Forward(id=value))
            case "fail":
                return act.ProcessStep(fail=act.Fail(message=value))
            case "effect" | "sync":
                return act.ProcessStep(effect=act.SideEffect(id=value, synchronous=kind == "sync"))
        raise ValueError(f"no step of an action: {kind}")


ACTIONS = ActionModel()
