"""Which appends are committed together, and what happens when too many wait."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest
from tests.unit.runtime.journal.sqlite_files import CART, EVENT, fill, indexed, opened, scanned, wal_size

from cloudstate.runtime.journal import (
    AppendEvents,
    EntityKey,
    JournalUnavailable,
    SqliteJournal,
    WriteValue,
    WrongExpectedSequence,
)
from cloudstate.runtime.journal.sqlite import SqliteSettings
from cloudstate.runtime.journal.sqlite.disk import KernelDisk, Synced, ThreadDisk
from cloudstate.runtime.payload import Payload

Mode = Literal["auto", "thread"]
modes = pytest.mark.parametrize("mode", ["auto", "thread"])


class ManualClock:
    """Both readings are what the test says."""

    def __init__(self, now: float) -> None:
        self.now = now

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


def append(journal: SqliteJournal, number: int, size: int = 10) -> asyncio.Future[int]:
    """The first event of another entity."""
    return journal.append(AppendEvents(EntityKey("cart", str(number)), 0, (Payload("t", bytes(size)),)))


class ManualDisk:
    """Syncs end when the test says so."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._done: Synced | None = None
        self._asked = asyncio.Event()
        self._patch = patch
        for kind in (KernelDisk, ThreadDisk):
            patch.setattr(kind, "sync", lambda disk, done: self._sync(done))

    def _sync(self, done: Synced) -> None:
        self._done = done
        self._asked.set()

    async def asked(self) -> None:
        """Wait until a sync is asked for."""
        async with asyncio.timeout(10):
            await self._asked.wait()
        self._asked.clear()

    def answer(self, error: OSError | None) -> None:
        assert self._done is not None
        self._done(error)

    def undo(self) -> None:
        self._patch.undo()


@modes
async def test_what_waits_in_one_turn_is_one_commit(tmp_path: Path, mode: Mode) -> None:
    async with opened(tmp_path / "j.db", sync=mode) as journal:
        await asyncio.gather(*(append(journal, number) for number in range(500)))
        assert journal.commits == 1


@modes
async def test_what_arrives_during_a_commit_is_the_next(tmp_path: Path, mode: Mode) -> None:
    async with opened(tmp_path / "j.db", sync=mode) as journal:

        async def appender(number: int) -> None:
            for sequence in range(20):
                await journal.append(AppendEvents(EntityKey("cart", str(number)), sequence, (EVENT,)))

        await asyncio.gather(*(appender(number) for number in range(64)))
        assert journal.commits <= 40


async def test_one_append_is_not_delayed_for_others(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db") as journal:
        for sequence in range(5):
            await journal.append(AppendEvents(CART, sequence, (EVENT,)))
        assert journal.commits == 5


async def test_a_batch_is_bounded_in_number(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db", max_batch=100) as journal:
        await asyncio.gather(*(append(journal, number) for number in range(1000)))
        assert journal.commits == 10


async def test_a_batch_is_bounded_in_bytes(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db", max_batch_bytes=1000) as journal:
        await asyncio.gather(*(append(journal, number, size=400) for number in range(30)))
        assert journal.commits == 10


async def test_refused_appends_cost_no_commit(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db") as journal:
        with pytest.raises(WrongExpectedSequence):
            await journal.append(AppendEvents(CART, 3, (EVENT,)))
        assert journal.commits == 0


@modes
async def test_too_many_are_refused_and_the_others_written(tmp_path: Path, mode: Mode) -> None:
    async with opened(tmp_path / "j.db", sync=mode, max_waiting=50) as journal:
        results = await asyncio.gather(*(append(journal, number) for number in range(80)), return_exceptions=True)
        assert results[:50] == [1] * 50
        for refused in results[50:]:
            assert isinstance(refused, JournalUnavailable)
            assert refused.retry_safe is True
            assert "50 appends" in str(refused)
        assert await append(journal, 79) == 1


async def test_too_many_bytes_are_refused_but_one_append_always_fits(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db", max_waiting_bytes=1000) as journal:
        assert await append(journal, 1, size=5000) == 1
        results = await asyncio.gather(*(append(journal, n, size=300) for n in range(2, 8)), return_exceptions=True)
        assert [isinstance(result, JournalUnavailable) for result in results] == [False] * 3 + [True] * 3


async def test_the_loop_goes_on_while_the_disk_is_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = ManualDisk(monkeypatch)
    async with opened(tmp_path / "j.db") as journal:
        first = append(journal, 0)
        await syncs.asked()
        others = [append(journal, number) for number in range(1, 100)]
        assert (await journal.load(EntityKey("cart", "other"))).sequence == 0
        assert not first.done()
        syncs.answer(None)
        assert await first == 1
        await syncs.asked()
        assert not any(future.done() for future in others)
        syncs.answer(None)
        assert await asyncio.gather(*others) == [1] * 99
        assert journal.commits == 2
        syncs.undo()


async def test_a_disk_that_fails_to_sync_ends_all_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    syncs = ManualDisk(monkeypatch)
    async with opened(tmp_path / "j.db") as journal:
        unknown = append(journal, 0)
        await syncs.asked()
        waiting = append(journal, 1)
        syncs.answer(OSError(5, "Input/output error"))
        with pytest.raises(JournalUnavailable, match=r"failed to keep.*Input/output error") as raised:
            await unknown
        assert raised.value.retry_safe is None
        for refused in (waiting, append(journal, 2)):
            with pytest.raises(JournalUnavailable, match="start the runtime again") as raised:
                await refused
            assert raised.value.retry_safe is True
        assert caplog.text.count("appends are refused") == 1
        syncs.undo()
    async with opened(tmp_path / "j.db") as journal:
        assert await append(journal, 2) == 1


async def test_what_a_failed_sync_may_have_lost_is_shown_to_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path / "j.db") as journal:
        await journal.append(WriteValue(CART, 0, Payload("t", b"old")))
        syncs = ManualDisk(monkeypatch)
        unknown = journal.append(WriteValue(CART, 1, Payload("t", b"new")))
        await syncs.asked()
        syncs.answer(OSError(5, "Input/output error"))
        with pytest.raises(JournalUnavailable, match="failed to keep"):
            await unknown
        for read in (journal.load, journal.load_value):
            with pytest.raises(JournalUnavailable, match="start the runtime again"):
                await read(CART)
        syncs.undo()
    async with opened(tmp_path / "j.db") as journal:
        assert (await journal.load_value(CART)).sequence in (1, 2)


@modes
async def test_time_of_every_record_is_kept(tmp_path: Path, mode: Mode) -> None:
    clock = ManualClock(1_700_000_000.25)
    journal = SqliteJournal(tmp_path / "j.db", clock, SqliteSettings(sync=mode))
    await journal.open()
    await journal.append(AppendEvents(CART, 0, (EVENT,)))
    clock.now += 1
    await journal.append(AppendEvents(CART, 1, (EVENT,), EVENT))
    await journal.close()
    with closing(sqlite3.connect(tmp_path / "j.db")) as connection:
        assert connection.execute("SELECT time FROM event").fetchall() == [
            (1_700_000_000_250_000,),
            (1_700_000_001_250_000,),
        ]
        assert connection.execute("SELECT time FROM state").fetchall() == [(1_700_000_001_250_000,)]


@modes
async def test_write_ahead_log_stays_bounded_under_load(tmp_path: Path, mode: Mode) -> None:
    path = tmp_path / "j.db"
    limits = {"checkpoint_every": 100_000, "wal_limit": 200_000}
    async with opened(path, sync=mode, **limits) as journal:
        largest = 0
        for sequence in range(400):
            await asyncio.gather(
                *(
                    journal.append(AppendEvents(EntityKey("c", str(n)), sequence, (Payload("t", bytes(1000)),)))
                    for n in range(8)
                )
            )
            largest = max(largest, wal_size(path))
        assert largest < 2_500_000, "8 KB a commit for 400 commits, and the limit is 200 KB"
    assert wal_size(path) == 0


async def test_failing_upkeep_does_not_stop_appends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "j.db"
    async with opened(path, index_lag=10, checkpoint_every=1) as journal:
        await fill(journal, 30, 3)
        with monkeypatch.context() as patch:
            patch.setattr("cloudstate.runtime.journal.sqlite.index._WRITE", "INSERT INTO nowhere VALUES (?, ?, ?, ?)")
            sequence = 0
            async with asyncio.timeout(10):
                while "will be tried again" not in caplog.text:
                    sequence = await journal.append(AppendEvents(CART, sequence, (EVENT,)))
        assert (await journal.load(CART)).sequence == sequence
    assert indexed(path) == scanned(path)
