"""The bounds of a SQLite journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cloudstate.runtime.journal.limits import DEFAULT_MAX_APPEND


@dataclass(frozen=True, slots=True)
class SqliteSettings:
    """Every queue and every lag of the journal has a bound; these are they.

    Attributes:
        max_append: the largest append, in bytes.
        max_waiting: how many appends may wait for their commit; more are refused.
        max_waiting_bytes: the same, in bytes of payload.
        max_batch: how many appends one transaction takes.
        max_batch_bytes: after how many bytes of payload a transaction takes no more.
        sync: who waits for the disk: the kernel, a thread, or ``auto``: the kernel where it can.
        index_lag: by how many records the index may lag behind before it is written; bounds what is read again after a
            crash.
        max_unindexed: how many entities may wait for the index, should it not be writable; then appends are refused.
        checkpoint_every: after about how many bytes of write-ahead log they are copied into the database file.
        wal_limit: the size in bytes at which the write-ahead log is started anew.
        busy_timeout: seconds that appends wait while another process holds the file's write lock.
        max_file_pages: a bound of the database file, in pages; None: only the disk's.
    """

    max_append: int = DEFAULT_MAX_APPEND
    max_waiting: int = 20_000
    max_waiting_bytes: int = 256 * 1024 * 1024
    max_batch: int = 512
    max_batch_bytes: int = 8 * 1024 * 1024
    sync: Literal["auto", "kernel", "thread"] = "auto"
    index_lag: int = 50_000
    max_unindexed: int = 1_000_000
    checkpoint_every: int = 8 * 1024 * 1024
    wal_limit: int = 32 * 1024 * 1024
    busy_timeout: float = 2.0
    max_file_pages: int | None = None
