"""Which entities others may know less of, or more: they are announced until every member holds the same. Sans-IO.

Messages may be lost, so whoever has changed an entity announces its digest once it has been quiet for a moment, and
again, more and more rarely, until all members have said that they hold the same. When members come or go, everything
that is in memory is announced.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from cloudstate.runtime.journal.port import EntityKey

#: Seconds without a change before an entity is announced, and how long that can put it off in all.
QUIET, LONGEST_QUIET = 0.5, 2.5
#: The longest time between two announcements of the same, in seconds.
RAREST = 10.0


@dataclass(slots=True)
class _Entry:
    since: float
    due: float
    pause: float = QUIET
    digest: bytes = b""
    confirmed: set[str] = field(default_factory=set)


class Comparison:
    """See the module.

    Args:
        me: this member.
        members: who is there.
        most: so many entities are remembered; beyond it the oldest are forgotten, and everything is announced anew
            when there is room.
    """

    def __init__(self, me: str, members: Collection[str], most: int = 100_000) -> None:
        self._me = me
        self._others = frozenset(members) - {me}
        self._most = most
        self._entries: OrderedDict[EntityKey, _Entry] = OrderedDict()
        self.is_overfull = False

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: EntityKey) -> bool:
        return key in self._entries

    def changed(self, key: EntityKey, now: float) -> None:
        """Others may lack something of an entity."""
        if not self._others:
            return
        entry = self._entries.get(key)
        if entry is None:
            self._entries[key] = _Entry(now, now + QUIET)
            self._bound()
            return
        if entry.digest:
            entry.since, entry.digest, entry.pause = now, b"", QUIET
            entry.confirmed.clear()
        entry.due = min(now + QUIET, entry.since + LONGEST_QUIET)

    def members_changed(self, members: Collection[str], everything: Iterable[EntityKey], now: float) -> None:
        """Members have come or gone: all that is in memory is to be compared."""
        self._others = frozenset(members) - {self._me}
        if not self._others:
            self._entries.clear()
            return
        for key in everything:
            self.changed(key, now)

    def due(self, now: float, most: int) -> list[EntityKey]:
        """What is to be announced by now, at most so many."""
        found: list[EntityKey] = []
        for key, entry in self._entries.items():
            if entry.due <= now:
                found.append(key)
                if len(found) == most:
                    break
        for key in found:
            self._entries.move_to_end(key)
        return found

    def announced(self, key: EntityKey, digest: bytes, now: float) -> None:
        """An entity is announced now, with this digest."""
        entry = self._entries[key]
        if entry.digest != digest:
            entry.digest = digest
            entry.confirmed.clear()
            entry.pause = QUIET
        entry.pause = min(entry.pause * 2, RAREST)
        entry.due = now + entry.pause
        self._settle(key, entry)

    def digest(self, key: EntityKey) -> bytes:
        """What an entity was announced with last; empty: never, since it was changed."""
        entry = self._entries.get(key)
        return entry.digest if entry is not None else b""

    def confirmed(self, key: EntityKey, digest: bytes, member: str) -> None:
        """A member holds what was announced."""
        entry = self._entries.get(key)
        if entry is not None and entry.digest == digest:
            entry.confirmed.add(member)
            self._settle(key, entry)

    def forget(self, key: EntityKey) -> None:
        """An entity need not be compared any more."""
        self._entries.pop(key, None)

    def _settle(self, key: EntityKey, entry: _Entry) -> None:
        if self._others <= entry.confirmed:
            del self._entries[key]

    def _bound(self) -> None:
        if len(self._entries) > self._most:
            self._entries.popitem(last=False)
            self.is_overfull = True
