"""The proxy's side of event-sourced entities, message by message (protocol.md sections 1.3, 2.5 and 2.6)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from google.protobuf.empty_pb2 import Empty
from tests.conformance.protocol.scripted import PATIENCE, Proxied, Stream, es_failure, es_reply, proxied, wrapped
from tests.processes import ROOT

from cloudstate import entity_pb2 as pb
from cloudstate.event_sourced_pb2 import (
    EventSourcedEvent,
    EventSourcedInit,
    EventSourcedReply,
    EventSourcedSnapshot,
    EventSourcedStreamIn,
    EventSourcedStreamOut,
)
from cloudstate.runtime.compat import REFERENCE
from cloudstate.runtime.description import load
from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.journal import EntityKey
from cloudstate.runtime.support.function import entity_spec
from cloudstate.runtime.transport import CallFailed, Status
from shoppingcart.persistence.domain_pb2 import Cart as Stored
from shoppingcart.persistence.domain_pb2 import ItemAdded, LineItem
from shoppingcart.shoppingcart_pb2 import AddLineItem, Cart, GetShoppingCart

SERVICE = "com.example.shoppingcart.ShoppingCart"
ADD, GET = f"/{SERVICE}/AddItem", f"/{SERVICE}/GetCart"
ITEM = AddLineItem(user_id="ada", product_id="pen", quantity=1)
KEY = EntityKey("shopping-cart", "ada")


def spec(passivation: int = 30_000) -> pb.EntitySpec:
    made = entity_spec(load(ROOT / "generated" / "shopping-cart"))
    made.entities[0].passivation_strategy.timeout.timeout = passivation
    return made


def added(number: int) -> ItemAdded:
    return ItemAdded(item=LineItem(productId="pen", quantity=number))


def init(snapshot: EventSourcedSnapshot | None = None) -> EventSourcedStreamIn:
    return EventSourcedStreamIn(init=EventSourcedInit(service_name=SERVICE, entity_id="ada", snapshot=snapshot))


def command(number: int, name: str, payload: AddLineItem | GetShoppingCart) -> EventSourcedStreamIn:
    return EventSourcedStreamIn(command=pb.Command(entity_id="ada", id=number, name=name, payload=wrapped(payload)))


@pytest.fixture
async def proxy() -> AsyncIterator[Proxied]:
    async with proxied(spec(), compat=REFERENCE) as made:
        yield made


async def begun(proxy: Proxied) -> Stream:
    """The stream of an entity that has answered one command with one event."""
    asked = proxy.call(ADD, ITEM)
    stream = await proxy.function.opened()
    assert await stream.receive() == init()
    assert await stream.receive() == command(1, "AddItem", ITEM)
    await stream.send(es_reply(1, Empty(), added(1)))
    assert Empty.FromString(await asked) == Empty()
    return stream


async def failure(call: object) -> tuple[StatusCode, str]:
    with pytest.raises(CallFailed) as failed:
        await call  # type: ignore[misc]
    return failed.value.status, failed.value.status_value.message


async def test_one_command_at_a_time_in_order_with_ids_from_one(proxy: Proxied) -> None:
    stream = await begun(proxy)
    later = [proxy.call(ADD, ITEM), proxy.call(GET, GetShoppingCart(user_id="ada"))]
    names = []
    for number in (2, 3):
        message = await stream.receive()
        assert message.command.id == number
        names.append(message.command.name)
        await stream.send(es_reply(number, Empty() if names[-1] == "AddItem" else Cart()))
    assert sorted(names) == ["AddItem", "GetCart"]
    for call in later:
        await call


async def test_events_are_stored_before_the_answer(proxy: Proxied) -> None:
    await begun(proxy)
    history = await proxy.journal.load(KEY)
    assert [(event.sequence, event.payload.value) for event in history.events] == [(1, added(1).SerializeToString())]
    assert history.events[0].payload.type_url == "type.googleapis.com/com.example.shoppingcart.persistence.ItemAdded"


async def test_the_history_opens_a_stream(proxy: Proxied) -> None:
    stream = await begun(proxy)
    for number in (2, 3):
        call = proxy.call(ADD, ITEM)
        await stream.receive()
        state = Stored(items=[LineItem(productId="pen", quantity=2)]) if number == 2 else None
        await stream.send(es_reply(number, Empty(), added(number), snapshot=state))
        await call
    stream.end()
    assert await stream.receive() is None
    call = proxy.call(GET, GetShoppingCart(user_id="ada"))
    stream = await proxy.function.opened()
    stored = wrapped(Stored(items=[LineItem(productId="pen", quantity=2)]))
    assert await stream.receive() == init(EventSourcedSnapshot(snapshot_sequence=2, snapshot=stored))
    assert await stream.receive() == EventSourcedStreamIn(
        event=EventSourcedEvent(sequence=3, payload=wrapped(added(3)))
    )
    assert await stream.receive() == command(1, "GetCart", GetShoppingCart(user_id="ada"))
    await stream.send(es_reply(1, Cart()))
    await call


async def test_a_refusal_reaches_the_client_with_its_text_and_status(proxy: Proxied) -> None:
    stream = await begun(proxy)
    for number, status in ((2, None), (3, StatusCode.NOT_FOUND)):
        call = proxy.call(ADD, ITEM)
        await stream.receive()
        await stream.send(es_failure(number, "no pens left", status=status))
        assert await failure(call) == (status or StatusCode.UNKNOWN, "no pens left")
    assert (await proxy.journal.load(KEY)).sequence == 1


async def test_a_restart_replays_at_once_and_keeps_what_waits_in_order(proxy: Proxied) -> None:
    stream = await begun(proxy)
    call = proxy.call(ADD, ITEM)
    await stream.receive()
    waiting = [proxy.call(ADD, AddLineItem(user_id="ada", product_id=str(number), quantity=1)) for number in range(3)]
    await stream.send(es_failure(2, "not so fast", restart=True))
    assert await failure(call) == (StatusCode.UNKNOWN, "not so fast")
    assert await stream.receive() is None  # half-closed in good order
    stream.end()
    again = await proxy.function.opened()
    assert await again.receive() == init()
    assert (await again.receive()).event.sequence == 1
    for number, waited in enumerate(waiting, 1):
        message = await again.receive()
        assert message.command.id == number
        assert AddLineItem.FromString(message.command.payload.value).product_id == str(number - 1)
        await again.send(es_reply(number, Empty()))
        await waited


async def test_an_idle_entity_is_passivated_by_half_closing() -> None:
    async with proxied(spec(passivation=50), compat=REFERENCE) as proxy:
        stream = await begun(proxy)
        assert await stream.receive() is None
        stream.end()


@pytest.mark.parametrize(
    ("say", "text"),
    [
        (EventSourcedStreamOut(failure=pb.Failure(command_id=2, description="boom")), "Unexpected entity failure"),
        (EventSourcedStreamOut(failure=pb.Failure(description="boom")), "Unexpected entity failure"),
        (es_reply(7, Empty()), "Unexpected entity reply"),
        (EventSourcedStreamOut(), "Unexpected entity message"),
        (None, "Unexpected entity termination"),
        (Status(StatusCode.INTERNAL, "crashed"), "Unexpected entity termination"),
    ],
)
async def test_a_function_that_breaks(proxy: Proxied, say: object, text: str) -> None:
    stream = await begun(proxy)
    call = proxy.call(ADD, ITEM)
    await stream.receive()
    waiting = proxy.call(GET, GetShoppingCart(user_id="ada"))
    # The second call is at the entity when a third, of another entity, has been opened after it.
    other = proxy.call(GET, GetShoppingCart(user_id="bob"))
    beside = await proxy.function.opened()
    if isinstance(say, EventSourcedStreamOut):
        await stream.send(say)
    else:
        stream.end(say if isinstance(say, Status) else None)
    assert await failure(call) == (StatusCode.UNKNOWN, text)
    assert await failure(waiting) == (StatusCode.UNKNOWN, "Entity terminated")
    # Nothing was stored, others do not notice, and the next command starts anew.
    assert (await beside.receive()).init.entity_id == "bob"
    assert (await beside.receive()).command.id == 1
    await beside.send(es_reply(1, Cart()))
    await other
    call = proxy.call(ADD, ITEM)
    again = await proxy.function.opened()
    assert await again.receive() == init()
    assert (await again.receive()).event.sequence == 1
    assert await again.receive() == command(1, "AddItem", ITEM)
    await again.send(es_reply(1, Empty()))
    await call


async def test_a_function_that_refuses_the_history(proxy: Proxied) -> None:
    call = proxy.call(ADD, ITEM)
    stream = await proxy.function.opened()
    stream.end(Status(StatusCode.INTERNAL, "no"))
    assert await failure(call) == (StatusCode.UNKNOWN, "Unexpected entity termination")


async def test_metadata_reaches_the_entity_unless_the_reference_is_followed() -> None:
    async with proxied(spec()) as proxy:
        call = proxy.call(ADD, ITEM, colour="red")
        stream = await proxy.function.opened()
        await stream.receive()
        message = await stream.receive()
        assert ("colour", "red") in [(entry.key, entry.string_value) for entry in message.command.metadata.entries]
        await stream.send(es_reply(1, Empty()))
        await call


async def test_side_effects_run_after_the_events_are_stored(proxy: Proxied) -> None:
    call = proxy.call(ADD, ITEM)
    stream = await proxy.function.opened()
    await stream.receive()
    await stream.receive()
    effect = pb.SideEffect(
        service_name=SERVICE,
        command_name="AddItem",
        payload=wrapped(AddLineItem(user_id="bob", product_id="ink", quantity=1)),
        synchronous=True,
    )
    reply = EventSourcedReply(
        command_id=1,
        client_action=pb.ClientAction(reply=pb.Reply(payload=wrapped(Empty()))),
        side_effects=[effect],
        events=[wrapped(added(1))],
    )
    await stream.send(EventSourcedStreamOut(reply=reply))
    other = await proxy.function.opened()
    assert (await other.receive()).init.entity_id == "bob"
    assert (await proxy.journal.load(KEY)).sequence == 1
    assert not call.done()
    assert (await other.receive()).command.name == "AddItem"
    await other.send(es_reply(1, Empty(), added(1)))
    await call


async def test_a_forward_is_answered_by_its_target(proxy: Proxied) -> None:
    call = proxy.call(GET, GetShoppingCart(user_id="ada"))
    stream = await proxy.function.opened()
    await stream.receive()
    await stream.receive()
    target = pb.Forward(service_name=SERVICE, command_name="GetCart", payload=wrapped(GetShoppingCart(user_id="bob")))
    reply = EventSourcedReply(command_id=1, client_action=pb.ClientAction(forward=target))
    await stream.send(EventSourcedStreamOut(reply=reply))
    other = await proxy.function.opened()
    assert (await other.receive()).init.entity_id == "bob"
    assert (await other.receive()).command.id == 1
    await other.send(es_reply(1, Cart(items=[])))
    assert Cart.FromString(await call) == Cart()


async def test_the_function_hears_of_a_reply_of_another_type(proxy: Proxied) -> None:
    stream = await begun(proxy)
    call = proxy.call(GET, GetShoppingCart(user_id="ada"))
    await stream.receive()
    await stream.send(es_reply(2, Empty()))
    await call  # it is sent on as it is
    assert await reported(proxy) == (
        f"{SERVICE}.GetCart: Expected reply type_url to be [type.googleapis.com/{SERVICE.rpartition('.')[0]}.Cart] "
        "but was [type.googleapis.com/google.protobuf.Empty]."
    )


async def test_the_function_hears_of_a_reply_to_nothing(proxy: Proxied) -> None:
    stream = await begun(proxy)
    await stream.send(es_reply(7, Empty()))
    assert await reported(proxy) == "shopping-cart entity ada: a reply to command 7, expected 1"


async def test_the_function_hears_of_a_forward_to_nothing(proxy: Proxied) -> None:
    stream = await begun(proxy)
    call = proxy.call(GET, GetShoppingCart(user_id="ada"))
    await stream.receive()
    target = pb.Forward(service_name=SERVICE, command_name="Missing", payload=wrapped(Empty()))
    reply = EventSourcedReply(command_id=2, client_action=pb.ClientAction(forward=target))
    await stream.send(EventSourcedStreamOut(reply=reply))
    nothing = f"`{SERVICE}/Missing` is not served here"
    assert await reported(proxy) == f"`{SERVICE}/Missing`, forwarded from `{SERVICE}/GetCart`: {nothing}"
    assert await failure(call) == (StatusCode.UNIMPLEMENTED, nothing)


async def test_the_function_hears_of_a_side_effect_on_nothing_and_its_caller_does_not(proxy: Proxied) -> None:
    stream = await begun(proxy)
    call = proxy.call(ADD, ITEM)
    await stream.receive()
    effect = pb.SideEffect(service_name="elsewhere", command_name="Do", payload=wrapped(Empty()), synchronous=True)
    reply = EventSourcedReply(
        command_id=2, client_action=pb.ClientAction(reply=pb.Reply(payload=wrapped(Empty()))), side_effects=[effect]
    )
    await stream.send(EventSourcedStreamOut(reply=reply))
    assert await reported(proxy) == (
        f"`elsewhere/Do`, side effect of `{SERVICE}/AddItem`: `elsewhere/Do` is not served here"
    )
    assert Empty.FromString(await call) == Empty()


async def reported(proxy: Proxied) -> str:
    """The first error that the function is told of."""
    return await asyncio.wait_for(proxy.function.reports.get(), PATIENCE)
