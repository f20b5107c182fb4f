"""The table of a simulated engine, as its server holds it."""

from __future__ import annotations

from cloudstate.runtime.cluster.engine import Entry, Overtaken


class Table:
    """Records under keys. A deleted record stays as one without a value.

    Attributes:
        revision: of the latest change.
    """

    def __init__(self) -> None:
        self.revision = 0
        self._entries: dict[str, Entry] = {}

    def entries(self) -> list[Entry]:
        """Every record, also what was deleted, in the order of revisions."""
        return sorted(self._entries.values(), key=lambda entry: entry.revision)

    def value(self, key: str) -> bytes:
        """What is in a record; empty: there is none."""
        return self._entries.get(key, Entry(key, b"", 0)).value

    def write(self, key: str, value: bytes, expected: int | None) -> Entry:
        """Write a record; delete it, if there is no value.

        Raises:
            Overtaken: it is not where the writer expects it.
        """
        entry = self._entries.get(key, Entry(key, b"", 0))
        if expected not in (None, entry.revision) and (entry.value or expected != 0):
            raise Overtaken(f"`{key}` is at revision {entry.revision}, not {expected}")
        self.revision += 1
        self._entries[key] = Entry(key, value, self.revision)
        return self._entries[key]

    def is_overtaken(self, entry: Entry) -> bool:
        """Whether a record has changed since."""
        return self._entries.get(entry.key, entry).revision > entry.revision

    def forget(self) -> None:
        """Lose every record, and be made anew: all are deleted, and revisions go on after a gap."""
        self.revision += 1_000_000
        for key in sorted(self._entries):
            self.write(key, b"", None)
