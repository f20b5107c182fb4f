"""Topics on a real NATS server: groups, redelivery, duplicates, messages of others, and a service that subscribes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import nats as client
import pytest
from tests.servers.nats import Nats, nats

from cloudstate.runtime.errors import ServiceInvalid, StatusCode
from cloudstate.runtime.eventing import open_broker
from cloudstate.runtime.eventing.broker import Broker
from cloudstate.runtime.eventing.deliver import CloudEvent, Undeliverable
from cloudstate.runtime.eventing.wrapping import wrapped
from cloudstate.runtime.payload import Payload

PATIENCE = 30.0


@pytest.fixture(scope="module")
def messaging() -> Iterator[list[Nats]]:
    with nats() as running:
        yield running


@asynccontextmanager
async def opened(servers: list[Nats]) -> AsyncIterator[Broker]:
    broker = open_broker(f"nats://127.0.0.1:{servers[0].port}")
    await broker.open()
    try:
        yield broker
    finally:
        await broker.close()


def event(id: str, text: str = "") -> CloudEvent:
    data = Payload("type.googleapis.com/shop.Order", text.encode())
    return CloudEvent(id, "shop", "shop.Order", data, "Zoë\n", 1_700_000_000.0)


class Hears:
    """Takes messages until there are enough."""

    def __init__(self, enough: int, fails: int = 0) -> None:
        self.events: list[CloudEvent] = []
        self.complete = asyncio.Event()
        self._enough = enough
        self._fails = fails

    async def take(self, heard: CloudEvent) -> None:
        if self._fails:
            self._fails -= 1
            raise Undeliverable("not now", StatusCode.INTERNAL)
        self.events.append(heard)
        if len(self.events) >= self._enough:
            self.complete.set()


@asynccontextmanager
async def consuming(broker: Broker, topic: str, group: str, hears: Hears) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(broker.consume(topic, group, hears.take))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_a_message_comes_as_it_was_published(messaging: list[Nats]) -> None:
    async with opened(messaging) as broker:
        await broker.publish("orders.new", event("1", "pen"))
        hears = Hears(1)
        async with consuming(broker, "orders.new", "mail", hears):
            await asyncio.wait_for(hears.complete.wait(), PATIENCE)
    assert hears.events == [event("1", "pen")]


async def test_each_group_hears_everything_once(messaging: list[Nats]) -> None:
    async with opened(messaging) as one, opened(messaging) as other:
        first, alone = Hears(20), Hears(20)  # the two consumers of the one group tell one list
        async with (
            consuming(one, "shared", "a", first),
            consuming(other, "shared", "a", first),
            consuming(one, "shared", "b", alone),
        ):
            for number in range(20):
                await other.publish("shared", event(str(number)))
            await asyncio.wait_for(alone.complete.wait(), PATIENCE)
            await asyncio.wait_for(first.complete.wait(), PATIENCE)
    assert [it.id for it in alone.events] == [str(number) for number in range(20)]
    assert sorted((it.id for it in first.events), key=int) == [it.id for it in alone.events]


async def test_what_was_not_handled_comes_again_to_whoever_is_next(messaging: list[Nats]) -> None:
    async with opened(messaging) as broker:
        await broker.publish("again", event("1"))
        async with consuming(broker, "again", "mail", Hears(1, fails=1)) as task:
            await asyncio.wait({task}, timeout=PATIENCE)
            assert isinstance(task.exception(), Undeliverable)


async def test_the_same_message_twice_is_one(messaging: list[Nats]) -> None:
    async with opened(messaging) as broker:
        for id in ("1", "1", "2"):
            await broker.publish("twice", event(id))
        hears = Hears(2)
        async with consuming(broker, "twice", "mail", hears):
            await asyncio.wait_for(hears.complete.wait(), PATIENCE)
    assert [it.id for it in hears.events] == ["1", "2"]


@pytest.mark.parametrize(
    ("headers", "type_url"),
    [
        ({"content-type": "application/json", "ce-type": "order"}, "json.cloudstate.io/order"),
        ({"Content-Type": "application/cloudevents+json; charset=utf-8"}, "json.cloudstate.io/"),
        ({"content-type": "application/protobuf", "ce-type": "shop.Order"}, "type.googleapis.com/shop.Order"),
        ({"content-type": "text/plain"}, "p.cloudstate.io/string"),
        ({}, "p.cloudstate.io/bytes"),
    ],
)
async def test_messages_of_others(messaging: list[Nats], headers: dict[str, str], type_url: str) -> None:
    topic = f"others-{abs(hash(type_url))}"
    async with opened(messaging) as broker:
        hears = Hears(1)
        async with consuming(broker, topic, "mail", hears):
            other = await client.connect(f"nats://127.0.0.1:{messaging[0].port}")
            async with asyncio.timeout(PATIENCE):
                while not hears.events:
                    await other.publish(f"topic.{topic}", b"{}", headers=headers or None)
                    await asyncio.sleep(0.05)
            await other.close()
    heard = hears.events[0]
    assert (heard.data, heard.source) == (wrapped(type_url, b"{}"), f"topic.{topic}")


async def test_others_read_json_as_it_is(messaging: list[Nats]) -> None:
    published = event("1")._replace(data=wrapped("json.cloudstate.io/order", b'{"pens":1}'))
    async with opened(messaging) as broker:
        hears = Hears(1)
        other = await client.connect(f"nats://127.0.0.1:{messaging[0].port}")
        heard = await other.subscribe("topic.plain")
        await other.flush()
        await broker.publish("plain", published)
        assert (await heard.next_msg(PATIENCE)).data == b'{"pens":1}'
        await other.close()
        async with consuming(broker, "plain", "mail", hears):
            await asyncio.wait_for(hears.complete.wait(), PATIENCE)
    assert hears.events == [published]


async def test_a_broker_that_is_away() -> None:
    with pytest.raises(ServiceInvalid):
        open_broker("nats://h?replicas=2")
    with pytest.raises(Undeliverable, match=r"the broker nats://127\.0\.0\.1:1"):
        await open_broker("nats://u:secret@127.0.0.1:1").open()
