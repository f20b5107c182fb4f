"""The crash matrix: the runtime, the database and the messaging are killed at random moments under load.

Clients add to wallets (values) or counters (event-sourced) and read them, each command with an id of its own, and send
again what got no answer. In the end every add has an answer, and the whole history must be what one wallet each could
have given: nothing acknowledged is lost, nothing is applied twice, every read is right. The log of the journal is read,
too: it has an event for each add to a counter, once, in order, without a gap.

``RUNS=50 python -m pytest tests/e2e/test_crashes.py`` takes longer; ``SEED`` repeats a run.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from tests.counting import Kind, counters, wallets
from tests.histories import Operation, violations
from tests.processes import server
from tests.servers.nats import Nats, nats, url
from tests.servers.postgresql import PostgreSQL, postgresql

from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.journal import open_journal
from cloudstate.runtime.transport import Channel, Outcome, Reply

RUNS = int(os.environ.get("RUNS", "5"))
WALLETS = 8
CLIENTS = 24
#: Seconds that one run may take.
PATIENCE = 120.0
#: What says that a command may be sent again.
RETRYABLE = {StatusCode.UNAVAILABLE, StatusCode.ABORTED}


@dataclass
class Load:
    """What all clients know together."""

    kind: Kind
    chance: random.Random
    numbers: Iterator[int] = field(default_factory=count)
    history: list[Operation] = field(default_factory=list)
    #: What has no answer yet: id, wallet, whether it adds, when it was sent first.
    pending: list[tuple[str, str, bool, float]] = field(default_factory=list)
    kill_at: int = 0
    kill: Callable[[], None] = lambda: None
    stop_at: int = 0
    #: The runtime was killed: whoever gets no answer leaves.
    is_gone: bool = False

    def answered(self, operation: Operation) -> None:
        self.history.append(operation)
        if len(self.history) == self.kill_at:
            self.kill()

    @property
    def is_over(self) -> bool:
        return len(self.history) >= self.stop_at


async def client(load: Load, channel: Channel) -> None:
    """Send commands until there are enough answers, or until the runtime is gone."""
    while load.pending or not load.is_over:
        if load.pending:
            id, wallet, adds, begin = load.pending.pop()
        else:
            number = next(load.numbers)
            id, wallet, adds = f"id-{number}", f"w{number % WALLETS}", load.chance.random() < 0.75
            begin = time.monotonic()
        path, payload = (load.kind.add if adds else load.kind.read)(wallet)
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        channel.start_unary(path, payload, (("idempotency-key", id),), None, answer.set_result)
        outcome = await answer
        if isinstance(outcome, Reply):
            load.answered(Operation(wallet, adds, begin, time.monotonic(), load.kind.size(outcome.payload)))
        elif not adds and outcome.status is StatusCode.NOT_FOUND:
            load.answered(Operation(wallet, adds, begin, time.monotonic(), 0))
        else:
            assert outcome.status in RETRYABLE, str(outcome)
            load.pending.append((id, wallet, adds, begin))
            if load.is_gone:
                return
            await asyncio.sleep(0.02)


async def rage(load: Load, address: str) -> None:
    channels = [await Channel.connect(address) for _ in range(4)]
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(client(load, channels[n % 4]) for n in range(CLIENTS)))
    for channel in channels:
        await channel.close()


def serving(kind: Kind, journal: str) -> list[str]:
    arguments = ["-m", "cloudstate.cli", "run", f"specs/{kind.project}", "--port", "0", "--log-level", "ERROR"]
    return [*arguments, "--journal", journal]


async def logged(journal: str) -> dict[str, int]:
    """How many events the log has of each entity; they are there in order, without a gap and once."""
    found: dict[str, int] = {}
    opened = open_journal(journal, SystemClock())
    await opened.open()
    for partition in await opened.partitions():
        after, is_more = 0, True
        while is_more:
            page = await opened.read(partition, after, 1000)
            for at in page.events:
                assert at.sequence == found.get(at.entity.id, 0) + 1
                found[at.entity.id] = at.sequence
            is_more, after = page.upto > after, page.upto
    await opened.close()
    return found


def seeded() -> random.Random:
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(2**32))
    print(f"SEED={seed}")
    return random.Random(seed)


def concluded(load: Load, journal: str) -> None:
    """Have everything answered, read every wallet once more, and judge."""
    load.kill_at, load.is_gone = 0, False
    load.stop_at = len(load.history)
    with server(serving(load.kind, journal)) as (_, address):
        asyncio.run(rage(load, address))
        known = len([it for it in load.history if it.adds])
        load.stop_at = len(load.history) + 10 * WALLETS
        asyncio.run(rage(load, address))
    assert violations(load.history) == []
    assert known > 0
    if load.kind.project == "converter":
        assert asyncio.run(logged(journal)) == Counter(it.counter for it in load.history if it.adds)


def kill_the_runtime(kind: Kind, journal: str) -> None:
    load = Load(kind, seeded())
    for _ in range(RUNS):
        with server(serving(kind, journal)) as (process, address):
            load.kill_at = len(load.history) + load.chance.randrange(20, 500)
            load.stop_at, load.is_gone = load.kill_at + 10**6, False

            def crash(process: subprocess.Popen[str] = process) -> None:
                load.is_gone = True
                process.kill()

            load.kill = crash
            asyncio.run(rage(load, address))
    concluded(load, journal)


def kill_the_store(kind: Kind, journal: str, kill: Callable[[], None], start: Callable[[], None]) -> None:
    """The runtime lives on, and has to go on by itself."""
    load = Load(kind, seeded())
    with server(serving(kind, journal)) as (process, address):
        for _ in range(RUNS):
            load.kill_at = len(load.history) + load.chance.randrange(20, 300)
            load.stop_at = load.kill_at + 200

            def crash() -> None:
                kill()
                asyncio.get_running_loop().run_in_executor(None, start)

            load.kill = crash
            asyncio.run(rage(load, address))
        assert process.poll() is None
    concluded(load, journal)


@contextmanager
def database() -> Iterator[tuple[PostgreSQL, str]]:
    with postgresql() as running:
        yield running, running.url


@contextmanager
def messaging(nodes: int) -> Iterator[tuple[list[Nats], str]]:
    with nats(nodes) as running:
        yield running, url(running, "WALLETS", replicas=str(nodes))


@pytest.mark.parametrize("kind", [wallets, counters])
def test_sqlite_and_the_runtime_is_killed(kind: Callable[[], Kind], tmp_path: Path) -> None:
    kill_the_runtime(kind(), f"sqlite:{tmp_path}/w.db")


@pytest.mark.parametrize("kind", [wallets, counters])
def test_postgresql_and_the_runtime_is_killed(kind: Callable[[], Kind]) -> None:
    with database() as (_, journal):
        kill_the_runtime(kind(), journal)


@pytest.mark.parametrize("kind", [wallets, counters])
def test_postgresql_is_killed(kind: Callable[[], Kind]) -> None:
    with database() as (running, journal):
        kill_the_store(kind(), journal, running.kill, running.start)


@pytest.mark.parametrize("nodes", [1, 3])
def test_jetstream_and_the_runtime_is_killed(nodes: int) -> None:
    with messaging(nodes) as (_, journal):
        kill_the_runtime(wallets(), journal)


@pytest.mark.parametrize("nodes", [1, 3])
def test_a_node_of_jetstream_is_killed(nodes: int) -> None:
    with messaging(nodes) as (running, journal):
        victims = count()

        def kill() -> None:
            running[next(victims) % nodes].kill()

        def start() -> None:
            for node in running:
                node.revive()

        kill_the_store(wallets(), journal, kill, start)
