"""The SQLite journal alone: ``python -m tests.bench.journal [--seconds S] [--directory D]``.

A closed loop: a number of appenders, each with one append in flight. Every sequence is checked. Latency is from the
call of ``append`` to its acknowledgement on the loop. ``work`` is time that each append costs the loop besides, as the
transport and the entity do; without it the loop has nothing to do while another thread waits for the disk.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from tests.bench.load import Figures

from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.journal import AppendEvents, EntityKey, Journal, SqliteJournal, WriteValue
from cloudstate.runtime.journal.sqlite import SqliteSettings
from cloudstate.runtime.payload import Payload

T = TypeVar("T")

EVENT = Payload("type.googleapis.com/com.example.ItemAdded", bytes(range(60)))
STATE = Payload("type.googleapis.com/com.example.Cart", bytes(400))

#: What an appender writes: the next append of an entity at a sequence.
Write = Callable[[EntityKey, int], AppendEvents | WriteValue]


def write_event(entity: EntityKey, sequence: int) -> AppendEvents:
    """One event, and a snapshot after every hundred."""
    return AppendEvents(entity, sequence, (EVENT,), STATE if sequence % 100 == 99 else None)


def write_value(entity: EntityKey, sequence: int) -> WriteValue:
    """One value."""
    return WriteValue(entity, sequence, STATE)


class Appenders:
    """``in_flight`` appenders that write to random ones of their own entities until the time is over.

    Args:
        work: microseconds of the loop's time that each append costs besides the journal, as commands do.
    """

    def __init__(self, journal: Journal, write: Write, *, in_flight: int, entities: int, work: float = 0) -> None:
        self._journal = journal
        self._write = write
        self._work = work / 1_000_000
        self._sequences = [0] * max(entities, in_flight)
        self._in_flight = in_flight
        self._random = random.Random(1)
        self._latencies: list[float] = []
        self._running = 0
        self._end = 0.0

    async def run(self, seconds: float) -> Figures:
        """Append for so long; calls that are in flight at the end are waited for."""
        self._latencies = []
        self._done = asyncio.get_running_loop().create_future()
        self._running = self._in_flight
        started = time.perf_counter()
        self._end = started + seconds
        for appender in range(self._in_flight):
            self._next(appender)
        await self._done
        return Figures(len(self._latencies), time.perf_counter() - started, self._latencies)

    def _next(self, appender: int) -> None:
        started = time.perf_counter()
        if started >= self._end:
            self._running -= 1
            if not self._running:
                self._done.set_result(None)
            return
        while time.perf_counter() < started + self._work:
            pass
        own = len(self._sequences) // self._in_flight
        number = appender + self._in_flight * self._random.randrange(own)
        sequence = self._sequences[number]
        started = time.perf_counter()

        def acknowledged(future: asyncio.Future[int]) -> None:
            assert future.result() == sequence + 1
            self._sequences[number] = sequence + 1
            self._latencies.append(time.perf_counter() - started)
            self._next(appender)

        entity = EntityKey("cart", f"user-{number}")
        self._journal.append(self._write(entity, sequence)).add_done_callback(acknowledged)


async def throughput(
    path: Path, write: Write, *, in_flight: int, entities: int, seconds: float, settings: SqliteSettings, work: float
) -> Figures:
    """Appends per second and their latencies on a new file, after a second to warm up."""
    journal = SqliteJournal(path, SystemClock(), settings)
    await journal.open()
    try:
        appenders = Appenders(journal, write, in_flight=in_flight, entities=entities, work=work)
        await appenders.run(min(1.0, seconds))
        return await appenders.run(seconds)
    finally:
        await journal.close()


async def filled(path: Path, entities: int, events: int, settings: SqliteSettings) -> SqliteJournal:
    """An open journal in which so many entities have so many events each, written in turns."""
    journal = SqliteJournal(path, SystemClock(), settings)
    await journal.open()
    for sequence in range(events):
        for first in range(0, entities, 1000):
            numbers = range(first, min(first + 1000, entities))
            keys = (EntityKey("cart", f"user-{number}") for number in numbers)
            await asyncio.gather(*(journal.append(AppendEvents(key, sequence, (EVENT,))) for key in keys))
    return journal


async def loads(journal: Journal, entities: int, count: int) -> float:
    """Loads per second of random entities, one after the other."""
    pick = random.Random(2)
    started = time.perf_counter()
    for _ in range(count):
        await journal.load(EntityKey("cart", f"user-{pick.randrange(entities)}"))
    return count / (time.perf_counter() - started)


async def long_history(journal: Journal, events: int) -> tuple[float, float]:
    """Events per second of loading a long history (the median of some), and the longest wait of the loop meanwhile."""
    entity = EntityKey("cart", "long")
    for sequence in range(0, events, 100):
        await journal.append(AppendEvents(entity, sequence, (EVENT,) * 100))
    rates, stall = [], 0.0
    for _ in range(9):
        watch = asyncio.create_task(_longest_wait(stop := asyncio.Event()))
        started = time.perf_counter()
        history = await journal.load(entity)
        rates.append(events / (time.perf_counter() - started))
        assert len(history.events) == events
        stop.set()
        stall = max(stall, await watch)
    return sorted(rates)[len(rates) // 2], stall


async def _longest_wait(stop: asyncio.Event) -> float:
    longest, before = 0.0, time.perf_counter()
    while not stop.is_set():
        await asyncio.sleep(0)
        now = time.perf_counter()
        longest, before = max(longest, now - before), now
    return longest


async def recovery(path: Path, settings: SqliteSettings) -> tuple[int, float, float]:
    """Seconds to open a journal after a crash that came when the index lagged as far behind as it may.

    Returns:
        the records to read again, the seconds to open with them, and with the index to be made anew.
    """
    entities, events = 20_000, 5
    await (await filled(path, entities, events, settings)).close()
    # The files of a crash: the index is that of before the last records.
    saved = {file: file.read_bytes() for file in path.parent.glob(path.name + "-index*")}
    journal = SqliteJournal(path, SystemClock(), settings)
    await journal.open()
    behind = min(settings.index_lag, entities) - 1
    for first in range(0, behind, 1000):
        keys = (EntityKey("cart", f"user-{number}") for number in range(first, min(first + 1000, behind)))
        await asyncio.gather(*(journal.append(AppendEvents(key, events, (EVENT,))) for key in keys))
    await journal.close()
    for file, content in saved.items():
        file.write_bytes(content)
    tail = await _opened_in(path, settings)
    path.with_name(path.name + "-index").unlink()
    return behind, tail, await _opened_in(path, settings)


async def _opened_in(path: Path, settings: SqliteSettings) -> float:
    journal = SqliteJournal(path, SystemClock(), settings)
    started = time.perf_counter()
    await journal.open()
    seconds = time.perf_counter() - started
    await journal.close()
    return seconds


def _run(work: Coroutine[Any, Any, T]) -> T:
    with suppress(ImportError):
        import uvloop

        return uvloop.run(work)
    return asyncio.run(work)


#: name, what is written, appends in flight, entities, microseconds of other work.
SHAPES: list[tuple[str, Write, int, int, float]] = [
    ("1 event, 1 in flight", write_event, 1, 1000, 0),
    ("1 event, 64 in flight", write_event, 64, 1000, 0),
    ("1 event, 256 in flight", write_event, 256, 1000, 0),
    ("1 event, 64 in flight, 20 us work", write_event, 64, 1000, 20),
    ("1 event, 64 in flight, 200,000 entities", write_event, 64, 200_000, 0),
    ("1 event, 64 in flight, 200,000 entities, 20 us work", write_event, 64, 200_000, 20),
    ("value of 400 bytes, 64 in flight", write_value, 64, 1000, 0),
]
MODES: tuple[Literal["auto", "thread"], ...] = ("auto", "thread")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.journal", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4, help="of each measurement")
    parser.add_argument("--directory", type=Path, help="where the journals are; it decides which disk is measured")
    options = parser.parse_args()
    for name, write, in_flight, entities, work in SHAPES:
        for mode in MODES:
            settings = SqliteSettings(sync=mode)
            with tempfile.TemporaryDirectory(dir=options.directory) as directory:
                figures = _run(
                    throughput(
                        Path(directory) / "j.db",
                        write,
                        in_flight=in_flight,
                        entities=entities,
                        seconds=options.seconds,
                        settings=settings,
                        work=work,
                    )
                )
            print(figures.row(f"{name}, sync: {mode}"), flush=True)
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        _run(_reads(Path(directory)))


async def _reads(directory: Path) -> None:
    settings = SqliteSettings()
    journal = await filled(directory / "loads.db", 50_000, 5, settings)
    print(f"loads of 5 events each: {await loads(journal, 50_000, 5000):,.0f}/s")
    print(f"loads of entities that are new: {await loads(journal, 10**12, 5000):,.0f}/s")
    rate, stall = await long_history(journal, 10_000)
    print(f"load of 10,000 events: {rate:,.0f} events/s, the loop waits at most {stall * 1000:.1f} ms")
    await journal.close()
    records, tail, whole = await recovery(directory / "crash.db", replace(settings, index_lag=20_000))
    print(f"opening after a crash with {records:,} records not indexed: {tail:.3f} s; without index: {whole:.3f} s")


if __name__ == "__main__":
    main()
