"""CRDT entities of two members over a real NATS server, whose JetStream is their journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from itertools import count
from random import Random
from typing import Any

import pytest
from google.protobuf.wrappers_pb2 import StringValue
from tests.property.crdt.members import Directory
from tests.servers.nats import Nats, nats, url
from tests.unit.runtime.replication.test_members import Room

from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.cluster.nats_engine import NatsEngine
from cloudstate.runtime.function.crdt import EmbeddedCrdt
from cloudstate.runtime.host import CrdtHost, Reply, Request, Router
from cloudstate.runtime.journal import Journal, MemoryJournal
from cloudstate.runtime.journal.jetstream import JetStreamJournal, parse
from cloudstate.runtime.replication import Replication

NUMBERS = count()
PATIENCE = 60.0


@pytest.fixture(scope="module")
def servers() -> Iterator[list[Nats]]:
    with nats() as running:
        yield running


class Member:
    """One member of a cluster of two."""

    def __init__(self, host: CrdtHost, replication: Replication) -> None:
        self.host = host
        self.replication = replication
        self.router = Router([host])

    async def ask(self, command: str, **metadata: str) -> str:
        payload = StringValue(value="r").SerializeToString()
        result = await self.router.call(Request("test.Room", command, payload, tuple(metadata.items())))
        assert isinstance(result, Reply), result
        return StringValue.FromString(result.payload).value

    def watch(self) -> Any:
        async def one() -> AsyncIterator[bytes]:
            yield StringValue(value="r").SerializeToString()

        return aclosing(self.router.stream(Request("test.Room", "Watch", b""), one()))


@asynccontextmanager
async def member(server: Nats, name: str, service: str, journal: Journal | None = None) -> AsyncIterator[Member]:
    """A member; its journal is that of the server, if it is given none."""
    engine = NatsEngine(f"nats://127.0.0.1:{server.port}", service)
    journal = journal or JetStreamJournal(parse(url([server], service)), SystemClock())
    await journal.open()
    await engine.open()
    replication = Replication(engine, Directory(name, frozenset("ab")), service, Random(1))
    host = CrdtHost(EmbeddedCrdt(Room()), journal, replication=replication)
    await replication.start()
    try:
        yield Member(host, replication)
    finally:
        await replication.close()
        await engine.close()
        await journal.close()


async def heard(stream: Any) -> str:
    reply = await anext(stream)
    return StringValue.FromString(reply.payload).value


async def test_what_one_member_changes_the_other_serves_and_streams(servers: list[Nats]) -> None:
    service = f"rooms{next(NUMBERS)}"
    one, other = member(servers[0], "a", service), member(servers[0], "b", service)
    async with asyncio.timeout(PATIENCE), one as a, other as b, b.watch() as stream:
        assert (a.replication.node, b.replication.node) == ("n1", "n2")
        assert await heard(stream) == ""
        assert await a.ask("Enter", guest="Ada", far="all") == "Ada"
        assert await heard(stream) == "Ada"
        assert await b.ask("Enter", guest="Bob", far="majority") == "Ada,Bob"
        assert await heard(stream) == "Ada,Bob"
        assert await a.ask("Show") == "Ada,Bob"


async def test_members_that_write_at_the_same_time_lose_nothing(servers: list[Nats]) -> None:
    service = f"rooms{next(NUMBERS)}"
    async with asyncio.timeout(PATIENCE):
        async with member(servers[0], "a", service) as a, member(servers[0], "b", service) as b:
            calls = [at.ask("Enter", guest=f"{name}{n}") for name, at in (("a", a), ("b", b)) for n in range(30)]
            await asyncio.gather(*calls)
            await a.ask("Enter", guest="z", far="all")
            everybody = await b.ask("Show")
            assert len(everybody.split(",")) == 61
        async with member(servers[0], "c", service) as c:
            assert await c.ask("Show") == everybody


async def test_members_that_could_not_hear_each_other_agree_afterwards() -> None:
    with nats() as (server,):
        one = member(server, "a", "rooms", MemoryJournal(SystemClock()))
        other = member(server, "b", "rooms", MemoryJournal(SystemClock()))
        async with asyncio.timeout(PATIENCE), one as a, other as b, b.watch() as stream:
            assert await heard(stream) == ""
            await a.ask("Enter", guest="Ada", far="all")
            assert await heard(stream) == "Ada"
            server.kill()
            assert await a.ask("Enter", guest="Bob") == "Ada,Bob"
            assert await b.ask("Enter", guest="Cleo") == "Ada,Cleo"
            assert await heard(stream) == "Ada,Cleo"
            server.start()
            assert await heard(stream) == "Ada,Bob,Cleo"
            await a.ask("Enter", guest="Dan", far="all")
            assert await b.ask("Show") == "Ada,Bob,Cleo,Dan"
