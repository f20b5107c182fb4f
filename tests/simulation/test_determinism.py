"""A seed decides a whole run, whatever the process that it runs in."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

from tests.simulation.clients import PROGRAM, Clients

from cloudstate.runtime.testing.simulation import Rates, World, mixed_faults, simulate


def checksum(seed: int) -> int:
    """Of everything that was noted in half a minute of many faults."""

    async def scenario(world: World) -> int:
        for _ in range(3):
            world.add_node(PROGRAM)
        clients = Clients(world)
        await world.ready()
        running = asyncio.create_task(clients.run(3))
        await mixed_faults(world, 30, Rates(kill=300, pause=300, cut=300, loss=300))
        clients.finish()
        await running
        return world.trace.checksum

    return simulate(seed, scenario)


def test_a_seed_gives_the_same_run_in_any_process() -> None:
    code = "from tests.simulation.test_determinism import checksum; print(checksum(3))"
    path = os.pathsep.join([".", *filter(None, sys.path)])
    other = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": path},
        check=True,
        capture_output=True,
        text=True,
    )
    assert other.stdout == f"{checksum(3)}\n"
    assert checksum(3) != checksum(4)
