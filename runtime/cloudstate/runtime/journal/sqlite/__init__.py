"""A journal in one SQLite file: an append-only log, and an index of entities that is kept lazily beside it.

``SHOP.db`` holds everything. ``SHOP.db-lock`` is held by the one runtime that serves the file. To back up a live
journal, use SQLite's own ways (``VACUUM INTO``, ``.backup``).

Start reading at ``schema`` (what is stored), then ``plan`` (what one transaction writes), ``log`` (how it is written
and read) and ``journal`` (when).
"""

from cloudstate.runtime.journal.sqlite.journal import SqliteJournal
from cloudstate.runtime.journal.sqlite.settings import SqliteSettings

__all__ = ["SqliteJournal", "SqliteSettings"]
