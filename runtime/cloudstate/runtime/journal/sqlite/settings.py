"""The bounds of a SQLite journal."""

from __future__ import annotations

from dataclasses import dataclass

from cloudstate.runtime.journal.limits import DEFAULT_MAX_APPEND


@dataclass(frozen=True, slots=True)
class SqliteSettings:
    """Every queue and every lag of the journal has a bound; these are they.

    Attributes:
        max_append: the largest append, in bytes.
        max_waiting: how many appends may wait for their commit; more are refused.
        max_batch: how many appends one transaction takes.
        index_lag: how many events the index may lag behind the log; bounds what is read again after a crash.
        index_batch: how many entities one transaction indexes, when the index lags too far behind.
        max_heads: how many entities' places in the log are kept in memory besides those not indexed yet.
        checkpoint_every: after about how many bytes of write-ahead log they are copied into the database file.
        busy_timeout: seconds that a write waits while another process holds the file's write lock.
        max_file_pages: a bound of the database file, in pages; None: only the disk's.
    """

    max_append: int = DEFAULT_MAX_APPEND
    max_waiting: int = 20_000
    max_batch: int = 512
    index_lag: int = 50_000
    index_batch: int = 64
    max_heads: int = 100_000
    checkpoint_every: int = 8 * 1024 * 1024
    busy_timeout: float = 0.1
    max_file_pages: int | None = None
