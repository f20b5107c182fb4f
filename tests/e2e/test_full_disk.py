"""A disk that is full, and a clock that is set back: nothing is lost, and writing goes on by itself."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudstate.runtime.journal import AppendEvents, EntityKey, Journal, JournalUnavailable, MemoryJournal
from cloudstate.runtime.journal.sqlite import SqliteJournal
from cloudstate.runtime.payload import Payload

EVENT = Payload("t/Event", bytes(20_000))
ANN = EntityKey("cart", "ann")


class HandClock:
    """A clock that the test sets."""

    now = 1_700_000_000.0

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return 0.0


async def fill(journal: Journal) -> tuple[int, JournalUnavailable]:
    """Append until that is refused; how many were acknowledged, and the refusal."""
    for acknowledged in range(1000):
        try:
            await journal.append(AppendEvents(ANN, acknowledged, (EVENT,)))
        except JournalUnavailable as refusal:
            return acknowledged, refusal
    raise AssertionError("the disk was never full")


def make_room(disk: Path) -> None:
    """Somebody makes room: here by a larger disk."""
    subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", place], check=True)


async def test_a_disk_that_is_full(small_disk: Path) -> None:
    journal = SqliteJournal(small_disk / "j.db", HandClock())
    await journal.open()
    acknowledged, refusal = await fill(journal)
    assert refusal.retry_safe
    assert "disk" in str(refusal)
    assert (await journal.load(ANN)).sequence == acknowledged > 0
    await journal.close()

    make_room(small_disk)
    journal = SqliteJournal(small_disk / "j.db", HandClock())
    await journal.open()
    assert (await journal.load(ANN)).sequence == acknowledged
    assert await journal.append(AppendEvents(ANN, acknowledged, (EVENT,))) == acknowledged + 1
    await journal.close()


async def test_room_that_is_made_while_the_runtime_runs(small_disk: Path) -> None:
    journal = SqliteJournal(small_disk / "j.db", HandClock())
    await journal.open()
    acknowledged, _ = await fill(journal)
    make_room(small_disk)
    assert await journal.append(AppendEvents(ANN, acknowledged, (EVENT,))) == acknowledged + 1
    assert (await journal.load(ANN)).sequence == acknowledged + 1
    await journal.close()


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_a_clock_that_is_set_back(tmp_path: Path, kind: str) -> None:
    """Times are for people: order and offsets do not come from them."""
    clock = HandClock()
    journal: Journal = MemoryJournal(clock) if kind == "memory" else SqliteJournal(tmp_path / "j.db", clock)
    await journal.open()
    for sequence in range(3):
        await journal.append(AppendEvents(ANN, sequence, (EVENT,)))
        clock.now -= 3600.0
    page = await journal.read("", 0, 10)
    assert [logged.sequence for logged in page.events] == [1, 2, 3]
    assert [logged.time for logged in page.events] == [1_700_000_000.0, 1_699_996_400.0, 1_699_992_800.0]
    await journal.close()
