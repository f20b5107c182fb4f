"""The load generator: closed loop, a fixed number of calls in flight per connection, every reply checked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from cloudstate.runtime.transport import Channel, Outcome, Reply


@dataclass
class Figures:
    """What one run measured; latencies in seconds."""

    calls: int
    seconds: float
    latencies: list[float] = field(repr=False)

    @property
    def rate(self) -> float:
        """Calls per second."""
        return self.calls / self.seconds

    def percentile(self, p: float) -> float:
        """The latency in milliseconds that p percent of the calls stayed within."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))] * 1000

    def row(self, name: str) -> str:
        """One line of the report."""
        p50, p99, worst = self.percentile(50), self.percentile(99), self.percentile(100)
        return f"{name:<44} {self.rate:>9,.0f}/s   p50 {p50:6.2f} ms   p99 {p99:6.2f} ms   max {worst:7.2f} ms"


class _Worker:
    """One call in flight at a time on one channel, back to back."""

    def __init__(self, run: _Run, channel: Channel) -> None:
        self.run = run
        self.channel = channel
        self.number = 0
        self.started = 0.0

    def next(self) -> None:
        self.number = self.run.take()
        if self.number < 0:
            return
        self.started = time.perf_counter()
        self.channel.start_unary(self.run.path, self.run.payload(self.number), (), None, self.done)

    def done(self, outcome: Outcome) -> None:
        self.run.record(self.number, time.perf_counter() - self.started, outcome)
        self.next()


class _Run:
    def __init__(
        self, path: str, payload: Callable[[int], bytes], check: Callable[[int, bytes], bool], calls: int
    ) -> None:
        self.path = path
        self.payload = payload
        self.check = check
        self.calls = calls
        self.taken = 0
        self.latencies: list[float] = []
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(self) -> int:
        if self.taken >= self.calls:
            return -1
        self.taken += 1
        return self.taken - 1

    def record(self, number: int, latency: float, outcome: Outcome) -> None:
        if self.over.done():
            return
        if not isinstance(outcome, Reply):
            self.over.set_exception(outcome)
        elif not self.check(number, outcome.payload):
            self.over.set_exception(AssertionError(f"call {number}: unexpected reply {outcome.payload!r}"))
        else:
            self.latencies.append(latency)
            if len(self.latencies) == self.calls:
                self.over.set_result(None)


async def run_load(
    target: str,
    path: str,
    payload: Callable[[int], bytes],
    check: Callable[[int, bytes], bool],
    *,
    calls: int,
    connections: int,
    in_flight: int,
) -> Figures:
    """Make ``calls`` calls over ``connections`` connections with ``in_flight`` unanswered calls on each.

    Raises:
        CallFailed: a call failed.
        AssertionError: a reply was not what ``check`` wanted.
    """
    channels = [await Channel.connect(target) for _ in range(connections)]
    run = _Run(path, payload, check, calls)
    started = time.perf_counter()
    for channel in channels:
        for _ in range(in_flight):
            _Worker(run, channel).next()
    async with asyncio.timeout(300):
        await run.over
    seconds = time.perf_counter() - started
    for channel in channels:
        await channel.close()
    return Figures(calls, seconds, run.latencies)
