"""SQLite's errors as the journal's: which condition, in which file, and what a person can do about it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloudstate.runtime.journal.errors import JournalError, JournalInvalid, JournalUnavailable

_UNAVAILABLE = {
    sqlite3.SQLITE_FULL: "there is no space left for it; free some, the journal then goes on by itself",
    sqlite3.SQLITE_IOERR: "the disk reports an error",
    sqlite3.SQLITE_READONLY: "it cannot be written; check the permissions of the file, its directory and its disk",
    sqlite3.SQLITE_PERM: "it cannot be written; check the permissions of the file, its directory and its disk",
    sqlite3.SQLITE_BUSY: "another process holds its write lock; end what it does there",
    sqlite3.SQLITE_LOCKED: "another process holds its write lock; end what it does there",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check its path and the permissions of its directory",
}
_INVALID = {
    sqlite3.SQLITE_NOTADB: "it is not a SQLite database; give another path, or restore the file from a backup",
    sqlite3.SQLITE_CORRUPT: "it is damaged; restore it from a backup (`sqlite3 FILE .recover` may save the rest)",
}


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code, without the extension; 0 where the error is not SQLite's own."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another connection was in the way, so that waiting can help."""
    return primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_full(error: sqlite3.Error) -> bool:
    """Whether there was no space left: nothing was written, and something smaller may still fit."""
    return primary_code(error) == sqlite3.SQLITE_FULL


def journal_error(error: sqlite3.Error, path: Path, *, retry_safe: bool | None) -> JournalError:
    """The journal's error for one of SQLite's.

    Args:
        retry_safe: whether it is certain that nothing was written (see JournalUnavailable).
    """
    code = primary_code(error)
    if code in _INVALID:
        return JournalInvalid(f"the journal `{path}` cannot be used: {_INVALID[code]} ({error})")
    reason = _UNAVAILABLE.get(code, "SQLite refuses")
    return JournalUnavailable(f"the journal `{path}` is not available: {reason} ({error})", retry_safe=retry_safe)


def index_error(error: sqlite3.Error, path: Path) -> JournalError:
    """The same for the index, which can always be made again."""
    if primary_code(error) in _INVALID:
        return JournalInvalid(f"the index `{path}` is damaged ({error}); stop the runtime, delete it, and start again")
    return journal_error(error, path, retry_safe=True)


@contextmanager
def mapped(path: Path) -> Iterator[None]:
    """Raise SQLite's errors as the journal's, for work that writes no record."""
    try:
        yield
    except sqlite3.Error as error:
        raise journal_error(error, path, retry_safe=True) from error
