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
from tests.processes import ROOT
from tests.servers.nats import Nats, nats, url

from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.errors import ServiceInvalid
from cloudstate.runtime.journal import (
    Answer,
    AppendEvents,
    AppendTooLarge,
    EntityKey,
    Fence,
    JournalInvalid,
    JournalUnavailable,
    WriteValue,
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


async def test_a_stream_of_a_newer_version_is_refused(servers: list[Nats]) -> None:
    fit = {"allow_direct": True, "allow_atomic": True, "allow_rollup_hdrs": True}
    await make(servers[0], "NEWER", metadata={"cloudstate.format": "2"}, **fit)
    with pytest.raises(JournalInvalid, match=r"`NEWER` has format 2, this version knows 1; use the newer version"):
        async with opened(url(servers, "NEWER")):
            pass


async def test_a_stream_that_somebody_made_as_it_has_to_be_is_taken(servers: list[Nats]) -> None:
    await make(servers[0], "MADE", allow_direct=True, allow_atomic=True, allow_rollup_hdrs=True)
    async with opened(url(servers, "MADE")) as journal:
        assert await journal.append(AppendEvents(ANN, 0, (ADDED,))) == 1


async def test_who_may_not_enter_is_told_so() -> None:
    with nats(more="authorization { users: [ { user: shop, password: right } ] }\n") as running:
        host = f"127.0.0.1:{running[0].port}"
        with pytest.raises(JournalUnavailable, match="Authorization Violation") as caught:
            async with opened(f"nats://shop:wrong@{host}/S", connect_timeout=1.0):
                pass
        assert "wrong" not in str(caught.value)


async def test_the_rights_of_the_documentation_are_enough() -> None:
    publish = [
        "SHOP.>",
        "$JS.API.STREAM.INFO.SHOP",
        "$JS.API.STREAM.CREATE.SHOP",
        "$JS.API.STREAM.MSG.GET.SHOP",
        "$JS.API.STREAM.PURGE.SHOP",
        "$JS.API.DIRECT.GET.SHOP",
    ]
    page = (ROOT / "docs" / "journals.md").read_text()
    assert all(f"`{subject}`" in page for subject in publish)
    rights = json.dumps({"publish": publish, "subscribe": ["_INBOX.>"]})
    user = f"{{ user: shop, password: right, permissions: {rights} }}"
    with nats(more=f"authorization {{ users: [ {user} ] }}\n") as running:
        async with opened(f"nats://shop:right@127.0.0.1:{running[0].port}/SHOP") as journal:
            fence = await journal.take_over("cart/1")
            await journal.load(ANN, fence=fence)
            for number in range(1, 501):  # the 500th has old answers deleted
                answer = Answer(number, f"id-{number}", b"")
                await journal.append(AppendEvents(ANN, number - 1, (ADDED,), None, "", answer, fence))
            assert len((await journal.load(ANN, window=100, fence=fence)).answers) == 100
            assert await journal.entities("cart", None, 10) == [ANN]
            assert (await journal.read("", 0, 10)).events


async def test_many_small_events_that_do_not_fit_in_one_message(servers: list[Nats]) -> None:
    """What is around the payloads counts, too; appends beside them are not concerned."""
    async with opened(url(servers, "SMALL")) as journal:
        tiny = AppendEvents(ANN, 0, (Payload("t", b""),) * 1_000_000)
        others = [AppendEvents(EntityKey("cart", str(n)), 0, (ADDED,)) for n in range(3)]
        results = await asyncio.gather(*map(journal.append, [*others, tiny]), return_exceptions=True)
        assert results[:3] == [1, 1, 1]
        assert isinstance(results[3], AppendTooLarge)
        assert (await journal.load(ANN)).sequence == 0


@pytest.mark.parametrize("nodes", [1, 3])
async def test_many_atomic_batches_at_once(nodes: int) -> None:
    with nats(nodes) as running:
        async with opened(url(running, "BATCHES", replicas=str(nodes))) as journal:
            appends = [
                AppendEvents(
                    EntityKey("cart", str(n)),
                    0,
                    (ADDED,),
                    ADDED if n % 10 == 0 else None,
                    "",
                    Answer(1, f"{n}", b"yes"),
                )
                for n in range(1000)
            ]
            assert await asyncio.gather(*map(journal.append, appends)) == [1] * 1000
            history = await journal.load(EntityKey("cart", "990"), window=5)
    assert history.answers == (Answer(1, "990", b"yes"),)
    assert history.snapshot is not None


async def test_what_was_only_loaded_is_no_entity(servers: list[Nats]) -> None:
    """Whoever owns it leaves a mark, on each take-over one."""
    async with opened(url(servers, "LOADED")) as journal:

        async def own() -> Fence:
            fence = await journal.take_over("cart/1")
            for id in ("never", "once", "long" * 100):
                await journal.load(EntityKey("cart", id), fence=fence)
            return fence

        await own()
        fence = await own()
        once = AppendEvents(EntityKey("cart", "once"), 0, (ADDED,), fence=fence)
        refused = AppendEvents(EntityKey("cart", "refused" * 100), 0, (), answer=Answer(1, "id", b"no"))
        assert await journal.append(once) == 1
        assert await journal.append(refused) == 0
        assert await journal.entities("cart", None, 10) == [once.entity, refused.entity]
        assert await journal.types() == ["cart"]


@pytest.mark.parametrize("is_value", [False, True])
async def test_an_answer_whose_copy_was_lost(servers: list[Nats], is_value: bool) -> None:
    """As if the process had died between the two: it is known to who loads, and copied before anything is written."""
    address = url(servers, f"COPY{is_value}")

    def nth(number: int, fence: Fence | None = None) -> AppendEvents | WriteValue:
        answer = Answer(number, f"id-{number}", b"yes")
        if is_value:
            return WriteValue(ANN, number - 1, ADDED, answer, fence)
        return AppendEvents(ANN, number - 1, (ADDED,), None, "", answer, fence)

    async def kept(journal: JetStreamJournal, fence: Fence | None = None) -> list[int]:
        return [answer.number for answer in (await journal.load(ANN, window=9, fence=fence)).answers]

    async def lose() -> None:
        connection = await client.connect(f"nats://127.0.0.1:{servers[0].port}")
        await connection.request(
            f"$JS.API.STREAM.PURGE.COPY{is_value}", b'{"filter": "COPY%s.a.>"}' % str(is_value).encode()
        )
        await connection.close()

    async with opened(address) as journal:
        await journal.append(nth(1))
    await lose()
    async with opened(address) as journal:
        assert await kept(journal) == [1]
        await journal.append(nth(2))
        assert await kept(journal) == [1, 2]
    await lose()
    async with opened(address) as journal:
        await journal.append(nth(3))  # without a load: its head is read
        assert await kept(journal) == [2, 3]
    await lose()
    async with opened(address) as journal:
        fence = await journal.take_over("cart/1")
        assert await kept(journal, fence) == [3]  # and the mark is last from now on
        assert await kept(journal, fence) == [3]
        await journal.append(nth(4, fence))
        assert await kept(journal, fence) == [3, 4]


async def test_a_history_that_is_written_while_it_is_read(servers: list[Nats]) -> None:
    """Its sequence, snapshot, events and answers fit each other, whoever writes meanwhile."""
    address = url(servers, "MOVING")
    is_over = False

    async def write(journal: JetStreamJournal) -> None:
        nonlocal is_over
        for number in range(1, 301):
            snapshot = Payload("t/State", b"%d" % number) if number % 3 == 0 else None
            answer = Answer(number, f"id-{number}", b"") if number % 2 else None
            await journal.append(AppendEvents(ANN, number - 1, (ADDED,), snapshot, "", answer))
        is_over = True

    async def read(journal: JetStreamJournal) -> None:
        while not is_over:
            try:
                history = await journal.load(ANN, window=5)
            except JournalUnavailable:  # it moves too fast
                continue
            base = history.snapshot.sequence if history.snapshot else 0
            assert [event.sequence for event in history.events] == list(range(base + 1, history.sequence + 1))
            newest = history.sequence if history.sequence % 2 else history.sequence - 1
            assert [answer.number for answer in history.answers][-1:] == ([newest] if newest > 0 else [])

    async with opened(address) as one, opened(address) as other:
        await asyncio.gather(write(one), read(other), read(other))


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
