"""A journal in one SQLite file: an append-only log, and an index of entities that follows it lazily in another.

``SHOP.db`` (with ``-wal`` and ``-shm`` while in use) holds everything. ``SHOP.db-index`` is derived from it and may be
deleted while no runtime runs; it is then made again. ``SHOP.db-lock`` is held by the one runtime that serves the file.
To back up a live journal, use SQLite's own ways (``VACUUM INTO``, ``.backup``) on ``SHOP.db``.

Start reading at ``schema`` (what is stored), then ``plan`` (what one transaction writes), ``group_commit`` (when),
``upkeep`` (what follows behind) and ``journal`` (how they fit together).
"""

from cloudstate.runtime.journal.sqlite.journal import SqliteJournal
from cloudstate.runtime.journal.sqlite.settings import SqliteSettings

__all__ = ["SqliteJournal", "SqliteSettings"]
