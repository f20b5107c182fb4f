"""How fast entities come back from a SQLite journal: ``python -m tests.bench.recovery``.

An entity of 10,000 events: with a snapshot every 100 the time until it is ready, without snapshots how many events a
second are read, decoded and folded.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.processes import ROOT

from cloudstate.runtime.app.loading import load_functions
from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.description import load
from cloudstate.runtime.function.event_sourced import EmbeddedEventSourced
from cloudstate.runtime.journal import AppendEvents, EntityKey, SqliteJournal
from cloudstate.runtime.payload import PROTOBUF_PREFIX, Payload

EVENTS = 10_000
ENTITIES = 20
ROUNDS = 50


async def measure(path: Path) -> tuple[float, float, float]:
    """Milliseconds with snapshots (median, 99th percentile), and events a second without."""
    description = load(ROOT / "generated" / "converter")
    functions = load_functions(description, ROOT / "generated" / "converter", ROOT / "specs" / "converter")
    [counter] = [it for it in functions.entities if isinstance(it, EmbeddedEventSourced)]
    [fold] = counter.folds_by_url.values()
    event = Payload(fold.type_url, fold.parse(b"").SerializeToString() or b"")
    journal = SqliteJournal(path, SystemClock())
    await journal.open()
    snapshot = Payload(PROTOBUF_PREFIX + counter.state_type.DESCRIPTOR.full_name, b"")
    for number in range(ENTITIES):
        for first in range(0, EVENTS, 100):
            for kind, state in (("with", snapshot), ("without", None)):
                key = EntityKey(kind, str(number))
                await journal.append(AppendEvents(key, first, (event,) * 100, state, counter.state_schema))
        await journal.append(AppendEvents(EntityKey("with", str(number)), EVENTS, (event,) * 99))
    await journal.close()
    await journal.open()
    times = []
    for number in range(ENTITIES * ROUNDS):
        started = time.perf_counter()
        assert await counter.instance(EntityKey("with", str(number % ENTITIES))).start(journal) == EVENTS + 99
        times.append((time.perf_counter() - started) * 1000)
    rates = []
    for number in range(ENTITIES):
        started = time.perf_counter()
        assert await counter.instance(EntityKey("without", str(number))).start(journal) == EVENTS
        rates.append(EVENTS / (time.perf_counter() - started))
    await journal.close()
    return statistics.median(times), statistics.quantiles(times, n=100)[98], statistics.median(rates)


def main() -> int:
    """Measure, print, and say whether the promises hold."""
    with tempfile.TemporaryDirectory() as directory:
        median, late, rate = asyncio.run(measure(Path(directory) / "j.db"))
    print(f"{EVENTS} events, a snapshot every 100: {median:.2f} ms, p99 {late:.2f} ms")
    print(f"{EVENTS} events without a snapshot: {rate:,.0f} events/s")
    promises = {"p99 < 5 ms with snapshots": late < 5, ">= 200,000 events/s without": rate >= 200_000}
    for promise, kept in promises.items():
        print(f"{'kept  ' if kept else 'BROKEN'} {promise}")
    return 0 if all(promises.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
