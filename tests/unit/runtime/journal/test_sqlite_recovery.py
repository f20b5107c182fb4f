"""The index behind the log: after a crash, or without one, it becomes what a scan of the log says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.unit.runtime.journal.sqlite_files import (
    CART,
    EVENT,
    STATE,
    crashed,
    fill,
    indexed,
    load_all,
    opened,
    scanned,
)

from cloudstate.runtime.journal import AppendEvents, EntityKey, WriteValue
from cloudstate.runtime.journal.sqlite import recovery


async def test_closing_leaves_a_complete_index(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with opened(path) as journal:
        await fill(journal, 20, 7)
        await journal.append(WriteValue(CART, 0, STATE))
    assert indexed(path) == scanned(path)
    assert len(indexed(path)) == 21


@pytest.mark.parametrize("index_lag", [1, 10, 100, 1_000_000])
async def test_crash_with_any_lag(tmp_path: Path, index_lag: int) -> None:
    async with opened(tmp_path / "j.db", index_lag=index_lag) as journal:
        await fill(journal, 20, 20)
        for sequence in range(5):
            await journal.append(WriteValue(CART, sequence, STATE))
        copy = crashed(tmp_path / "j.db", tmp_path / "crash")
    async with opened(copy) as journal:
        for number in range(20):
            assert (await journal.load(EntityKey("cart", f"user-{number}"))).sequence == 20
        assert (await journal.load_value(CART)).sequence == 5
        assert await journal.append(AppendEvents(EntityKey("cart", "user-3"), 20, (EVENT,))) == 21
    assert indexed(copy) == scanned(copy)


async def test_deleted_index_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with opened(path) as journal:
        await fill(journal, 30, 10)
        await journal.append(WriteValue(CART, 0, None))
    before = indexed(path)
    (tmp_path / "j.db-index").unlink()
    async with opened(path) as journal:
        await load_all(journal, 30)
    assert indexed(path) == before == scanned(path)


async def test_index_is_made_in_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "j.db"
    async with opened(path) as journal:
        await fill(journal, 10, 10)
        for number in range(30):
            await journal.append(WriteValue(EntityKey("wallet", str(number)), 0, STATE))
    (tmp_path / "j.db-index").unlink()
    monkeypatch.setattr(recovery, "_STEP", 7)
    async with opened(path) as journal:
        await load_all(journal, 10)
    assert indexed(path) == scanned(path)


async def test_state_from_before_the_mark_survives_a_tail_of_events(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db") as journal:
        await journal.append(AppendEvents(CART, 0, (EVENT,), STATE))
    async with opened(tmp_path / "j.db") as journal:
        await journal.append(AppendEvents(CART, 1, (EVENT,)))
        copy = crashed(tmp_path / "j.db", tmp_path / "crash")
    async with opened(copy) as journal:
        history = await journal.load(CART)
        assert history.snapshot is not None
        assert (history.snapshot.sequence, history.sequence, len(history.events)) == (1, 2, 1)


async def test_state_written_in_place_after_the_mark(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db") as journal:
        await journal.append(WriteValue(CART, 0, STATE))
    async with opened(tmp_path / "j.db") as journal:
        await journal.append(WriteValue(CART, 1, None))
        copy = crashed(tmp_path / "j.db", tmp_path / "crash")
    async with opened(copy) as journal:
        assert await journal.load_value(CART) == (None, 2, ())


async def test_lag_of_the_index_is_bounded(tmp_path: Path) -> None:
    """What recovery has to read is the lag, and what arrives while the index is written."""
    path = tmp_path / "j.db"
    async with opened(path, index_lag=100) as journal:
        for first in range(0, 3000, 10):
            ten = [AppendEvents(EntityKey("cart", str(number)), 0, (EVENT,)) for number in range(first, first + 10)]
            await asyncio.gather(*map(journal.append, ten))
        copy = crashed(path, tmp_path / "crash")
    missing = set(scanned(copy)) - set(indexed(copy))
    assert len(missing) < 1000
