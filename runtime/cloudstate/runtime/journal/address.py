"""A journal's address, ``scheme:rest``, and the journal that it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from cloudstate.runtime.clock import Clock
from cloudstate.runtime.errors import ServiceInvalid
from cloudstate.runtime.journal.memory import MemoryJournal
from cloudstate.runtime.journal.port import Journal
from cloudstate.runtime.journal.sqlite import SqliteJournal
from cloudstate.runtime.journal.sqlite.view import SqliteView

_HELP = (
    "write `memory:`, `sqlite:PATH` with the path of a file (e.g. `sqlite:shop.db`), `postgresql://HOST/DATABASE`, or "
    "`nats://HOST:PORT/STREAM`"
)


def open_journal(url: str, clock: Clock) -> Journal:
    """The journal at this address; nothing is touched before its ``open``.

    Args:
        url: ``memory:``, ``sqlite:PATH`` (a relative path starts at the working directory), or what libpq calls a
            connection URI, ``postgresql://...``, or ``nats://HOST:PORT/STREAM``.
        clock: gives the time that is kept with every record.

    Raises:
        ServiceInvalid: the address names no journal that this version has, or one whose package is not installed.
    """
    scheme, colon, rest = url.partition(":")
    make = _SCHEMES.get(scheme) if colon else None
    if make is None:
        shown = url if "@" not in url else f"{scheme}:..."  # what may hold a password is not told
        raise ServiceInvalid(f"`{shown}` is not the address of a journal of this version", help=_HELP)
    return make(url, rest, clock)


def open_for_reading(url: str, clock: Clock) -> Journal:
    """The journal at this address for who only looks, also while a runtime has it. Raises as ``open_journal``."""
    journal = open_journal(url, clock)
    return SqliteView(Path(url.partition(":")[2])) if isinstance(journal, SqliteJournal) else journal


def _memory(url: str, rest: str, clock: Clock) -> Journal:
    if rest:
        raise ServiceInvalid(f"`{url}`: a journal in memory has no path", help=_HELP)
    return MemoryJournal(clock)


def _sqlite(url: str, rest: str, clock: Clock) -> Journal:
    if rest in ("", ":memory:"):
        raise ServiceInvalid(f"`{url}`: the path of the journal's file is missing", help=_HELP)
    if rest.startswith("//") and not rest.startswith("///"):
        raise ServiceInvalid(f"`{url}`: a path follows `sqlite:` directly, without `//`", help=_HELP)
    if "\0" in rest:
        raise ServiceInvalid(f"{url!r}: a path cannot have a NUL character", help=_HELP)
    return SqliteJournal(Path(rest), clock)


def _postgresql(url: str, rest: str, clock: Clock) -> Journal:
    try:
        from cloudstate.runtime.journal.postgresql import PostgresJournal, parse
    except ImportError as error:
        raise ServiceInvalid(
            f"the journal needs a package that is not installed ({error.name})",
            help="install the extra: `pip install cloudstate-py[postgresql]`",
        ) from error
    return PostgresJournal(parse(url), clock)


def _jetstream(url: str, rest: str, clock: Clock) -> Journal:
    try:
        from cloudstate.runtime.journal.jetstream import JetStreamJournal, parse
    except ImportError as error:
        raise ServiceInvalid(
            f"the journal needs a package that is not installed ({error.name})",
            help="install the extra: `pip install cloudstate-py[nats]`",
        ) from error
    return JetStreamJournal(parse(url), clock)


_SCHEMES: Mapping[str, Callable[[str, str, Clock], Journal]] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "postgresql": _postgresql,
    "postgres": _postgresql,
    "nats": _jetstream,
}
