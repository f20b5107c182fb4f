"""Syncing a file without standing still: by the kernel where it can, by a thread everywhere."""

from __future__ import annotations

import asyncio
import platform
import sys
from pathlib import Path

import pytest

from cloudstate.runtime.journal.sqlite.disk import Disk, KernelDisk, ThreadDisk, open_disk

by_kernel = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64", "riscv64"),
    reason="only Linux on known machines syncs files asynchronously",
)


async def synced(disk: Disk) -> OSError | None:
    """Why the sync failed, if it did."""
    told: asyncio.Future[OSError | None] = asyncio.get_running_loop().create_future()
    disk.sync(told.set_result)
    assert not told.done(), "told in a later turn"
    async with asyncio.timeout(10):
        return await told


@pytest.mark.parametrize("kind", [pytest.param(KernelDisk, marks=by_kernel), ThreadDisk])
async def test_syncs_one_after_the_other(tmp_path: Path, kind: type[Disk]) -> None:
    file = tmp_path / "wal"
    file.write_bytes(b"a")
    disk = kind(file)
    for number in range(20):
        with file.open("ab") as opened:
            opened.write(bytes([number]))
        assert await synced(disk) is None
    disk.sync_now()
    disk.close()


@pytest.mark.parametrize("kind", [pytest.param(KernelDisk, marks=by_kernel), ThreadDisk])
async def test_a_file_that_cannot_be_synced(kind: type[Disk]) -> None:
    disk = kind(Path("/dev/null"))
    error = await synced(disk)
    assert isinstance(error, OSError)
    with pytest.raises(OSError, match="Invalid argument"):
        disk.sync_now()
    assert isinstance(await synced(disk), OSError), "the disk can be asked again"
    disk.close()


@by_kernel
async def test_the_kernel_is_preferred(tmp_path: Path) -> None:
    (tmp_path / "wal").touch()
    disk = open_disk(tmp_path / "wal", "auto")
    assert isinstance(disk, KernelDisk)
    disk.close()


async def test_a_thread_does_it_where_the_kernel_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wal").touch()
    monkeypatch.setattr("platform.machine", lambda: "pdp11")
    disk = open_disk(tmp_path / "wal", "auto")
    assert isinstance(disk, ThreadDisk)
    assert await synced(disk) is None
    disk.close()
    with pytest.raises(OSError, match="pdp11"):
        open_disk(tmp_path / "wal", "kernel")


async def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_disk(tmp_path / "wal", "auto")
