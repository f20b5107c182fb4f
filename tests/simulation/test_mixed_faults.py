"""Hours of mixed faults on a cluster on which clients count.

``HOURS=200 python -m pytest tests/simulation -k mixed`` simulates 200 hours, one hour for each seed. CI takes minutes.
"""

from __future__ import annotations

import asyncio
import os

import pytest
from tests.simulation.clients import PROGRAM, Clients

from cloudstate.runtime.testing.simulation import World, mixed_faults, seeds, simulate

HOURS = int(os.environ.get("HOURS", "0"))
#: Virtual seconds of faults for each seed.
LONG = 3600.0 if HOURS else 120.0
CORPUS = seeds(range(HOURS or 2))
#: Seconds after which everything has settled once it is healed.
SETTLED = 20.0


@pytest.mark.parametrize("seed", CORPUS)
def test_mixed_faults(seed: int) -> None:
    async def scenario(world: World) -> None:
        for _ in range(world.random.randint(3, 5)):
            world.add_node(PROGRAM)
        await world.ready()
        clients = Clients(world, counters=6)
        running = asyncio.create_task(clients.run(3))
        await mixed_faults(world, LONG)
        clients.finish()
        await running
        await world.ready()
        await clients.settled(list(world.nodes.values()), SETTLED)
        clients.check()
        assert len(clients.history) > LONG

    simulate(seed, scenario)
