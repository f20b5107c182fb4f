"""The eventing of a service: what its methods declare, what is refused, what is consumed and published."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from tests.processes import ROOT

from cloudstate import eventing_pb2
from cloudstate.runtime.app.loading import load_functions
from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.description import Schema, ServiceDescription, load
from cloudstate.runtime.errors import ServiceInvalid
from cloudstate.runtime.eventing import Broker, Eventing, MemoryBroker, declared, open_broker
from cloudstate.runtime.eventing.deliver import CloudEvent
from cloudstate.runtime.host import EntityHost, Reply, Request, Router
from cloudstate.runtime.journal import MemoryJournal
from cloudstate.runtime.payload import PROTOBUF_PREFIX, Payload
from tck.eventlogeventing_pb2 import EmitEventRequest, EventOne, ProcessStep, Response
from tck.eventlogeventing_pb2 import Reply as ReplyStep

PACKAGE = "cloudstate.tck.model.eventlogeventing"
SUBSCRIBER = f"{PACKAGE}.EventLogSubscriberModel"
GENERATED, CODE = ROOT / "generated" / "tck", ROOT / "specs" / "tck"
EVENTING: Any = eventing_pb2.eventing
PATIENCE = 10.0


def described(**options: str) -> ServiceDescription:
    """The kit's service, with other declarations: by method, in the text of an ``Eventing`` message."""
    from dataclasses import replace

    from google.protobuf import text_format

    description = load(GENERATED)
    files = FileDescriptorSet()
    for file in description.schema.files:
        files.file.add().CopyFrom(file)
        if file.package != PACKAGE:
            continue
        for method in files.file[-1].service[0].method:
            if method.name in options:
                method.options.ClearExtension(EVENTING)
                text_format.Parse(options[method.name], method.options.Extensions[EVENTING])
    return replace(description, schema=Schema.parse(files.SerializeToString(), "test"))


def test_what_the_kit_declares() -> None:
    found = declared(load(GENERATED))
    assert [(it.name, sorted(it.handlers)) for it in found.subscriptions] == [
        (f"{SUBSCRIBER}/log/eventlogeventing-one", [f"{PACKAGE}.EventOne", f"{PACKAGE}.EventTwo"]),
        (f"{SUBSCRIBER}/log/eventlogeventing-two", ["google.protobuf.Any"]),
    ]
    one, two = found.subscriptions
    exact = one.handler(f"{PROTOBUF_PREFIX}{PACKAGE}.EventTwo")
    assert exact is not None
    assert (exact.command, exact.streamed) == ("ProcessEventTwo", True)
    assert one.handler("json.cloudstate.io/x") is None
    rest = two.handler("json.cloudstate.io/x")
    assert rest is not None
    assert rest.command == "ProcessAnyEvent"


def test_a_group_of_its_own_gets_every_message() -> None:
    found = declared(described(ProcessEventTwo='in {event_log: "eventlogeventing-one" consumer_group: "mine"}'))
    assert "mine/log/eventlogeventing-one" in [it.name for it in found.subscriptions]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"ProcessEventOne": 'in {topic: "a"} out {topic: "a"}'}, "it would feed itself"),
        ({"ProcessEventOne": 'in {topic: ""}'}, "consumes from nowhere"),
        ({"ProcessEventOne": 'in {consumer_group: "a"}'}, "has a consumer group and nothing to consume"),
    ],
)
def test_what_is_refused(options: dict[str, str], text: str) -> None:
    with pytest.raises(ServiceInvalid, match=text):
        declared(described(**options))


def test_topics_need_a_broker() -> None:
    with pytest.raises(ServiceInvalid, match="uses the topic `mail`, and there is no message broker"):
        Eventing(described(Effect='out {topic: "mail"}'), MemoryJournal(SystemClock()), None, SystemClock())
    with pytest.raises(ServiceInvalid, match="not the address of a message broker"):
        open_broker("kafka:9092")


@asynccontextmanager
async def running(description: ServiceDescription, broker: Broker | None = None) -> AsyncIterator[Router]:
    journal = MemoryJournal(SystemClock())
    functions = load_functions(description, GENERATED, CODE)
    eventing = Eventing(description, journal, broker, SystemClock())
    router = Router([EntityHost(it, journal) for it in functions.entities], functions.actions, eventing)
    eventing.start(router)
    try:
        yield router
    finally:
        await eventing.stop()


async def first(broker: MemoryBroker, topic: str) -> CloudEvent:
    """The first message of a topic."""
    found: asyncio.Future[CloudEvent] = asyncio.get_running_loop().create_future()

    async def take(event: CloudEvent) -> None:
        if not found.done():
            found.set_result(event)

    consuming = asyncio.create_task(broker.consume(topic, "test", take))
    try:
        return await asyncio.wait_for(found, PATIENCE)
    finally:
        consuming.cancel()
        await asyncio.wait({consuming})


async def test_an_event_leads_to_a_message_in_a_topic() -> None:
    broker = MemoryBroker()
    source = 'in {event_log: "eventlogeventing-one"} out {topic: "mail"}'
    async with running(described(ProcessEventOne=source), broker) as router:
        event = EventOne(step=ProcessStep(reply=ReplyStep(message="hello")))
        emit = EmitEventRequest(id="ann", event_one=event).SerializeToString()
        assert isinstance(await router.call(Request(f"{PACKAGE}.EventSourcedEntityOne", "EmitEvent", emit)), Reply)
        message = await first(broker, "mail")
    assert message.data.type_url == f"{PROTOBUF_PREFIX}{PACKAGE}.Response"
    assert Response.FromString(message.data.value) == Response(id="ann", message="hello")
    assert (message.source, message.type) == (SUBSCRIBER, f"{PACKAGE}.Response")
    assert message.id == f"eventlogeventing-one#ann/1>{SUBSCRIBER}/ProcessEventOne"


async def test_a_message_of_a_topic_reaches_its_subscriber() -> None:
    broker = MemoryBroker()
    source = 'in {topic: "orders"} out {topic: "mail"}'
    async with running(described(ProcessEventOne=source), broker):
        event = EventOne(step=ProcessStep(reply=ReplyStep(message="hi"))).SerializeToString()
        data = Payload(f"{PROTOBUF_PREFIX}{PACKAGE}.EventOne", event)
        await broker.publish("orders", CloudEvent("1", "shop", f"{PACKAGE}.EventOne", data, "bob"))
        message = await first(broker, "mail")
    assert Response.FromString(message.data.value) == Response(id="bob", message="hi")


async def test_replies_that_cannot_be_published_are_failures() -> None:
    class Broken(MemoryBroker):
        async def publish(self, topic: str, event: CloudEvent) -> None:
            from cloudstate.runtime.errors import StatusCode
            from cloudstate.runtime.eventing.deliver import Undeliverable

            raise Undeliverable("the broker is away", StatusCode.UNAVAILABLE)

    async with running(described(Effect='out {topic: "mail"}'), Broken()) as router:
        result = await router.call(Request(SUBSCRIBER, "Effect", b""))
    assert not isinstance(result, Reply)
    assert result.description == "the command is done, but its reply was not published: the broker is away"


async def test_each_group_gets_every_message_and_each_consumer_some() -> None:
    broker = MemoryBroker()
    heard: dict[str, list[str]] = {"a1": [], "a2": [], "b": []}
    complete = asyncio.Event()

    def hears(name: str) -> Any:
        async def take(event: CloudEvent) -> None:
            heard[name].append(event.id)
            if sum(map(len, heard.values())) == 40:
                complete.set()
            await asyncio.sleep(0)

        return take

    tasks = [
        asyncio.create_task(broker.consume("t", group, hears(name)))
        for group, name in (("a", "a1"), ("a", "a2"), ("b", "b"))
    ]
    for n in range(20):
        await broker.publish("t", CloudEvent(str(n), "s", "x", Payload("", b"")))
    await asyncio.wait_for(complete.wait(), PATIENCE)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert sorted(heard["a1"] + heard["a2"], key=int) == heard["b"] == [str(n) for n in range(20)]
    assert heard["a1"]
    assert heard["a2"]
