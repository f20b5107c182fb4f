"""One runtime at a time: a lock on a file of its own beside the journal.

Not a lock on the database file: closing any descriptor of it would drop SQLite's own locks in this process.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from cloudstate.runtime.journal.errors import JournalUnavailable


class FileLock:
    """Held from ``acquire`` until ``release`` or the end of the process, however it ends. The file stays.

    Args:
        path: the lock's file.
        guarded: the file that it stands for, for messages.
    """

    def __init__(self, path: Path, guarded: Path) -> None:
        self._path = path
        self._guarded = guarded
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock and leave this process's id in the file.

        Raises:
            JournalUnavailable: somebody else has it, or the file cannot be made.
        """
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise JournalUnavailable(
                f"the journal's lock `{self._path}` cannot be made ({error.strerror}); "
                "check the permissions of its directory",
                retry_safe=True,
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise JournalUnavailable(
                f"the journal `{self._guarded}` is in use by another process (a runtime, number {holder}, lock "
                f"`{self._path}`); stop that one, or give this one another file",
                retry_safe=True,
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
