"""The JetStream journal and real servers: streams that do not fit, a server that dies, a cluster that loses a node."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from typing import Any

import nats as client
import pytest
from tests.servers.nats import Nats, nats, url

from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.errors import ServiceInvalid
from cloudstate.runtime.journal import (
    AppendEvents,
    AppendTooLarge,
    EntityKey,
    JournalInvalid,
    JournalUnavailable,
    WrongExpectedSequence,
)
from cloudstate.runtime.journal.jetstream import JetStreamJournal, parse
from cloudstate.runtime.payload import Payload

ANN = EntityKey("cart", "ann")
ADDED = Payload("t/Added", b"a")
NUMBERS = count()
PATIENCE = 60.0


@pytest.fixture(scope="module")
def servers() -> Iterator[list[Nats]]:
    with nats() as running:
        yield running


@asynccontextmanager
async def opened(address: str, **settings: Any) -> AsyncIterator[JetStreamJournal]:
    journal = JetStreamJournal(replace(parse(address), **settings), SystemClock())
    await journal.open()
    try:
        yield journal
    finally:
        await journal.close()


async def make(server: Nats, name: str, **config: Any) -> None:
    connection = await client.connect(f"nats://127.0.0.1:{server.port}")
    request = json.dumps({"name": name, "subjects": [f"{name}.>"], "storage": "file", **config}).encode()
    await connection.request(f"$JS.API.STREAM.CREATE.{name}", request)
    await connection.close()


async def test_many_processes_make_the_stream_at_once(servers: list[Nats]) -> None:
    address = url(servers, "MANY")
    journals = [JetStreamJournal(parse(address), SystemClock()) for _ in range(6)]
    await asyncio.gather(*(journal.open() for journal in journals))
    appends = [
        journal.append(AppendEvents(EntityKey("cart", str(n)), 0, (ADDED,))) for n, journal in enumerate(journals)
    ]
    assert await asyncio.gather(*appends) == [1] * 6
    await asyncio.gather(*(journal.close() for journal in journals))


async def test_a_stream_that_would_lose_histories_is_refused(servers: list[Nats]) -> None:
    await make(servers[0], "LOSING", max_msgs=1000, allow_direct=True)
    with pytest.raises(JournalInvalid, match=r"`LOSING` is not set up as a journal: .*max_msgs.*allow_atomic"):
        async with opened(url(servers, "LOSING")):
            pass


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("nats:///S", "names no server"),
        ("nats://h/a.b", "`a.b` is not the name of a stream"),
        ("nats://h/S?replicas=2", "options that it cannot have"),
        ("nats://h/S?sync=always", "options that it cannot have"),
    ],
)
def test_addresses_that_are_refused(address: str, text: str) -> None:
    with pytest.raises(ServiceInvalid, match=text):
        parse(address)


def test_secrets_are_not_told() -> None:
    settings = parse("nats://shop:hunter2@a:1,b:2/S?replicas=3")
    assert settings.servers == ("nats://shop:hunter2@a:1", "nats://shop:hunter2@b:2")
    assert settings.where == "nats://a:1,b:2/S"


async def test_nobody_listens() -> None:
    with pytest.raises(JournalUnavailable, match="no server can be reached"):
        async with opened("nats://127.0.0.1:1/S", connect_timeout=1.0):
            pass


async def test_what_is_promised_is_said_at_start(servers: list[Nats], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        async with opened(url(servers, "SAID")):
            pass
    assert "has one replica: what is acknowledged is lost with that server" in caplog.text
    assert "acknowledges before it syncs, unless its servers have `sync_interval: always`" in caplog.text


async def test_more_than_the_server_takes_is_refused(servers: list[Nats]) -> None:
    async with opened(url(servers, "LARGE")) as journal:
        with pytest.raises(AppendTooLarge):
            await journal.append(AppendEvents(ANN, 0, (Payload("t", bytes(9 * 1024 * 1024)),)))
        assert await journal.append(AppendEvents(ANN, 0, (ADDED,))) == 1


async def test_two_processes_write_one_entity(servers: list[Nats]) -> None:
    """What each remembers of it is wrong every other time; nothing is lost or written twice."""
    address = url(servers, "TWO")

    async def write(journal: JetStreamJournal) -> int:
        written = 0
        while written < 30:
            sequence = (await journal.load(ANN)).sequence
            try:
                await journal.append(AppendEvents(ANN, sequence, (ADDED,)))
            except WrongExpectedSequence:
                continue
            written += 1
        return written

    async with opened(address) as one, opened(address) as other:
        assert list(await asyncio.gather(write(one), write(other))) == [30, 30]
        history = await one.load(ANN)
    assert [event.sequence for event in history.events] == list(range(1, 61))


async def test_a_server_that_is_away_for_a_while() -> None:
    with nats() as running:
        async with opened(url(running, "S"), answer_timeout=1.0) as journal:
            assert await journal.append(AppendEvents(ANN, 0, (ADDED,))) == 1
            running[0].kill()
            with pytest.raises(JournalUnavailable):
                await journal.append(AppendEvents(ANN, 1, (ADDED,)))
            with pytest.raises(JournalUnavailable, match="there is no connection") as caught:
                await journal.append(AppendEvents(ANN, 1, (ADDED,)))
            assert caught.value.retry_safe
            running[0].start()
            running[0].wait()
            sequence = await again(journal)
            assert (await journal.load(ANN)).sequence == sequence


async def again(journal: JetStreamJournal) -> int:
    """Append to the entity as soon as it goes."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await journal.append(AppendEvents(ANN, (await journal.load(ANN)).sequence, (ADDED,)))
            except JournalUnavailable:
                await asyncio.sleep(0.05)


async def test_a_cluster_loses_a_node_while_many_write() -> None:
    """What was acknowledged is there; writing goes on on the two that are left."""
    known: dict[str, int] = {}
    with nats(3) as running:
        victim = running[0]
        is_killed = False
        async with opened(url(running, "S", replicas="3"), answer_timeout=2.0) as journal:

            async def write(id: str) -> None:
                nonlocal is_killed
                key = EntityKey("cart", id)
                while known.get(id, 0) < 40:
                    try:
                        sequence = (await journal.load(key)).sequence
                        assert sequence >= known.get(id, 0), f"{id}: acknowledged and lost"
                        known[id] = await journal.append(AppendEvents(key, sequence, (ADDED,)))
                    except JournalUnavailable:
                        await asyncio.sleep(0.05)
                    if not is_killed and sum(known.values()) >= 300:
                        is_killed = True
                        victim.kill()

            async with asyncio.timeout(2 * PATIENCE):
                await asyncio.gather(*(write(str(n)) for n in range(16)))
            assert is_killed
            for id, sequence in known.items():
                history = await journal.load(EntityKey("cart", id))
                assert history.sequence >= sequence
                assert [event.sequence for event in history.events] == list(range(1, history.sequence + 1))
