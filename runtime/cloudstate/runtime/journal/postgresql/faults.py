"""The database's errors as the journal's: what is wrong, where, and what to do."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from cloudstate.runtime.journal.errors import JournalError, JournalUnavailable
from cloudstate.runtime.journal.postgresql.settings import PostgresSettings

#: What tells that the connection is gone or does not answer.
CONNECTION = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
)

#: Errors of one statement that may go when it is tried again: nothing was written.
AGAIN = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)

#: Errors that one append can cause for its whole batch.
DATA = (asyncpg.DataError, asyncpg.ProgramLimitExceededError, asyncpg.CharacterNotInRepertoireError, UnicodeError)

_ADVICE: tuple[tuple[type[Exception], str], ...] = (
    (asyncpg.InvalidPasswordError, "the password is wrong: check the journal's address"),
    (
        asyncpg.InvalidAuthorizationSpecificationError,
        "the user is refused: check the journal's address and pg_hba.conf",
    ),
    (asyncpg.InvalidCatalogNameError, "create the database, or name another one in the journal's address"),
    (asyncpg.InsufficientPrivilegeError, "grant the rights that docs/journals.md lists"),
    (asyncpg.DiskFullError, "its disk is full: make room; appends go on by themselves then"),
    (asyncpg.UndefinedTableError, "a table is missing: restart the runtime, which makes it, or restore a backup"),
    (asyncpg.TooManyConnectionsError, "raise max_connections, or run fewer processes"),
    (asyncpg.CannotConnectNowError, "it is starting or stopping; appends go on by themselves then"),
    (
        asyncpg.ReadOnlySQLTransactionError,
        "it is a copy that only reads: name the primary, or all servers with target_session_attrs=read-write",
    ),
    (asyncpg.DataError, "a text or a number of this append cannot be kept: NUL, half a surrogate pair, above 2^63"),
    (UnicodeError, "a text of this append is not Unicode"),
    (socket.gaierror, "the name of its host is not known: check the journal's address"),
    (ssl.SSLError, "TLS failed: check sslmode, sslrootcert and the server's certificate"),
    (ConnectionRefusedError, "nobody listens there: check host and port, and that the server runs"),
    (TimeoutError, "it did not answer in time"),
)


def journal_error(error: Exception, settings: PostgresSettings, *, retry_safe: bool | None) -> JournalError:
    """The journal's error for one of the database's."""
    if isinstance(error, JournalError):
        return error
    advice = next((text for kind, text in _ADVICE if isinstance(error, kind)), "see the server's log")
    what = str(error) or type(error).__name__
    return JournalUnavailable(f"the journal in {settings.where} failed: {what} ({advice})", retry_safe=retry_safe)


@contextmanager
def mapped(settings: PostgresSettings) -> Iterator[None]:
    """Raise the database's errors as the journal's; for what only reads, or can be repeated."""
    try:
        yield
    except (asyncpg.PostgresError, *CONNECTION) as error:
        raise journal_error(error, settings, retry_safe=True) from error
