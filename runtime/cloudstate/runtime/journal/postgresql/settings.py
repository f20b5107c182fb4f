"""Where a PostgreSQL journal is, and its bounds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

from cloudstate.runtime.errors import ServiceInvalid
from cloudstate.runtime.journal.limits import DEFAULT_MAX_APPEND

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,40}")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^:\[\]]*)(:[0-9]*)?")


@dataclass(frozen=True, slots=True)
class PostgresSettings:
    """One journal.

    Attributes:
        dsn: where the database is, as libpq writes it.
        schema: where the tables are.
        prefix: what their names begin with.
        max_append: the largest append in bytes.
        max_batch, max_batch_bytes: what one statement writes at most.
        max_waiting, max_waiting_bytes: what may wait; more is refused.
        readers: connections that read at a time.
        connect_timeout: seconds to get a connection.
        statement_timeout: seconds that a statement may take.
        forget_every: seconds between looks for answers that are too old.
    """

    dsn: str
    schema: str = "public"
    prefix: str = "cloudstate_"
    max_append: int = DEFAULT_MAX_APPEND
    max_batch: int = 500
    max_batch_bytes: int = 8 * 1024 * 1024
    max_waiting: int = 20_000
    max_waiting_bytes: int = 256 * 1024 * 1024
    readers: int = 4
    connect_timeout: float = 5.0
    statement_timeout: float = 30.0
    forget_every: float = 600.0

    @property
    def where(self) -> str:
        """The database for messages, without what is secret."""
        parts = urlsplit(self.dsn)
        host = parts.netloc.rpartition("@")[2] or "local socket"
        return f"postgresql://{host}{parts.path}"


def parse(url: str) -> PostgresSettings:
    """The settings that an address says: libpq's, with ``schema`` and ``table_prefix`` of ours among its parameters.

    Raises:
        ServiceInvalid: one of ours is not a name, or the address cannot be taken apart; does not tell its password.
    """
    parts = _parts(url)
    theirs, ours = [], {"schema": "public", "table_prefix": "cloudstate_"}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in ours:
            theirs.append((name, value))
        elif not (_NAME.fullmatch(value) or (name == "table_prefix" and not value)):
            raise ServiceInvalid(
                f"the {name} `{value}` of the journal is not a name",
                help="use lower-case letters, digits and `_`, not beginning with a digit",
            )
        else:
            ours[name] = value
    dsn = urlunsplit(parts._replace(query=urlencode(theirs)))
    return PostgresSettings(dsn, ours["schema"], ours["table_prefix"])


def _parts(url: str) -> SplitResult:
    """The parts of an address of which it is certain which one is the password.

    Raises:
        ServiceInvalid: a password with bare ``/``, ``?``, ``#`` or the like makes other parts of itself.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = None
    if parts is None or not _is_clear(parts):
        raise ServiceInvalid(
            "the address of the journal in PostgreSQL cannot be taken apart",
            help="write `postgresql://USER:PASSWORD@HOST:PORT/DATABASE?NAME=VALUE`; in the password write `%2F` for "
            "`/`, `%3F` for `?`, `%23` for `#`, `%40` for `@`, `%5B` for `[`",
        )
    return parts


def _is_clear(parts: SplitResult) -> bool:
    hosts = parts.netloc.rpartition("@")[2].split(",")
    return (
        all(_HOST.fullmatch(host) for host in hosts)
        and "@" not in parts.path
        and not parts.fragment
        and all("=" in piece for piece in parts.query.split("&") if piece)
    )
