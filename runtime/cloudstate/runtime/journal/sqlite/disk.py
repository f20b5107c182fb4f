"""Waiting for the disk while the event loop goes on: a file is synced by the kernel, or by a thread.

Linux syncs a file asynchronously (``io_submit`` with ``IOCB_CMD_FDSYNC``) and says by an eventfd that it is done. That
costs the process next to nothing. A thread does the same everywhere, but has to win the interpreter's lock twice for
each sync, which costs as much as ten commands (docs/performance.md).
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import platform
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Literal, TypeAlias

logger = logging.getLogger(__name__)

#: Told None when the file is synced, or why it could not be.
Synced: TypeAlias = "Callable[[OSError | None], None]"

#: Numbers of io_setup, io_destroy, io_submit, io_getevents by machine (Linux, asm/unistd.h).
_CALLS = {"x86_64": (206, 207, 209, 208), "aarch64": (0, 1, 2, 4), "riscv64": (0, 1, 2, 4)}
_FDSYNC = 3
_TELL_BY_EVENTFD = 1


class Disk(ABC):
    """Syncs one file, one sync at a time.

    Args:
        path: the file; it must exist, and is kept open.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    @abstractmethod
    def sync(self, done: Synced) -> None:
        """Make everything written to the file so far durable; ``done`` is told in a later turn of the event loop."""

    def sync_now(self) -> None:
        """The same, at once; the event loop waits.

        Raises:
            OSError: the disk failed.
        """
        _sync(self._file)

    def close(self) -> None:
        """Release the file. No sync may be in progress."""
        os.close(self._file)


def open_disk(path: Path, how: Literal["auto", "kernel", "thread"]) -> Disk:
    """The best way to sync the file here; ``kernel`` and ``thread`` insist on one.

    Raises:
        OSError: the file cannot be opened, or the kernel was insisted on and cannot do it.
    """
    if how != "thread":
        try:
            return KernelDisk(path)
        except OSError as error:
            if how == "kernel":
                raise
            logger.info("syncing `%s` by a thread, because the kernel does not do it: %s", path, error)
    return ThreadDisk(path)


class ThreadDisk(Disk):
    """A thread waits for the disk."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal-sync")

    def sync(self, done: Synced) -> None:
        """See ``Disk.sync``."""

        def finished(future: Future[None]) -> None:
            error = future.exception()
            assert error is None or isinstance(error, OSError)
            self._loop.call_soon_threadsafe(done, error)

        self._thread.submit(_sync, self._file).add_done_callback(finished)

    def close(self) -> None:
        """See ``Disk.close``."""
        self._thread.shutdown()
        super().close()


class _Request(ctypes.Structure):
    """struct iocb of linux/aio_abi.h, on a little-endian machine."""

    _fields_ = [
        ("data", ctypes.c_uint64),
        ("key", ctypes.c_uint32),
        ("rw_flags", ctypes.c_uint32),
        ("opcode", ctypes.c_uint16),
        ("priority", ctypes.c_int16),
        ("file", ctypes.c_uint32),
        ("buffer", ctypes.c_uint64),
        ("size", ctypes.c_uint64),
        ("offset", ctypes.c_int64),
        ("reserved", ctypes.c_uint64),
        ("flags", ctypes.c_uint32),
        ("eventfd", ctypes.c_uint32),
    ]


class _Event(ctypes.Structure):
    """struct io_event of linux/aio_abi.h."""

    _fields_ = [
        ("data", ctypes.c_uint64),
        ("request", ctypes.c_uint64),
        ("result", ctypes.c_int64),
        ("result2", ctypes.c_int64),
    ]


class KernelDisk(Disk):
    """The kernel waits for the disk.

    Raises:
        OSError: this system cannot do it, or has no more of what it takes (fs.aio-max-nr).
    """

    def __init__(self, path: Path) -> None:
        calls = _CALLS.get(platform.machine())
        if sys.platform != "linux" or calls is None:
            raise OSError(f"not known how on {sys.platform} {platform.machine()}")
        self._setup, self._destroy, self._submit, self._take = calls
        super().__init__(path)
        self._done: Synced | None = None
        self._event = _Event()
        self._context = ctypes.c_ulong(0)
        self._eventfd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        try:
            self._call(self._setup, ctypes.c_long(1), ctypes.byref(self._context))
            request = _Request(opcode=_FDSYNC, file=self._file, flags=_TELL_BY_EVENTFD, eventfd=self._eventfd)
            self._request = request
            self._requests = (ctypes.c_void_p * 1)(ctypes.addressof(request))
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._eventfd, self._finished)
        except BaseException:
            self._release()
            raise

    def sync(self, done: Synced) -> None:
        """See ``Disk.sync``."""
        self._done = done
        try:
            self._call(self._submit, self._context, ctypes.c_long(1), ctypes.byref(self._requests))
        except OSError as error:
            self._loop.call_soon(self._tell, error)

    def _finished(self) -> None:
        os.eventfd_read(self._eventfd)
        self._call(self._take, self._context, ctypes.c_long(1), ctypes.c_long(1), ctypes.byref(self._event), None)
        failed = -self._event.result
        self._tell(OSError(failed, os.strerror(failed)) if failed else None)

    def _tell(self, error: OSError | None) -> None:
        done, self._done = self._done, None
        assert done is not None
        done(error)

    def close(self) -> None:
        """See ``Disk.close``."""
        self._loop.remove_reader(self._eventfd)
        self._release()

    def _release(self) -> None:
        if self._context.value:
            self._call(self._destroy, self._context)
        os.close(self._eventfd)
        super().close()

    def _call(self, number: int, *arguments: object) -> None:
        if _libc.syscall(ctypes.c_long(number), *arguments) < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))


_libc = ctypes.CDLL(None, use_errno=True)


def _sync(file: int) -> None:
    if sys.platform == "darwin":  # there fsync leaves the data in the drive's cache
        import fcntl

        fcntl.fcntl(file, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(file)
