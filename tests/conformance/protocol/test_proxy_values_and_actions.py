"""The proxy's side of value entities and actions (protocol.md sections 1.4, 1.6, 2.6, 2.7 and 2.9)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.conformance.protocol.scripted import Proxied, proxied, wrapped
from tests.processes import ROOT

from bank import wallet_pb2 as bank
from cloudstate import entity_pb2 as pb
from cloudstate.action_pb2 import ActionCommand, ActionResponse
from cloudstate.runtime.compat import REFERENCE
from cloudstate.runtime.description import load
from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.journal import EntityKey
from cloudstate.runtime.support.function import entity_spec
from cloudstate.runtime.transport import CallFailed, Status, StreamCall, StreamMethod, UnaryCall, UnaryMethod
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
from conversion.conversion_pb2 import Celsius, CelsiusRange, Fahrenheit

WALLETS = entity_spec(load(ROOT / "generated" / "wallet"))
WALLET = WALLETS.entities[0].service_name
CONVERTERS = entity_spec(load(ROOT / "generated" / "converter"))
CONVERTER = "com.example.conversion.Converter"
ACTIONS = "/cloudstate.action.ActionProtocol/"


@pytest.fixture
async def wallets() -> AsyncIterator[Proxied]:
    async with proxied(WALLETS, compat=REFERENCE) as made:
        yield made


@pytest.fixture
async def converters() -> AsyncIterator[Proxied]:
    async with proxied(CONVERTERS) as made:
        yield made


def reply(number: int, state: ValueEntityAction | None = None) -> ValueEntityStreamOut:
    answer = pb.ClientAction(reply=pb.Reply(payload=wrapped(bank.Balance())))
    return ValueEntityStreamOut(reply=ValueEntityReply(command_id=number, client_action=answer, state_action=state))


def opening(value: bank.Balance | None) -> ValueEntityStreamIn:
    state = ValueEntityInitState(value=wrapped(value) if value is not None else None)
    return ValueEntityStreamIn(init=ValueEntityInit(service_name=WALLET, entity_id="w", state=state))


async def test_a_value_is_updated_deleted_and_told_at_the_next_start(wallets: Proxied) -> None:
    value = bank.Balance(cents=5)
    update = ValueEntityAction(update=ValueEntityUpdate(value=wrapped(value)))
    delete = ValueEntityAction(delete=ValueEntityDelete())
    key = EntityKey(WALLETS.entities[0].persistence_id, "w")
    for before, change, after in ((None, update, value), (value, delete, None), (None, update, value)):
        call = wallets.call(f"/{WALLET}/GetBalance", bank.GetBalanceRequest(wallet_id="w"))
        stream = await wallets.function.opened()
        assert await stream.receive() == opening(before)
        message = await stream.receive()
        assert (message.command.id, message.command.name) == (1, "GetBalance")
        assert not message.command.HasField("metadata")
        await stream.send(reply(1, change))
        await call
        stored = (await wallets.journal.load_value(key)).payload
        assert (stored and stored.value) == (after.SerializeToString() if after is not None else None)
        stream.end()
        assert await stream.receive() is None


@pytest.mark.parametrize(
    ("say", "text"),
    [
        (ValueEntityStreamOut(failure=pb.Failure(command_id=1, description="boom")), "Unexpected Value entity failure"),
        (reply(9), "Unexpected Value entity reply"),
        (None, "Unexpected Value entity termination"),
    ],
)
async def test_a_value_entity_that_breaks(wallets: Proxied, say: ValueEntityStreamOut | None, text: str) -> None:
    call = wallets.call(f"/{WALLET}/GetBalance", bank.GetBalanceRequest(wallet_id="w"))
    stream = await wallets.function.opened()
    await stream.receive()
    await stream.receive()
    if say is None:
        stream.end()
    else:
        await stream.send(say)
    with pytest.raises(CallFailed) as failed:
        await call
    assert failed.value.status_value == Status(StatusCode.UNKNOWN, text)


# -- actions


def answer(degrees: float) -> bytes:
    return ActionResponse(reply=pb.Reply(payload=wrapped(Fahrenheit(degrees=degrees)))).SerializeToString()


def unary(converters: Proxied, response: ActionResponse | Status) -> list[ActionCommand]:
    """Have the function answer unary calls; gives what it hears."""
    heard: list[ActionCommand] = []

    def handle(call: UnaryCall, payload: bytes) -> None:
        heard.append(ActionCommand.FromString(payload))
        if isinstance(response, Status):
            call.fail(response)
        else:
            call.reply(response.SerializeToString())

    converters.function.actions[ACTIONS + "handleUnary"] = UnaryMethod(handle)
    return heard


async def test_a_unary_action_gets_its_names_payload_and_metadata(converters: Proxied) -> None:
    heard = unary(converters, ActionResponse.FromString(answer(212)))
    data = await converters.call(f"/{CONVERTER}/Convert", Celsius(degrees=100), colour="red")
    assert Fahrenheit.FromString(data).degrees == 212
    [command] = heard
    assert (command.service_name, command.name) == (CONVERTER, "Convert")
    assert command.payload == wrapped(Celsius(degrees=100))
    assert ("colour", "red") in [(entry.key, entry.string_value) for entry in command.metadata.entries]


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (ActionResponse(failure=pb.Failure(description="no")), Status(StatusCode.UNKNOWN, "no")),
        (
            ActionResponse(failure=pb.Failure(description="no", grpc_status=StatusCode.NOT_FOUND)),
            Status(StatusCode.NOT_FOUND, "no"),
        ),
        (Status(StatusCode.ABORTED, "crashed"), Status(StatusCode.ABORTED, "crashed")),
        (ActionResponse(), Status(StatusCode.INTERNAL, "`Convert` gave no reply")),
    ],
)
async def test_a_unary_action_that_fails(
    converters: Proxied, response: ActionResponse | Status, expected: Status
) -> None:
    unary(converters, response)
    with pytest.raises(CallFailed) as failed:
        await converters.call(f"/{CONVERTER}/Convert", Celsius())
    assert failed.value.status_value == expected


async def heard_by(call: StreamCall, heard: list[ActionCommand]) -> None:
    async for data in call:
        heard.append(ActionCommand.FromString(data))


async def test_streamed_in_begins_with_a_message_that_has_names_only(converters: Proxied) -> None:
    heard: list[ActionCommand] = []

    async def handle(call: StreamCall) -> None:
        await heard_by(call, heard)
        await call.send(answer(1))

    converters.function.actions[ACTIONS + "handleStreamedIn"] = StreamMethod(handle)
    call = converters.client.stream(f"/{CONVERTER}/ConvertMean")
    for degrees in (1, 2):
        await call.send(Celsius(degrees=degrees).SerializeToString())
    await call.end()
    assert [data async for data in call] == [Fahrenheit(degrees=1).SerializeToString()]
    assert (heard[0].service_name, heard[0].name, heard[0].HasField("payload")) == (CONVERTER, "ConvertMean", False)
    assert [(it.name, it.payload) for it in heard[1:]] == [("", wrapped(Celsius(degrees=n))) for n in (1, 2)]


async def test_streamed_out_brings_its_payload_along(converters: Proxied) -> None:
    heard: list[ActionCommand] = []

    async def handle(call: StreamCall) -> None:
        await heard_by(call, heard)
        for degrees in (1, 2, 3):
            await call.send(answer(degrees))

    converters.function.actions[ACTIONS + "handleStreamedOut"] = StreamMethod(handle)
    call = converters.client.stream(f"/{CONVERTER}/ConvertRange")
    await call.send(CelsiusRange(first=1, last=3).SerializeToString())
    await call.end()
    assert [Fahrenheit.FromString(data).degrees async for data in call] == [1, 2, 3]
    [command] = heard
    assert command.payload == wrapped(CelsiusRange(first=1, last=3))


async def test_both_streamed_goes_back_and_forth_and_ends_at_a_failure(converters: Proxied) -> None:
    cancelled: list[bool] = []

    async def handle(call: StreamCall) -> None:
        try:
            async for data in call:
                command = ActionCommand.FromString(data)
                if command.HasField("payload"):
                    degrees = Celsius.FromString(command.payload.value).degrees
                    failed = ActionResponse(failure=pb.Failure(description="too hot")).SerializeToString()
                    await call.send(answer(degrees) if degrees < 100 else failed)
        except BaseException:
            cancelled.append(True)
            raise

    converters.function.actions[ACTIONS + "handleStreamed"] = StreamMethod(handle)
    call = converters.client.stream(f"/{CONVERTER}/ConvertEach")
    for degrees in (1, 2):
        await call.send(Celsius(degrees=degrees).SerializeToString())
        assert Fahrenheit.FromString(await anext(call)).degrees == degrees
    await call.send(Celsius(degrees=100).SerializeToString())
    with pytest.raises(CallFailed) as failed:
        await anext(call)
    assert failed.value.status_value == Status(StatusCode.UNKNOWN, "too hot")
