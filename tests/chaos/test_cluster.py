"""Real members, real NATS, a real journal: whatever happens to them, clients see one entity each.

Every history is judged: linearizable, nothing acknowledged is lost, nothing is done twice. ``RUNS=50 python -m pytest
tests/chaos`` takes longer; ``SEED`` repeats what clients do.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
from tests.chaos.fleet import Fleet, fleet
from tests.chaos.load import Clients
from tests.counting import Kind, counters, wallets
from tests.servers.nats import Nats, nats, url
from tests.servers.postgresql import postgresql

RUNS = int(os.environ.get("RUNS", "1"))
#: Of ``Lease``, in seconds.
LEASE = 3.0


@contextmanager
def places(journal: str, nodes: int = 1) -> Iterator[tuple[str, list[Nats]]]:
    """The address of a journal, and NATS servers."""
    with nats(nodes) as servers:
        if journal == "jetstream":
            yield url(servers, "CHAOS", replicas=str(nodes)), servers
        else:
            with postgresql() as database:
                yield database.url, servers


@asynccontextmanager
async def at_work(
    kind: Kind, journal: str, size: int, nodes: int = 1, retries: bool = True
) -> AsyncIterator[tuple[Fleet, Clients, list[Nats]]]:
    """Members with clients at work, which are judged at the end."""
    with places(journal, nodes) as (address, servers):
        async with fleet(kind.project, address, servers, size) as members:
            clients = Clients(members, kind, seed(), retries=retries)
            await clients.all_answer(members.members[0])
            async with clients.at_work():
                await clients.answered(50)
                yield members, clients, servers
            await clients.judge()


def seed() -> int:
    chosen = int(os.environ.get("SEED") or random.SystemRandom().randrange(2**32))
    print(f"SEED={chosen}")
    return chosen


@pytest.mark.parametrize("journal", ["postgresql", "jetstream"])
async def test_an_owner_is_killed(journal: str) -> None:
    async with at_work(wallets(), journal, 3) as (members, clients, _):
        for _ in range(RUNS):
            victim = clients.chance.choice(members.running)
            await victim.kill()
            assert await clients.all_answer(members.running[0]) < LEASE + 2
            await victim.start()
            await clients.answered(50)


@pytest.mark.parametrize("kind", [wallets, counters])
async def test_an_owner_sleeps_past_its_lease(kind: Callable[[], Kind]) -> None:
    async with at_work(kind(), "postgresql", 3) as (members, clients, _):
        for _ in range(RUNS):
            victim = clients.chance.choice(members.running)
            victim.pause()
            await asyncio.sleep(LEASE + 1)
            victim.resume()
            await clients.answered(100)


async def test_a_member_is_cut_off_from_the_others() -> None:
    async with at_work(wallets(), "postgresql", 3) as (members, clients, _):
        for _ in range(RUNS):
            victim = clients.chance.choice(members.running)
            victim.wire.cut()
            await asyncio.sleep(LEASE + 1)
            other = next(member for member in members.running if member is not victim)
            assert await clients.all_answer(other) < LEASE
            victim.wire.mend()
            await clients.answered(100)
            assert await clients.all_answer(victim) < LEASE


async def test_a_node_of_nats_is_killed() -> None:
    async with at_work(wallets(), "jetstream", 3, nodes=3) as (_, clients, servers):
        for run in range(RUNS):
            servers[run % 3].kill()
            await clients.answered(50)
            servers[run % 3].revive()
            await clients.answered(50)


async def test_members_come_and_go_and_clients_see_no_error() -> None:
    """3, 6, 2 members, then each of them is another one."""
    async with at_work(wallets(), "postgresql", 3, retries=False) as (members, clients, _):
        for _ in range(3):
            await members.add()
            await clients.answered(100)
        for member in members.members[:4]:
            await member.stop()
            await clients.answered(100)
        for member in members.running:
            await members.add()
            await member.stop()
            await clients.answered(100)
        assert not clients.errors


async def test_a_drained_member_owns_nothing_and_passes_everything_on() -> None:
    async with at_work(wallets(), "postgresql", 2, retries=False) as (members, clients, _):
        drained = members.members[0]
        await drained.drain()
        assert await asyncio.to_thread(drained.figure, "cloudstate_cluster_shards") == 0
        await clients.answered(50)
        assert await clients.all_answer(drained) < LEASE
        assert await asyncio.to_thread(drained.figure, "cloudstate_cluster_commands_passed_on_total") > 0
        assert not clients.errors
