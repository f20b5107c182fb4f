"""Entities' streams without a socket: what a proxy says, what comes back, and how a stream ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, MethodDescriptorProto
from google.protobuf.message import Message
from google.type.date_pb2 import Date
from google.type.money_pb2 import Money
from tests.unit.runtime.accounts import Account, Note

from cloudstate import entity_pb2 as pb
from cloudstate.event_sourced_pb2 import (
    EventSourcedEvent,
    EventSourcedInit,
    EventSourcedReply,
    EventSourcedSnapshot,
    EventSourcedStreamIn,
    EventSourcedStreamOut,
)
from cloudstate.runtime.authoring import CommandType, EventSourcedContext, ValueContext
from cloudstate.runtime.description import (
    CommandDescription,
    EntityDescription,
    Model,
    Placement,
    Schema,
    ServiceDescription,
)
from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.function.binding import type_url
from cloudstate.runtime.function.event_sourced import EmbeddedEventSourced
from cloudstate.runtime.function.value import EmbeddedValue
from cloudstate.runtime.support.event_sourced import EventSourcedStreams
from cloudstate.runtime.support.messages import Messages
from cloudstate.runtime.support.stream import EntityStreams
from cloudstate.runtime.support.value import ValueStreams
from cloudstate.runtime.transport import CallFailed
from cloudstate.value_entity_pb2 import (
    ValueEntityInit,
    ValueEntityInitState,
    ValueEntityStreamOut,
)


class Line:
    """A call in memory, in the place of the transport's ``StreamCall``."""

    def __init__(self) -> None:
        self._said: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._heard: asyncio.Queue[bytes] = asyncio.Queue()

    def __aiter__(self) -> Line:
        return self

    async def __anext__(self) -> bytes:
        data = await self._said.get()
        if data is None:
            raise StopAsyncIteration
        return data

    async def send(self, data: bytes) -> None:
        await self._heard.put(data)

    def say(self, message: Message | bytes | None) -> None:
        self._said.put_nowait(message.SerializeToString() if isinstance(message, Message) else message)

    async def hear(self) -> bytes:
        return await self._heard.get()

    @property
    def heard(self) -> int:
        return self._heard.qsize()


class Conversation:
    """A stream that is served, and the proxy's side of it."""

    def __init__(self, streams: EntityStreams) -> None:
        self._streams = streams
        self.line = Line()
        served: Any = streams.serve(self.line)  # type: ignore[arg-type]
        self.task: asyncio.Task[None] = asyncio.create_task(served)

    def say(self, **message: Any) -> None:
        self.line.say(self._streams.message_in(**message))

    async def hear(self) -> Any:
        return self._streams.message_out.FromString(await self.line.hear())

    async def ask(self, number: int, name: str, units: int = 0) -> Any:
        self.say(command=command(number, name, units))
        return await self.hear()

    async def over(self) -> None:
        await asyncio.wait_for(self.task, 10)


def packed(message: Message) -> Any:
    return pb.Command(payload={"type_url": type_url(type(message)), "value": message.SerializeToString()}).payload


def command(number: int, name: str, units: int = 0, entity_id: str = "a") -> pb.Command:
    return pb.Command(entity_id=entity_id, id=number, name=name, payload=packed(Money(units=units)))


def messages(service: str, model: Model, commands: tuple[CommandType, ...]) -> Messages:
    """What describes an entity whose commands all take and give a Money."""
    money, names = Money.DESCRIPTOR.full_name, [command.name for command in commands]
    types = FileDescriptorProto.FromString(Money.DESCRIPTOR.file.serialized_pb)
    file = FileDescriptorProto(name="test.proto", package="test", syntax="proto3", dependency=[types.name])
    methods = [MethodDescriptorProto(name=it, input_type=f".{money}", output_type=f".{money}") for it in names]
    file.service.add(name=service.removeprefix("test."), method=methods)
    described = tuple(CommandDescription(name=it, input=money, output=money, key=("currency_code",)) for it in names)
    entity = EntityDescription(service=service, model=model, type="", commands=described)
    return Messages(ServiceDescription("test", (entity,), Schema([types, file]), Placement.SIDECAR))


class Shaky(Account):
    """An account whose handlers may be stopped, and may crash."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = asyncio.Event()
        self.go = asyncio.Event()

    async def deposit_later(self, command: Money, ctx: EventSourcedContext[Money]) -> Money:
        self.entered.set()
        await self.go.wait()
        return await super().deposit_later(command, ctx)


class Crashing(Note):
    """A note that cannot be put."""

    def put(self, command: Money, ctx: ValueContext[Money]) -> Money:
        ctx.update(command)
        raise ZeroDivisionError("secret details")


@pytest.fixture
def account() -> Shaky:
    return Shaky()


@pytest.fixture
def accounts(account: Shaky) -> EventSourcedStreams:
    definition = Account.definition
    told = messages(definition.service, Model.EVENT_SOURCED, definition.commands)
    return EventSourcedStreams(told, [EmbeddedEventSourced(account)])


@pytest.fixture
def notes() -> ValueStreams:
    return ValueStreams(messages("test.Note", Model.VALUE, Note.definition.commands), [EmbeddedValue(Crashing())])


def begin(streams: EntityStreams, **more: Any) -> Conversation:
    conversation = Conversation(streams)
    kind = EventSourcedInit if isinstance(streams, EventSourcedStreams) else ValueEntityInit
    service = "test.Account" if kind is EventSourcedInit else "test.Note"
    conversation.say(init=kind(service_name=service, entity_id="a", **more))
    return conversation


def answer(number: int, units: int, *events: int, snapshot: int | None = None) -> EventSourcedStreamOut:
    made = EventSourcedReply(command_id=number, events=[packed(Date(year=year)) for year in events])
    made.client_action.reply.payload.CopyFrom(packed(Money(units=units)))
    if snapshot is not None:
        made.snapshot.CopyFrom(packed(Money(units=snapshot)))
    return EventSourcedStreamOut(reply=made)


def refusal(number: int, text: str, *, restart: bool = False) -> EventSourcedStreamOut:
    failure = pb.Failure(command_id=number, description=text, restart=restart)
    return EventSourcedStreamOut(
        reply=EventSourcedReply(command_id=number, client_action=pb.ClientAction(failure=failure))
    )


async def test_replies_carry_events_and_every_fourth_a_snapshot(accounts: EventSourcedStreams) -> None:
    stream = begin(accounts)
    reply = await stream.ask(1, "Deposit", 5)
    assert reply.reply.client_action.reply.metadata.entries[0].string_value == "1"
    assert await stream.ask(2, "DepositTwice", 1) == answer(2, 7, 1, 1)
    assert await stream.ask(3, "DepositTwice", 2) == answer(3, 11, 2, 2, snapshot=11)
    assert await stream.ask(4, "Balance") == answer(4, 11)
    stream.line.say(None)
    await stream.over()


async def test_a_history_is_told_before_the_first_command(accounts: EventSourcedStreams) -> None:
    stream = begin(accounts, snapshot=EventSourcedSnapshot(snapshot_sequence=4, snapshot=packed(Money(units=10))))
    for sequence in (5, 6):
        stream.say(event=EventSourcedEvent(sequence=sequence, payload=packed(Date(year=1))))
    assert await stream.ask(1, "Balance") == answer(1, 12)
    assert await stream.ask(2, "DepositTwice", 1) == answer(2, 14, 1, 1, snapshot=14)
    stream.task.cancel()


async def test_a_crash_asks_for_a_restart_and_tells_nothing_of_its_reason(accounts: EventSourcedStreams) -> None:
    stream = begin(accounts)
    assert await stream.ask(1, "EmitThenCrash", 5) == refusal(1, "Unexpected entity failure", restart=True)
    # A proxy that goes on nevertheless is stopped: what the entity knows is not what is stored.
    broken = await stream.ask(2, "Balance")
    assert broken.failure.command_id == 2
    assert broken.failure.description == "Protocol error: a command for an entity that asked to be restarted"
    await stream.over()


async def test_a_refusal_after_an_event_asks_for_a_restart(accounts: EventSourcedStreams) -> None:
    assert await begin(accounts).ask(1, "EmitThenReject", 5) == refusal(1, "changed my mind", restart=True)


async def test_a_value_survives_a_crash_without_a_restart(notes: ValueStreams) -> None:
    state = ValueEntityInitState(value=packed(Money(units=3)))
    stream = begin(notes, state=state)
    reply = (await stream.ask(1, "Put", 5)).reply
    assert reply.client_action.failure == pb.Failure(command_id=1, description="Unexpected Value entity failure")
    assert not reply.HasField("state_action")
    read = (await stream.ask(2, "Get")).reply
    assert read.client_action.reply.payload == packed(Money(units=3))
    stream.task.cancel()


async def test_values_change_by_update_and_delete(notes: ValueStreams) -> None:
    stream = begin(notes, state=ValueEntityInitState())
    assert (await stream.ask(1, "Get")).reply.client_action.reply.payload == packed(Money(units=-404))
    dropped = await stream.ask(2, "Drop")
    assert dropped.reply.state_action.WhichOneof("action") == "delete"
    assert isinstance(dropped, ValueEntityStreamOut)
    stream.line.say(None)
    await stream.over()


@pytest.mark.parametrize(
    ("said", "text", "command_id"),
    [
        (b"\xff", "Protocol error: not a message of the protocol", 0),
        (EventSourcedStreamIn(), "Protocol error: an empty message", 0),
        (EventSourcedStreamIn(init=EventSourcedInit(service_name="test.Account")), "Protocol error: a second init", 0),
        (EventSourcedStreamIn(event=EventSourcedEvent(sequence=2)), "Protocol error: event 2 where 1 is expected", 0),
        (EventSourcedStreamIn(command=command(7, "Buy")), "Protocol error: unknown command: Buy", 7),
        (
            EventSourcedStreamIn(command=command(7, "Balance", entity_id="b")),
            "Protocol error: a command for entity `b` on the stream of `a`",
            7,
        ),
        (
            EventSourcedStreamIn(command=pb.Command(entity_id="a", id=7, name="Balance")),
            "Protocol error: command 7 has no payload",
            7,
        ),
        (
            EventSourcedStreamIn(
                command=pb.Command(entity_id="a", id=7, name="Balance", payload={"type_url": "", "value": b"\xff"})
            ),
            "Protocol error: the payload of command 7: ",
            7,
        ),
        (
            EventSourcedStreamIn(command=pb.Command(entity_id="a", id=7, name="Balance", payload=packed(Date()))),
            "Protocol error: command 7 carries type.googleapis.com/google.type.Date, `Balance` takes "
            "type.googleapis.com/google.type.Money",
            7,
        ),
    ],
)
async def test_violations_end_a_stream_with_a_failure(
    accounts: EventSourcedStreams, said: Message | bytes, text: str, command_id: int
) -> None:
    stream = begin(accounts)
    stream.line.say(said)
    failure = (await stream.hear()).failure
    assert failure.description.startswith(text)
    assert (failure.command_id, failure.restart) == (command_id, False)
    await stream.over()
    assert stream.line.heard == 0


async def test_a_history_that_cannot_be_replayed(accounts: EventSourcedStreams) -> None:
    stream = begin(accounts)
    stream.say(event=EventSourcedEvent(sequence=1, payload=packed(Money())))
    failure = (await stream.ask(1, "Balance")).failure
    assert failure.command_id == 1
    assert failure.description.startswith("Unexpected failure: `account` entity `a` failed while replaying")
    await stream.over()


async def test_leaving_ends_idle_streams_and_refuses_new_ones(accounts: EventSourcedStreams) -> None:
    stream = begin(accounts)
    await stream.ask(1, "DepositTwice", 1)
    await asyncio.sleep(0)
    accounts.leave()
    await stream.over()
    assert stream.line.heard == 0
    with pytest.raises(CallFailed) as failed:
        await begin(accounts).over()
    assert failed.value.status is StatusCode.UNAVAILABLE


async def test_leaving_waits_for_the_command_that_runs(accounts: EventSourcedStreams, account: Shaky) -> None:
    stream = begin(accounts)
    stream.say(command=command(1, "DepositLater", 5))
    await account.entered.wait()
    accounts.leave()
    account.go.set()
    assert await stream.hear() == answer(1, 5, 5)
    await stream.over()


async def test_a_caller_that_goes_cancels_what_runs(accounts: EventSourcedStreams, account: Shaky) -> None:
    stream = begin(accounts)
    stream.say(command=command(1, "DepositLater", 5))
    await account.entered.wait()
    stream.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stream.task
    assert stream.line.heard == 0
