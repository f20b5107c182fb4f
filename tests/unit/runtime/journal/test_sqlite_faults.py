"""What the disk, other processes and wrong data do to appends: each has its error, and the journal goes on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.unit.runtime.journal.sqlite_files import CART, EVENT, STATE, fill, load_all, opened

from cloudstate.runtime.journal import (
    AppendEvents,
    EntityKey,
    JournalError,
    JournalInvalid,
    JournalUnavailable,
    SqliteJournal,
)
from cloudstate.runtime.journal.sqlite import log
from cloudstate.runtime.journal.sqlite.faults import journal_error
from cloudstate.runtime.payload import Payload

modes = pytest.mark.parametrize("mode", ["auto", "thread"])


def append(journal: SqliteJournal, number: int, size: int = 10) -> asyncio.Future[int]:
    """The first event of another entity."""
    return journal.append(AppendEvents(EntityKey("cart", f"new-{number}"), 0, (Payload("t", bytes(size)),)))


async def append_until_refused(journal: SqliteJournal, size: int) -> tuple[int, JournalUnavailable]:
    """Append to one entity as long as it goes; gives its sequence and why it goes no further."""
    sequence = 0
    while True:
        appended = journal.append(AppendEvents(CART, sequence, (Payload("t", bytes(size)),), STATE))
        (result,) = await asyncio.gather(appended, return_exceptions=True)
        if isinstance(result, JournalUnavailable):
            return sequence, result
        assert isinstance(result, int)
        sequence = result


def sqlite_error(code: int, text: str = "made up") -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


class FailingCommit:
    """Lets commits fail with an error while it is set."""

    error: Exception | None = None

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        commit = log.Log.commit

        def failing(this: log.Log) -> None:
            if self.error is not None:
                raise self.error
            commit(this)

        patch.setattr(log.Log, "commit", failing)


# The disk.


@modes
async def test_full_file(tmp_path: Path, mode: Any) -> None:
    async with opened(tmp_path / "j.db", sync=mode, max_file_pages=60) as journal:
        sequence, error = await append_until_refused(journal, 3000)
        assert error.retry_safe is True
        assert "no space left" in str(error)
        assert "j.db" in str(error)
        assert (await journal.load(CART)).sequence == sequence


@modes
async def test_what_still_fits_into_a_full_file_is_written(tmp_path: Path, mode: Any) -> None:
    async with opened(tmp_path / "j.db", sync=mode, max_file_pages=40) as journal:
        sizes = [10, 10, 500_000, 10, 200_000, 10, 10]
        results = await asyncio.gather(
            *(append(journal, number, size) for number, size in enumerate(sizes)), return_exceptions=True
        )
        assert [isinstance(result, int) for result in results] == [size == 10 for size in sizes]
        await asyncio.gather(*(append(journal, number) for number in range(10, 20)))
        for number, size in enumerate(sizes):
            assert (await journal.load(EntityKey("cart", f"new-{number}"))).sequence == (1 if size == 10 else 0)


async def test_later_append_of_an_entity_whose_first_did_not_fit(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db", max_file_pages=40) as journal:
        results = await asyncio.gather(
            journal.append(AppendEvents(CART, 0, (Payload("t", bytes(500_000)),))),
            journal.append(AppendEvents(CART, 1, (EVENT,))),
            journal.append(AppendEvents(CART, 0, (EVENT,))),
            return_exceptions=True,
        )
        assert [type(result).__name__ for result in results] == ["JournalUnavailable", "WrongExpectedSequence", "int"]


@contextlib.contextmanager
def small_disk(directory: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(directory)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"cannot mount a file system here: {error}")
    try:
        yield directory
    finally:
        subprocess.run(["umount", str(directory)], check=True)


@modes
async def test_full_disk_and_space_again(tmp_path: Path, mode: Any, caplog: pytest.LogCaptureFixture) -> None:
    with small_disk(tmp_path / "disk") as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(300_000))
        async with opened(disk / "j.db", sync=mode) as journal:
            sequence, error = await append_until_refused(journal, 2000)
            assert error.retry_safe in (True, None)
            assert (await journal.load(CART)).sequence == sequence
            ballast.unlink()
            assert await journal.append(AppendEvents(CART, sequence, (EVENT,))) == sequence + 1
            assert "can be written again" in caplog.text or caplog.text.count("refused") == 1
        async with opened(disk / "j.db") as journal:
            assert (await journal.load(CART)).sequence == sequence + 1


@modes
async def test_disk_error_and_its_end(tmp_path: Path, mode: Any) -> None:
    """The kernel refuses to let any file of this process grow."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    async with opened(tmp_path / "j.db", sync=mode) as journal:
        sequence = await journal.append(AppendEvents(CART, 0, (EVENT,)))
        size = os.stat(tmp_path / "j.db-wal").st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            with pytest.raises(JournalUnavailable) as raised:
                await journal.append(AppendEvents(CART, sequence, (Payload("t", bytes(100_000)),)))
            loaded = await journal.load(CART)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, handler)
        assert "j.db" in str(raised.value)
        assert loaded.sequence == sequence
        assert await journal.append(AppendEvents(CART, sequence, (EVENT,))) == sequence + 1


@modes
async def test_failed_sync_leaves_the_outcome_open(tmp_path: Path, mode: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FailingCommit(monkeypatch)
    async with opened(tmp_path / "j.db", sync=mode) as journal:
        disk.error = sqlite_error(sqlite3.SQLITE_IOERR_FSYNC)
        results = await asyncio.gather(*(append(journal, n) for n in range(3)), return_exceptions=True)
        for result in results:
            assert isinstance(result, JournalUnavailable)
            assert result.retry_safe is None
            assert "disk reports an error" in str(result)
        disk.error = None
        assert await append(journal, 0) == 1


@modes
async def test_full_disk_at_the_commit_wrote_nothing(
    tmp_path: Path, mode: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FailingCommit(monkeypatch)
    async with opened(tmp_path / "j.db", sync=mode) as journal:
        disk.error = sqlite_error(sqlite3.SQLITE_FULL)
        results = await asyncio.gather(*(append(journal, n) for n in range(3)), return_exceptions=True)
        assert [getattr(result, "retry_safe", None) for result in results] == [True] * 3
        disk.error = None
        assert await append(journal, 0) == 1


async def test_unexpected_exception_of_a_commit_ends_every_append(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FailingCommit(monkeypatch)
    async with opened(tmp_path / "j.db", sync="thread") as journal:
        disk.error = MemoryError()
        with pytest.raises(JournalUnavailable) as raised:
            await append(journal, 0)
        assert raised.value.retry_safe is None
        disk.error = None
        assert await append(journal, 0) == 1


async def test_read_only_file(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db") as journal:
        journal_log = journal._opened().files.log
        journal_log._connection.execute("PRAGMA query_only = 1")
        with pytest.raises(JournalUnavailable, match="permissions") as raised:
            await append(journal, 0)
        assert raised.value.retry_safe is True
        journal_log._connection.execute("PRAGMA query_only = 0")
        assert await append(journal, 0) == 1


# Other processes.


@contextlib.contextmanager
def locked(path: Path) -> Iterator[Callable[[], None]]:
    """Somebody else holds the write lock until the block ends or the given function is called."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        def release() -> None:
            other.execute("ROLLBACK")

        yield release


@modes
async def test_lock_of_another_process_is_waited_for(tmp_path: Path, mode: Any) -> None:
    async with opened(tmp_path / "j.db", sync=mode, busy_timeout=60) as journal:
        with locked(tmp_path / "j.db") as release:
            futures = [append(journal, number) for number in range(10)]
            assert (await journal.load(CART)).sequence == 0
            asyncio.get_running_loop().call_later(0.02, release)
            assert await asyncio.gather(*futures) == [1] * 10


async def test_lock_of_another_process_that_stays(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db", busy_timeout=0.02) as journal:
        with locked(tmp_path / "j.db"):
            results = await asyncio.gather(*(append(journal, n) for n in range(10)), return_exceptions=True)
        for result in results:
            assert isinstance(result, JournalUnavailable)
            assert result.retry_safe is True
            assert "another process" in str(result)
        assert await append(journal, 0) == 1


async def test_closing_while_another_process_holds_the_lock(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db", busy_timeout=0.02) as journal:
        with locked(tmp_path / "j.db"):
            future = append(journal, 0)
            await journal.close()
            with pytest.raises(JournalUnavailable):
                await future


async def test_long_reader_does_not_stop_appends(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db", checkpoint_every=1, wal_limit=1) as journal:
        await append(journal, 0)
        with closing(sqlite3.connect(tmp_path / "j.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            assert reader.execute("SELECT count(*) FROM event").fetchone() == (1,)
            for number in range(1, 100):
                await append(journal, number)
            assert reader.execute("SELECT count(*) FROM event").fetchone() == (1,)


# Wrong data and wrong code.


WRONG: list[Any] = [("t", "a str"), ("t", None), ("t", 5), (None, b""), (1, 2, 3), None]


@pytest.mark.parametrize("payload", [Payload(*wrong) if wrong and len(wrong) == 2 else wrong for wrong in WRONG])
async def test_append_of_the_wrong_types_fails_alone(tmp_path: Path, payload: Any) -> None:
    async with opened(tmp_path / "j.db") as journal:
        good = [append(journal, number) for number in range(5)]
        with pytest.raises((JournalError, TypeError, AttributeError)):
            await journal.append(AppendEvents(CART, 0, (payload,)))
        good += [append(journal, number) for number in range(5, 10)]
        assert await asyncio.gather(*good) == [1] * 10
        assert (await journal.load(CART)).sequence == 0


async def test_unexpected_exception_in_a_plan_fails_one_append(tmp_path: Path) -> None:
    class Odd(AppendEvents):
        """Breaks when it is planned, not before."""

        @property
        def expected(self) -> int:
            raise RuntimeError("odd")

    async with opened(tmp_path / "j.db") as journal:
        good = [append(journal, number) for number in range(5)]
        bad = journal.append(Odd(CART, 0, (EVENT,)))
        assert await asyncio.gather(*good) == [1] * 5
        with pytest.raises(JournalUnavailable, match="odd") as raised:
            await bad
        assert raised.value.retry_safe is False


async def test_too_many_entities_without_an_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path / "j.db", max_unindexed=20, index_lag=10) as journal:
        monkeypatch.setattr("cloudstate.runtime.journal.sqlite.upkeep._PAUSE", 0.0)
        with monkeypatch.context() as patch:
            patch.setattr("cloudstate.runtime.journal.sqlite.index._WRITE", "INSERT INTO nowhere VALUES (?, ?, ?, ?)")
            results = [await asyncio.gather(append(journal, n), return_exceptions=True) for n in range(100)]
        refused = [result for (result,) in results if isinstance(result, JournalUnavailable)]
        assert len(refused) == 80
        assert all(error.retry_safe and "index" in str(error) for error in refused)
        async with asyncio.timeout(10):
            while isinstance((await asyncio.gather(append(journal, 99), return_exceptions=True))[0], Exception):
                pass  # each attempt lets the index be tried again
        assert (await journal.load(EntityKey("cart", "new-99"))).sequence == 1


async def test_history_with_a_gap_is_damaged(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db") as journal:
        await fill(journal, 2, 10, snapshot_every=100)
    with closing(sqlite3.connect(tmp_path / "j.db", isolation_level=None)) as connection:
        connection.execute("DELETE FROM event WHERE id = 'user-1' AND sequence = 4")
    async with opened(tmp_path / "j.db") as journal:
        assert (await journal.load(EntityKey("cart", "user-0"))).sequence == 10
        with pytest.raises(JournalInvalid, match="event 4 is missing"):
            await load_all(journal, 2)


def test_errors_say_what_to_do() -> None:
    path = Path("/data/shop.db")
    for code, words in {
        sqlite3.SQLITE_FULL: "space",
        sqlite3.SQLITE_IOERR_READ: "disk",
        sqlite3.SQLITE_READONLY: "permissions",
        sqlite3.SQLITE_BUSY: "another process",
        sqlite3.SQLITE_CANTOPEN: "path",
        sqlite3.SQLITE_CORRUPT: "backup",
        sqlite3.SQLITE_NOTADB: "another path",
        sqlite3.SQLITE_ERROR: "made up",
    }.items():
        error = journal_error(sqlite_error(code), path, retry_safe=True)
        assert words in str(error)
        assert "/data/shop.db" in str(error)
    assert journal_error(sqlite3.ProgrammingError("no code"), path, retry_safe=None).retry_safe is None
