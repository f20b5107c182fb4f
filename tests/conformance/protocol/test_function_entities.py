"""Our code as a user function: what it says to a proxy, message by message (protocol.md 1.3, 1.4, 1.6 and 5)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from google.protobuf.empty_pb2 import Empty
from tests.conformance.protocol.scripted import PATIENCE, no_http, wrapped
from tests.processes import ROOT

from bank import wallet_pb2 as bank
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
from cloudstate.runtime.app.loading import load_functions
from cloudstate.runtime.description import load
from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.support import FUNCTION_LIMITS, UserFunction
from cloudstate.runtime.transport import Channel, ClientStream, Server
from cloudstate.value_entity_pb2 import (
    ValueEntityInit,
    ValueEntityInitState,
    ValueEntityStreamIn,
    ValueEntityStreamOut,
)
from conversion.conversion_pb2 import Celsius, CelsiusRange, CountedCelsius, Fahrenheit, GetCountRequest
from counting.counting_pb2 import GetTotalRequest, IncreaseRequest
from shoppingcart.persistence.domain_pb2 import Cart as Stored
from shoppingcart.persistence.domain_pb2 import ItemAdded, LineItem
from shoppingcart.shoppingcart_pb2 import AddLineItem, Cart, GetShoppingCart, RemoveLineItem
from shoppingcart.shoppingcart_pb2 import LineItem as ShownItem

CART = "com.example.shoppingcart.ShoppingCart"
CONVERTER = "com.example.conversion.Converter"
COUNTER = "com.example.counting.Counter"
WALLET = "com.example.bank.Wallet"
ACTIONS = "/cloudstate.action.ActionProtocol/"


@asynccontextmanager
async def function(name: str) -> AsyncIterator[Channel]:
    """A service's code as a function, and a channel to it."""
    generated, code = ROOT / "generated" / name, ROOT / "specs" / name
    description = load(generated)
    functions = load_functions(description, generated, code)
    served = UserFunction(description, functions.entities, functions.actions)
    server = Server(served.methods, no_http, FUNCTION_LIMITS)
    channel = await Channel.connect(f"127.0.0.1:{await server.listen('127.0.0.1', 0)}")
    try:
        yield channel
    finally:
        await channel.close()
        await server.drain(0.1)


class Entity:
    """One entity's stream, from the proxy's side."""

    def __init__(self, stream: ClientStream, message_in: Any, message_out: Any) -> None:
        self.stream = stream
        self._in, self._out = message_in, message_out

    async def say(self, **message: Any) -> None:
        await self.stream.send(self._in(**message).SerializeToString())

    async def hear(self) -> Any:
        return self._out.FromString(await asyncio.wait_for(anext(self.stream), PATIENCE))

    async def ask(self, number: int, name: str, payload: Any, entity_id: str = "ada") -> Any:
        await self.say(command=pb.Command(entity_id=entity_id, id=number, name=name, payload=wrapped(payload)))
        return await self.hear()


@pytest.fixture
async def cart() -> AsyncIterator[Entity]:
    async with function("shopping-cart") as channel:
        stream = channel.stream("/cloudstate.eventsourced.EventSourced/handle")
        yield Entity(stream, EventSourcedStreamIn, EventSourcedStreamOut)
        stream.cancel()


def opening(**more: Any) -> EventSourcedInit:
    return EventSourcedInit(service_name=CART, entity_id="ada", **more)


def add(quantity: int = 1) -> AddLineItem:
    return AddLineItem(user_id="ada", product_id="pen", name="Pen", quantity=quantity)


def added(quantity: int = 1) -> ItemAdded:
    return ItemAdded(item=LineItem(productId="pen", name="Pen", quantity=quantity))


def answered(number: int, payload: Any, *events: Any) -> EventSourcedStreamOut:
    action = pb.ClientAction(reply=pb.Reply(payload=wrapped(payload)))
    reply = EventSourcedReply(command_id=number, client_action=action, events=[wrapped(event) for event in events])
    return EventSourcedStreamOut(reply=reply)


def shown(quantity: int) -> Cart:
    return Cart(items=[ShownItem(product_id="pen", name="Pen", quantity=quantity)])


async def test_discovery() -> None:
    async with function("shopping-cart") as channel:
        info = pb.ProxyInfo(protocol_major_version=0, protocol_minor_version=2, proxy_name="x")
        reply = await channel.unary("/cloudstate.EntityDiscovery/discover", info.SerializeToString(), timeout=PATIENCE)
        spec = pb.EntitySpec.FromString(reply.payload)
        [entity] = spec.entities
        assert entity.entity_type == "cloudstate.eventsourced.EventSourced"
        assert (entity.service_name, entity.persistence_id) == (CART, "shopping-cart")
        assert entity.passivation_strategy.timeout.timeout == 30_000
        assert spec.service_info.support_library_name == "cloudstate-py"
        assert (spec.service_info.protocol_major_version, spec.service_info.protocol_minor_version) == (0, 2)


async def test_errors_that_a_proxy_reports_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with function("shopping-cart") as channel:
        error = pb.UserFunctionError(message="you forgot the keys")
        await channel.unary("/cloudstate.EntityDiscovery/reportError", error.SerializeToString(), timeout=PATIENCE)
    assert "Error reported from sidecar: you forgot the keys" in caplog.text


async def test_commands_events_and_replies(cart: Entity) -> None:
    await cart.say(init=opening())
    assert await cart.ask(1, "GetCart", GetShoppingCart(user_id="ada")) == answered(1, Cart())
    assert await cart.ask(2, "AddItem", add(2)) == answered(2, Empty(), added(2))
    assert await cart.ask(3, "GetCart", GetShoppingCart(user_id="ada")) == answered(3, shown(2))


async def test_a_history_is_rebuilt(cart: Entity) -> None:
    state = Stored(items=[LineItem(productId="pen", name="Pen", quantity=5)])
    await cart.say(init=opening(snapshot=EventSourcedSnapshot(snapshot_sequence=5, snapshot=wrapped(state))))
    for sequence in (6, 7):
        await cart.say(event=EventSourcedEvent(sequence=sequence, payload=wrapped(added())))
    assert await cart.ask(1, "GetCart", GetShoppingCart(user_id="ada")) == answered(1, shown(7))


async def test_a_snapshot_comes_with_the_hundredth_event(cart: Entity) -> None:
    await cart.say(init=opening())
    for sequence in range(1, 100):
        await cart.say(event=EventSourcedEvent(sequence=sequence, payload=wrapped(added())))
    reply = (await cart.ask(1, "AddItem", add())).reply
    assert reply.snapshot == wrapped(Stored(items=[LineItem(productId="pen", name="Pen", quantity=100)]))
    assert not (await cart.ask(2, "AddItem", add())).reply.HasField("snapshot")


async def test_a_refusal_is_a_reply_with_nothing_else(cart: Entity) -> None:
    await cart.say(init=opening())
    failure = pb.Failure(command_id=1, description="item ink is not in the cart")
    assert await cart.ask(1, "RemoveItem", RemoveLineItem(user_id="ada", product_id="ink")) == EventSourcedStreamOut(
        reply=EventSourcedReply(command_id=1, client_action=pb.ClientAction(failure=failure))
    )
    assert await cart.ask(2, "GetCart", GetShoppingCart(user_id="ada")) == answered(2, Cart())


@pytest.mark.parametrize(("proxy", "status"), [("cloudstate-py", StatusCode.NOT_FOUND), ("other", 0)])
async def test_our_proxy_hears_the_status_of_a_refusal(proxy: str, status: int) -> None:
    async with function("shopping-cart") as channel:
        info = pb.ProxyInfo(proxy_name=proxy).SerializeToString()
        await channel.unary("/cloudstate.EntityDiscovery/discover", info, timeout=PATIENCE)
        stream = channel.stream("/cloudstate.eventsourced.EventSourced/handle")
        cart = Entity(stream, EventSourcedStreamIn, EventSourcedStreamOut)
        await cart.say(init=opening())
        reply = (await cart.ask(1, "RemoveItem", RemoveLineItem(user_id="ada", product_id="ink"))).reply
        assert reply.client_action.failure.grpc_status == status
        stream.cancel()


async def test_half_closing_ends_the_stream_in_good_order(cart: Entity) -> None:
    await cart.say(init=opening())
    await cart.ask(1, "AddItem", add())
    await cart.stream.end()
    with pytest.raises(StopAsyncIteration):
        await anext(cart.stream)


COMMAND = pb.Command(entity_id="ada", id=1, name="AddItem", payload=wrapped(add()))


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ([{"command": COMMAND}], "Protocol error: expected an init message first, got command"),
        ([{}], "Protocol error: expected an init message first, got an empty message"),
        ([{"init": opening()}, {"init": opening()}], "Protocol error: a second init message"),
        ([{"init": EventSourcedInit(service_name="a.B", entity_id="ada")}], "Protocol error: unknown service: a.B"),
        (
            [{"init": opening()}, {"command": pb.Command(entity_id="bob", id=1, name="AddItem")}],
            "Protocol error: a command for entity `bob` on the stream of `ada`",
        ),
        (
            [{"init": opening()}, {"command": pb.Command(entity_id="ada", id=1, name="AddItem")}],
            "Protocol error: command 1 has no payload",
        ),
        (
            [{"init": opening()}, {"command": pb.Command(entity_id="ada", id=1, name="Buy", payload=wrapped(add()))}],
            "Protocol error: unknown command: Buy",
        ),
        (
            [{"init": opening()}, {"event": EventSourcedEvent(sequence=3, payload=wrapped(added()))}],
            "Protocol error: event 3 where 1 is expected",
        ),
        (
            [
                {"init": opening()},
                {"event": EventSourcedEvent(sequence=1, payload=wrapped(Empty()))},
                {"command": COMMAND},
            ],
            "Unexpected failure: `shopping-cart` entity `ada` failed while replaying (sequence 1): "
            "no handler for stored events of type type.googleapis.com/google.protobuf.Empty",
        ),
    ],
)
async def test_what_breaks_a_stream(cart: Entity, messages: list[dict[str, Any]], text: str) -> None:
    for message in messages:
        await cart.say(**message)
    assert (await cart.hear()).failure.description == text
    with pytest.raises(StopAsyncIteration):
        await anext(cart.stream)


async def test_an_event_after_a_command_breaks_the_stream(cart: Entity) -> None:
    await cart.say(init=opening())
    await cart.ask(1, "AddItem", add())
    await cart.say(event=EventSourcedEvent(sequence=2, payload=wrapped(added())))
    assert (await cart.hear()).failure.description == "Protocol error: an event after a command"


async def test_values() -> None:
    async with function("wallet") as channel:
        stream = channel.stream("/cloudstate.valueentity.ValueEntity/handle")
        wallet = Entity(stream, ValueEntityStreamIn, ValueEntityStreamOut)
        await wallet.say(init=ValueEntityInit(service_name=WALLET, entity_id="w", state=ValueEntityInitState()))
        deposit = bank.DepositRequest(wallet_id="w", cents=5)
        reply = (await wallet.ask(1, "Deposit", deposit, "w")).reply
        assert reply.state_action.HasField("update")
        read = (await wallet.ask(2, "GetBalance", bank.GetBalanceRequest(wallet_id="w"), "w")).reply
        assert not read.HasField("state_action")
        assert read.client_action.reply.payload.value == reply.client_action.reply.payload.value
        stream.cancel()


# -- actions


@pytest.fixture
async def converter() -> AsyncIterator[Channel]:
    async with function("converter") as channel:
        yield channel


def command(name: str, payload: Any = None) -> bytes:
    return ActionCommand(
        service_name=CONVERTER, name=name, payload=wrapped(payload) if payload is not None else None
    ).SerializeToString()


def part(payload: Any) -> bytes:
    return ActionCommand(payload=wrapped(payload)).SerializeToString()


def converted(degrees: float) -> ActionResponse:
    return ActionResponse(reply=pb.Reply(payload=wrapped(Fahrenheit(degrees=degrees))))


async def ask(channel: Channel, name: str, payload: Any) -> ActionResponse:
    reply = await channel.unary(ACTIONS + "handleUnary", command(name, payload), timeout=PATIENCE)
    return ActionResponse.FromString(reply.payload)


async def converse(channel: Channel, shape: str, *messages: bytes) -> list[ActionResponse]:
    stream = channel.stream(ACTIONS + shape, timeout=PATIENCE)
    for message in messages:
        await stream.send(message)
    await stream.end()
    return [ActionResponse.FromString(data) async for data in stream]


async def test_a_unary_action(converter: Channel) -> None:
    assert await ask(converter, "Convert", Celsius(degrees=100)) == converted(212)


@pytest.mark.parametrize("wait", [False, True])
async def test_an_action_with_an_effect(converter: Channel, wait: bool) -> None:
    response = await ask(converter, "ConvertCounted", CountedCelsius(counter_id="c", degrees=100, wait=wait))
    increase = wrapped(IncreaseRequest(counter_id="c", by=1))
    effect = pb.SideEffect(service_name=COUNTER, command_name="Increase", payload=increase, synchronous=wait)
    assert list(response.side_effects) == [effect]
    assert response.reply == converted(212).reply


async def test_an_action_that_forwards(converter: Channel) -> None:
    payload = wrapped(GetTotalRequest(counter_id="c"))
    forward = pb.Forward(service_name=COUNTER, command_name="GetTotal", payload=payload)
    assert await ask(converter, "GetCount", GetCountRequest(counter_id="c")) == ActionResponse(forward=forward)


async def test_streams_of_actions(converter: Channel) -> None:
    degrees = [part(Celsius(degrees=n)) for n in (0, 100)]
    assert await converse(converter, "handleStreamedIn", command("ConvertMean"), *degrees) == [converted(122)]
    asked = command("ConvertRange", CelsiusRange(first=0, last=10))
    assert len(await converse(converter, "handleStreamedOut", asked)) == 11
    replies = await converse(converter, "handleStreamed", command("ConvertEach"), *degrees)
    assert replies == [converted(32), converted(212)]


async def test_an_action_that_refuses(converter: Channel) -> None:
    [response] = await converse(converter, "handleStreamedIn", command("ConvertMean"))
    assert response.failure == pb.Failure(description="there is no mean of nothing")
