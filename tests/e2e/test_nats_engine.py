"""The engine on NATS where servers stop, forget, or are one of three."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import nats as client
import pytest
from tests.conformance.engine_contract import until_done, until_heard
from tests.conformance.engine_places import PATIENCE, Told, table
from tests.servers.nats import Nats, nats

from cloudstate.runtime.cluster.engine import Engine, EngineUnavailable, Entry, Overtaken
from cloudstate.runtime.cluster.nats_engine import NatsEngine

NUMBERS = count()
DOCUMENTED = Path(__file__).parents[2] / "docs" / "cluster.md"
LOGIN = 'authorization { user: "shop", password: "s3cret" }\n'


@pytest.fixture(scope="module")
def server() -> Iterator[Nats]:
    with nats() as (running,):
        yield running


def url(*servers: Nats, login: str = "", options: str = "") -> str:
    return f"nats://{login}{','.join(f'127.0.0.1:{server.port}' for server in servers)}{options}"


@pytest.fixture
async def member(server: Nats) -> AsyncIterator[NatsEngine]:
    server.revive()
    engine = NatsEngine(url(server), f"one-{next(NUMBERS)}")
    await engine.open()
    yield engine
    await engine.close()


async def api(server: Nats, what: str, request: object = None) -> Any:
    """Ask JetStream itself."""
    connection = await client.connect(f"nats://127.0.0.1:{server.port}")
    reply = await connection.request(f"$JS.API.{what}", json.dumps(request or {}).encode(), timeout=PATIENCE)
    await connection.close()
    return json.loads(reply.data)


def stream(engine: NatsEngine) -> str:
    return engine._bucket.stream


async def restarted(server: Nats, meanwhile: Callable[[], object] = lambda: None) -> None:
    def restart() -> None:
        server.kill()
        meanwhile()
        server.revive()

    await asyncio.to_thread(restart)


# Forgetting.


async def test_a_forgotten_table_is_made_anew(server: Nats, member: NatsEngine) -> None:
    told = Told[Entry]()
    await member.watch(told)
    old = await member.put("shard.1", b"me", 0)
    await member.put("shard.2", b"me", 0)
    await told.until(lambda all: len(all) == 2)
    await restarted(server, lambda: shutil.rmtree(server.store))
    await told.until(lambda all: table(all) == {})
    with pytest.raises(Overtaken):
        await member.put("shard.1", b"me", old)
    deletion = next(entry for entry in reversed(told.all) if entry.key == "shard.2")
    assert await member.put("shard.1", b"you", 0) > old
    assert await member.put("shard.2", b"you", deletion.revision) > old
    await told.until(lambda all: table(all) == {"shard.1": b"you", "shard.2": b"you"})


async def test_a_table_that_somebody_deletes_is_made_anew(server: Nats, member: NatsEngine) -> None:
    told = Told[Entry]()
    await member.watch(told)
    await member.put("shard.1", b"me", 0)
    assert (await api(server, f"STREAM.DELETE.{stream(member)}"))["success"]
    assert await member.put("shard.2", b"me", 0)
    await told.until(lambda all: table(all) == {"shard.2": b"me"})


async def test_a_table_that_lost_its_last_changes_is_told_as_it_is(
    server: Nats, member: NatsEngine, tmp_path: Path
) -> None:
    told = Told[Entry]()
    await member.watch(told)
    await member.put("shard.1", b"old", 0)
    await restarted(server, lambda: shutil.copytree(server.store, tmp_path / "kept"))
    await until_done(lambda: member.put("shard.1", b"new"))
    await until_done(lambda: member.put("shard.2", b"new", 0))
    await told.until(lambda all: table(all) == {"shard.1": b"new", "shard.2": b"new"})

    def lose() -> None:
        shutil.rmtree(server.store)
        shutil.copytree(tmp_path / "kept", server.store)

    await restarted(server, lose)
    await told.until(lambda all: table(all) == {"shard.1": b"old"})


async def test_a_forgotten_deletion_is_still_one(
    server: Nats, member: NatsEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloudstate.runtime.cluster.nats_engine.bucket._TOMBSTONE", "1s")
    told = Told[Entry]()
    await member.watch(told)
    await member.put("shard.1", b"me", 0)
    await member.delete("shard.1")
    deletion = (await told.until(lambda all: all and not all[-1].value))[-1]
    async with asyncio.timeout(PATIENCE):
        while (await api(server, f"STREAM.INFO.{stream(member)}"))["state"]["messages"]:
            continue
    assert await member.put("shard.1", b"you", deletion.revision) > deletion.revision


async def test_a_consumer_that_somebody_deletes_is_replaced(server: Nats, member: NatsEngine) -> None:
    told = Told[Entry]()
    await member.watch(told)
    (name,) = (await api(server, f"CONSUMER.NAMES.{stream(member)}"))["consumers"]
    assert (await api(server, f"CONSUMER.DELETE.{stream(member)}.{name}"))["success"]
    await member.put("shard.1", b"me", 0)
    await told.until(lambda all: table(all) == {"shard.1": b"me"})


# Order.


class InOrder:
    """Watches writers that write ``x`` and then ``y`` with the same number: no watcher may be told of ``y`` alone."""

    def __init__(self) -> None:
        self.records: dict[str, int] = {}
        self.wrong: list[str] = []

    def __call__(self, entry: Entry) -> None:
        self.records[entry.key] = int(entry.value)
        asyncio.get_running_loop().call_soon(self._check, entry.key.partition(".")[2])  # what is told in one go is told

    def _check(self, writer: str) -> None:
        x, y = self.records.get(f"x.{writer}", 0), self.records.get(f"y.{writer}", 0)
        if y > x:
            self.wrong.append(f"{writer}: x is {x}, y is {y}")


async def test_who_is_told_of_a_change_was_told_of_all_before(server: Nats, member: NatsEngine) -> None:
    watchers = [InOrder() for _ in range(30)]
    writing = [asyncio.ensure_future(write_pairs(member, str(writer))) for writer in range(8)]
    for watcher in watchers:
        await member.watch(watcher)
    await asyncio.gather(*writing)
    last = await member.put("x.last", b"1"), await member.put("y.last", b"1")
    assert last == tuple(sorted(last))
    told = Told[Entry]()
    await member.watch(told)
    expected = {key: int(value) for key, value in table(told.all).items()}
    async with asyncio.timeout(PATIENCE):
        while any(watcher.records != expected for watcher in watchers):
            await member.put("x.last", b"1")  # an answer comes after what was told before
    assert [watcher.wrong for watcher in watchers] == [[]] * len(watchers)


async def write_pairs(member: Engine, writer: str) -> None:
    for number in range(1, 40):
        await member.put(f"x.{writer}", b"%d" % number)
        await member.put(f"y.{writer}", b"%d" % number)


# Silence.


async def test_a_server_that_stops_is_left_and_found_again(server: Nats, member: NatsEngine) -> None:
    told, heard = Told[Entry](), Told[bytes]()
    await member.watch(told)
    await member.listen("to.a", heard)
    server.pause()
    try:
        async with asyncio.timeout(10):
            for _ in range(2):
                with pytest.raises(EngineUnavailable, match=r"in time|lost|no connection"):
                    await member.put("member.a", b"1")
    finally:
        server.resume()
    await until_done(lambda: member.put("member.a", b"2"))
    await told.until(lambda all: table(all) == {"member.a": b"2"})
    await until_heard(lambda: member.send("to.a", b"x"), heard, b"x")


async def test_a_server_that_dies_while_messages_wait_leaves_nothing_open(server: Nats, member: NatsEngine) -> None:
    heard = Told[bytes]()
    await member.listen("to.a", heard)
    server.pause()
    for _ in range(40):
        member.send("to.a", bytes(1_000_000))
    await restarted(server)
    await until_heard(lambda: member.send("to.a", b"x"), heard, b"x")
    assert await until_done(lambda: member.put("member.a", b"1"))


# Logins.


async def test_a_login_is_used_and_never_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with nats(more=LOGIN) as (server,):
        engine = NatsEngine(url(server, login="shop:s3cret@"), "shop")
        await engine.open()
        await engine.put("member.a", b"1")
        await restarted(server)
        await until_done(lambda: engine.put("member.a", b"2"))
        await engine.close()
        await asyncio.to_thread(server.kill)
        with pytest.raises(EngineUnavailable) as raised:
            await NatsEngine(url(server, login="shop:s3cret@"), "shop").open()
        assert f"127.0.0.1:{server.port}" in str(raised.value)
    assert "s3cret" not in caplog.text + repr(raised.value)


async def test_a_wrong_login_is_refused_and_never_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with nats(more=LOGIN) as (server,):
        for wrong in ("shop:wr0ng@", "wr0ng@", "") * 10:
            with pytest.raises(EngineUnavailable, match=r"(?i)authorization|login") as raised:
                await NatsEngine(url(server, login=wrong), "shop").open()
            assert f"127.0.0.1:{server.port}" in str(raised.value)
            assert "wr0ng" not in f"{raised.value!r} {raised.value.__cause__!r} {raised.value.__context__!r}"
    assert "wr0ng" not in caplog.text


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for loopback; its key is beside it."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    made = tmp_path / "certificate"
    files = ["-keyout", str(tmp_path / "key"), "-out", str(made), "-days", "2"]
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *files, *named]
    subprocess.run(command, check=True, capture_output=True)
    return made


async def test_a_certificate_is_checked(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = certificate.with_name("key")
    with nats(more=f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}\n') as (server,):
        with pytest.raises(EngineUnavailable, match="certificate"):
            await NatsEngine(url(server).replace("nats:", "tls:"), "shop").open()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        engine = NatsEngine(url(server).replace("nats:", "tls:"), "shop")
        await engine.open()
        assert await engine.put("member.a", b"1", 0)
        await engine.close()


async def test_a_login_with_few_rights_is_enough() -> None:
    allowed = re.search(r"^publish: +(.*?)^subscribe: +(.*?)^```", DOCUMENTED.read_text(), re.M | re.S)
    assert allowed is not None
    publish, subscribe = (json.dumps(group.split()) for group in allowed.groups())
    rights = f"permissions: {{ publish: {publish}, subscribe: {subscribe} }}"
    with nats(more=f'authorization {{ users: [{{ user: "few", password: "s3cret", {rights} }}] }}\n') as (server,):
        engine = NatsEngine(url(server, login="few:s3cret@"), "shop")
        await engine.open()
        told, heard = Told[Entry](), Told[bytes]()
        await engine.watch(told)
        await engine.listen("to.a", heard)
        await engine.put("member.a", b"1", 0)
        await engine.delete("member.a")
        await engine.put("member.a", b"2", 0)
        engine.send("to.a", b"x")
        await heard.until(len)
        await told.until(lambda all: table(all) == {"member.a": b"2"})
        await engine.close()


# Three servers.


async def test_three_servers_get_time_to_start_and_one_may_die() -> None:
    with nats(3, ready=False) as servers:
        members = [NatsEngine(url(*servers, options="?replicas=3"), "three") for _ in range(4)]
        await asyncio.gather(*(opened(member) for member in members))
        assert (await api(servers[0], f"STREAM.INFO.{stream(members[0])}"))["config"]["num_replicas"] == 3
        told = [Told[Entry]() for _ in members]
        heard = [Told[bytes]() for _ in members]
        for number, member in enumerate(members):
            await member.watch(told[number])
            await member.listen(f"to.{number}", heard[number])
        await all_put(members, b"1")
        for each in told:
            await each.until(lambda all: table(all) == {f"member.{number}": b"1" for number in range(4)})
        await asyncio.to_thread(servers[0].kill)
        await all_put(members, b"2")
        for each in told:
            await each.until(lambda all: table(all) == {f"member.{number}": b"2" for number in range(4)})
        for number, member in enumerate(members):
            other = (number + 1) % 4
            await until_heard(to(member, other), heard[other], b"from %d" % number)
        await asyncio.gather(*(member.close() for member in members))


def to(member: Engine, other: int) -> Callable[[], None]:
    return lambda: member.send(f"to.{other}", b"from %d" % ((other - 1) % 4))


async def all_put(members: list[NatsEngine], value: bytes) -> None:
    def put(number: int, member: Engine) -> Callable[[], Awaitable[int]]:
        return lambda: member.put(f"member.{number}", value)

    await asyncio.gather(*(until_done(put(number, member)) for number, member in enumerate(members)))


async def opened(member: Engine) -> None:
    """Open it; the servers may need a moment until they listen at all."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await member.open()
            except EngineUnavailable:
                await asyncio.sleep(0)
