"""What members cost and give: ``python -m tests.bench.cluster``. Ratios of one run on this machine.

Two workers against one, value entities in memory, as in ``tests.bench``; and what it costs to ask a member that has to
pass a command on, one call at a time.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Sequence

from tests.bench.load import Figures, run_load
from tests.counting import wallets
from tests.processes import server
from tests.servers.nats import nats, url

from cloudstate.runtime.transport import Channel, Reply

KIND = wallets()
WALLETS = 1000
CALLS = 40_000
#: What the issue asks: two workers to one, and the milliseconds that passing on may add.
RATIO, ADDED = 1.4, 1.0


def run(*more: str) -> list[str]:
    """Arguments that serve wallets from memory."""
    return ["-m", "cloudstate.cli", "run", "specs/wallet", "--journal", "memory:", "--log-level", "ERROR", *more]


def load(address: str, calls: int) -> Figures:
    """Deposits, 64 in flight."""
    path = KIND.add("")[0]
    payloads = [KIND.add(f"w{number}")[1] for number in range(WALLETS)]
    return asyncio.run(
        run_load(
            address,
            path,
            lambda number: payloads[number % WALLETS],
            lambda number, reply: KIND.size(reply) > 0,
            calls=calls,
            connections=16,
            in_flight=4,
        )
    )


def workers(count: int, calls: int) -> Figures:
    """Deposits to so many workers."""
    with server(run("--port", "0", "--workers", str(count))) as (_, address):
        load(address, WALLETS * 4)
        return load(address, calls)


async def _one_by_one(address: str, calls: int) -> list[list[float]]:
    """Seconds that reads took, one at a time, by wallet."""
    channel = await Channel.connect(address)
    took: list[list[float]] = [[] for _ in range(100)]
    for number in range(calls):
        path, payload = (KIND.add if number < 100 else KIND.read)(f"w{number % 100}")
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        begin = time.perf_counter()
        channel.start_unary(path, payload, (), None, answer.set_result)
        assert isinstance(await answer, Reply)
        if number >= 100:
            took[number % 100].append(time.perf_counter() - begin)
    await channel.close()
    return took


def passed_on(calls: int) -> tuple[float, float]:
    """Median milliseconds of a read at the member that has the entity, and at the other one."""
    with nats() as servers:
        more = ("--port", "0", "--cluster", f"nats://127.0.0.1:{servers[0].port}", "--journal", url(servers, "BENCH"))
        with server(run(*more)) as (_, one), server(run(*more)) as (_, two):
            sides = [asyncio.run(_one_by_one(address, calls)) for address in (one, two)]
    medians = [[statistics.median(took) for took in side] for side in sides]
    here = [min(pair) for pair in zip(*medians, strict=True)]
    there = [max(pair) for pair in zip(*medians, strict=True)]
    return statistics.median(here) * 1000, statistics.median(there) * 1000


def main(arguments: Sequence[str]) -> int:
    """Measure, print, judge."""
    calls = int(arguments[0]) if arguments else CALLS
    one, two = workers(1, calls), workers(2, calls)
    print(one.row("Deposit, in memory, one process"))
    print(two.row("Deposit, in memory, two workers"))
    ratio = two.rate / one.rate
    print(f"two workers to one: {ratio:.2f} ({RATIO} asked){'' if ratio >= RATIO else '  BROKEN'}")
    here, there = passed_on(calls // 10)
    added = there - here
    print(f"GetBalance, one at a time: {here:.2f} ms where the entity is, {there:.2f} ms passed on")
    print(f"passing on adds {added:.2f} ms ({ADDED} allowed){'' if added <= ADDED else '  BROKEN'}")
    return 0 if ratio >= RATIO and added <= ADDED else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
