"""What a user function's CRDT entities hear from the proxy, and what callers hear of their replies (1.5, 2.8)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.conformance.protocol.scripted import PATIENCE, Proxied, Stream, proxied, wrapped
from tests.processes import ROOT

from chat.presence_pb2 import Count, Look, People, Visit
from cloudstate import crdt_pb2 as crdt
from cloudstate import entity_pb2 as pb
from cloudstate.runtime.compat import REFERENCE
from cloudstate.runtime.description import load
from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.journal import Journal
from cloudstate.runtime.support.function import entity_spec
from cloudstate.runtime.transport import CallFailed

ADD = "/com.example.chat.Visits/Add"
WATCH = "/com.example.chat.Room/Watch"
STAY = "/com.example.chat.Room/Stay"
LOOK = Look(room="r")


def spec(passivation: int = 30_000) -> pb.EntitySpec:
    made = entity_spec(load(ROOT / "generated" / "presence"))
    for entity in made.entities:
        entity.passivation_strategy.timeout.timeout = passivation
    return made


@pytest.fixture
async def proxy() -> AsyncIterator[Proxied]:
    async with proxied(spec(), compat=REFERENCE) as made:
        yield made


def plus(number: int) -> crdt.CrdtStateAction:
    return crdt.CrdtStateAction(update=crdt.CrdtDelta(gcounter=crdt.GCounterDelta(increment=number)))


def vote(yes: bool) -> crdt.CrdtStateAction:
    return crdt.CrdtStateAction(update=crdt.CrdtDelta(vote=crdt.VoteDelta(self_vote=yes)))


def reply(command_id: int, action: crdt.CrdtStateAction | None = None, **more: Any) -> crdt.CrdtStreamOut:
    client_action = pb.ClientAction(reply=pb.Reply(payload=wrapped(Count(visits=command_id))))
    more = {"client_action": client_action} | more
    return crdt.CrdtStreamOut(reply=crdt.CrdtReply(command_id=command_id, state_action=action, **more))


def command(command_id: int, name: str, message: Any, *, streamed: bool = False) -> crdt.CrdtStreamIn:
    return crdt.CrdtStreamIn(
        command=pb.Command(entity_id="r", id=command_id, name=name, payload=wrapped(message), streamed=streamed)
    )


async def begun(proxy: Proxied, task: Any) -> Stream:
    """The stream that a first call opens, after its init without a value."""
    stream = await proxy.function.opened()
    init = crdt.CrdtInit(service_name="com.example.chat.Visits", entity_id="r")
    assert await stream.receive() == crdt.CrdtStreamIn(init=init)
    assert await stream.receive() == command(1, "Add", LOOK)
    await stream.send(reply(1, plus(5)))
    assert Count.FromString(await task).visits == 1
    return stream


async def test_the_value_is_kept_for_the_function(proxy: Proxied) -> None:
    stream = await begun(proxy, proxy.call(ADD, LOOK))
    again = proxy.call(ADD, LOOK)
    assert await stream.receive() == command(2, "Add", LOOK)
    await stream.send(reply(2, plus(37)))
    await again
    stream.end()
    following = proxy.call(ADD, LOOK)
    other = await proxy.function.opened()
    init = (await other.receive()).init
    assert init.delta == crdt.CrdtDelta(gcounter=crdt.GCounterDelta(increment=42))
    assert await other.receive() == command(1, "Add", LOOK)
    await other.send(reply(1))
    await following


async def test_commands_are_pipelined_and_replies_may_overtake(proxy: Proxied) -> None:
    stream = await begun(proxy, proxy.call(ADD, LOOK))
    first = proxy.call(ADD, LOOK)
    assert await stream.receive() == command(2, "Add", LOOK)
    second = proxy.call(ADD, LOOK)
    assert await stream.receive() == command(3, "Add", LOOK)
    await stream.send(reply(3, plus(1)))
    assert Count.FromString(await second).visits == 3
    await stream.send(reply(2, plus(1)))
    assert Count.FromString(await first).visits == 2


async def test_a_deletion_ends_the_stream_and_the_id_can_be_used_again(proxy: Proxied) -> None:
    stream = await begun(proxy, proxy.call(ADD, LOOK))
    gone = proxy.call(ADD, LOOK)
    await stream.receive()
    await stream.send(reply(2, crdt.CrdtStateAction(delete=crdt.CrdtDelete())))
    await gone
    assert await stream.receive() is None
    stream.end()
    await begun(proxy, proxy.call(ADD, LOOK))


async def test_a_failure_is_the_callers(proxy: Proxied) -> None:
    stream = await begun(proxy, proxy.call(ADD, LOOK))
    failed = proxy.call(ADD, LOOK)
    await stream.receive()
    failure = pb.ClientAction(failure=pb.Failure(command_id=2, description="no more"))
    await stream.send(reply(2, client_action=failure))
    with pytest.raises(CallFailed, match="no more") as caught:
        await failed
    assert caught.value.status is StatusCode.UNKNOWN


@pytest.mark.parametrize(
    ("message", "report"),
    [
        (reply(9), "Received reply for unknown command id: 9"),
        (reply(2, crdt.CrdtStateAction(update=crdt.CrdtDelta())), "an empty delta: it names no data type"),
        (reply(2, vote(True)), "GCounter: a change of a Vote does not fit"),
        (reply(2, streamed=True), "Received streamed reply for command 2, which is not streamed"),
        (crdt.CrdtStreamOut(), "an empty message"),
    ],
)
async def test_a_breach_of_the_protocol_is_reported_and_the_value_kept(
    proxy: Proxied, message: Any, report: str
) -> None:
    stream = await begun(proxy, proxy.call(ADD, LOOK))
    failed = proxy.call(ADD, LOOK)
    await stream.receive()
    await stream.send(message)
    with pytest.raises(CallFailed, match="Unexpected CRDT entity"):
        await failed
    assert report in await asyncio.wait_for(proxy.function.reports.get(), PATIENCE)
    stream.end()
    again = proxy.call(ADD, LOOK)
    other = await proxy.function.opened()
    assert (await other.receive()).init.delta.gcounter.increment == 5
    await other.receive()
    await other.send(reply(1))
    await again


async def test_connections_are_tracked_by_votes(proxy: Proxied) -> None:
    """The kit's CP4: who listens is counted, and a stream hears of others, not of itself."""
    watching = proxy.client.stream(WATCH, (), PATIENCE)
    await watching.send(LOOK.SerializeToString())
    await watching.end()
    stream = await proxy.function.opened()
    await stream.receive()
    assert await stream.receive() == command(1, "Watch", LOOK, streamed=True)
    await stream.send(named("zero", 1))
    assert await names(watching) == ["zero"]

    staying = proxy.client.stream(STAY, (), PATIENCE)
    await staying.send(Visit(room="r", name="a").SerializeToString())
    await staying.end()
    assert await stream.receive() == command(2, "Stay", Visit(room="r", name="a"), streamed=True)
    await stream.send(crdt.CrdtStreamOut(reply=crdt.CrdtReply(command_id=2, streamed=True, state_action=vote(True))))
    await stream.send(more("one", 1))
    assert await names(watching) == ["one"]

    staying.cancel()
    cancelled = pb.StreamCancelled(entity_id="r", id=2)
    assert await stream.receive() == crdt.CrdtStreamIn(stream_cancelled=cancelled)
    answer = crdt.CrdtStreamCancelledResponse(command_id=2, state_action=vote(False))
    await stream.send(crdt.CrdtStreamOut(stream_cancelled_response=answer))
    await stream.send(more("zero", 1, end=True))
    assert await names(watching) == ["zero"]
    with pytest.raises(StopAsyncIteration):
        await anext(aiter(watching))


def people(name: str) -> pb.ClientAction:
    return pb.ClientAction(reply=pb.Reply(payload=wrapped(People(names=[name]))))


def named(name: str, command_id: int) -> crdt.CrdtStreamOut:
    return crdt.CrdtStreamOut(reply=crdt.CrdtReply(command_id=command_id, client_action=people(name), streamed=True))


def more(name: str, command_id: int, *, end: bool = False) -> crdt.CrdtStreamOut:
    message = crdt.CrdtStreamedMessage(command_id=command_id, client_action=people(name), end_stream=end)
    return crdt.CrdtStreamOut(streamed_message=message)


async def names(call: Any) -> list[str]:
    data = await asyncio.wait_for(anext(aiter(call)), PATIENCE)
    return list(People.FromString(data).names)


async def test_an_idle_entity_leaves_in_good_order() -> None:
    async with proxied(spec(passivation=100), compat=REFERENCE) as proxy:
        stream = await begun(proxy, proxy.call(ADD, LOOK))
        assert await asyncio.wait_for(stream.receive(), 2) is None
        stream.end()


async def test_the_value_outlives_the_proxy(proxy: Proxied) -> None:
    await begun(proxy, proxy.call(ADD, LOOK))
    journal: Journal = proxy.journal
    async with proxied(spec(), journal, compat=REFERENCE) as again:
        asked = again.call(ADD, LOOK)
        stream = await again.function.opened()
        assert (await stream.receive()).init.delta.gcounter.increment == 5
        await stream.receive()
        await stream.send(reply(1))
        await asked
