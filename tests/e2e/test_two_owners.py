"""Two owners that both believe in their shard: the stale one is fenced every time, and no writes are mixed.

Each run is seeded: how much the first owner writes, when the second takes over and loads the entity, and in which order
both go on. Each owner has connections of its own, as processes have. ``OWNERS=1000`` makes as many runs.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.servers.nats import Nats, nats, url
from tests.servers.postgresql import PostgreSQL, postgresql

from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.journal import (
    AppendEvents,
    EntityKey,
    Fence,
    Fenced,
    Journal,
    MemoryJournal,
    WriteValue,
    open_journal,
)
from cloudstate.runtime.payload import Payload

RUNS = int(os.environ.get("OWNERS", "100"))
SHARD = "cart/7"


@pytest.fixture(scope="module")
def database() -> Iterator[PostgreSQL]:
    with postgresql() as running:
        yield running


@pytest.fixture(scope="module")
def messaging() -> Iterator[list[Nats]]:
    with nats() as running:
        yield running


@pytest.fixture(params=["memory", "sqlite", "postgresql", "jetstream"])
async def owners(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Journal, Journal]]:
    clock = SystemClock()
    if request.param == "memory":
        shared: Journal = MemoryJournal(clock)
        made = shared, shared
    elif request.param == "sqlite":
        shared = open_journal(f"sqlite:{tmp_path}/j.db", clock)
        made = shared, shared
    elif request.param == "postgresql":
        address = request.getfixturevalue("database").url
        made = open_journal(address, clock), open_journal(address, clock)
    else:
        address = url(request.getfixturevalue("messaging"), "OWNERS")
        made = open_journal(address, clock), open_journal(address, clock)
    for journal in dict.fromkeys(made):
        await journal.open()
    yield made
    for journal in dict.fromkeys(made):
        await journal.close()


def event(owner: str, number: int) -> Payload:
    return Payload("t/Event", f"{owner}{number}".encode())


Append = Callable[[EntityKey, int, str, int, Fence], AppendEvents | WriteValue]


def events(key: EntityKey, expected: int, owner: str, number: int, fence: Fence) -> AppendEvents:
    return AppendEvents(key, expected, (event(owner, number),), fence=fence)


def values(key: EntityKey, expected: int, owner: str, number: int, fence: Fence) -> WriteValue:
    return WriteValue(key, expected, event(owner, number), fence=fence)


@pytest.mark.parametrize("append", [events, values])
async def test_the_stale_owner_is_fenced(owners: tuple[Journal, Journal], append: Append) -> None:
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(2**32))
    print(f"SEED={seed}")
    chance, numbers = random.Random(seed), count()
    for _ in range(RUNS):
        await take_turns(*owners, EntityKey("cart", f"{append.__name__}-{seed}-{next(numbers)}"), chance, append)


async def take_turns(stale: Journal, owner: Journal, key: EntityKey, chance: random.Random, append: Append) -> None:
    old = await stale.take_over(SHARD)
    written = chance.randrange(4)
    for number in range(written):
        assert await stale.append(append(key, number, "a", number, old)) == number + 1
    new = await owner.take_over(SHARD)
    assert new.epoch == old.epoch + 1
    loaded = owner.load(key, fence=new) if append is events else owner.load_value(key, fence=new)
    assert (await loaded).sequence == written

    async def go_on_as_stale() -> list[BaseException | int]:
        results: list[BaseException | int] = []
        for number in range(chance.randint(1, 4)):
            results += await asyncio.gather(
                stale.append(append(key, written + number, "a", number, old)), return_exceptions=True
            )
        return results

    async def go_on() -> list[int]:
        return [
            await owner.append(append(key, written + number, "b", number, new))
            for number in range(chance.randint(1, 4))
        ]

    work: list[Coroutine[Any, Any, list[Any]]] = [go_on_as_stale(), go_on()]
    chance.shuffle(work)
    first, second = await asyncio.gather(*work)
    fenced, right = (first, second) if any(isinstance(it, Fenced) for it in first) else (second, first)
    assert all(isinstance(it, Fenced) for it in fenced), fenced
    assert right == list(range(written + 1, written + len(right) + 1))
    if append is events:
        history = [it.payload for it in (await owner.load(key)).events]
        assert history == [event("a", n) for n in range(written)] + [event("b", n) for n in range(len(right))]
    else:
        assert (await owner.load_value(key)).payload == event("b", len(right) - 1)
