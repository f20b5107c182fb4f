"""What one member knows of the others and of the shards, from what the engine's table has told it. Without I/O.

A member writes its own record again and again. Whoever has not seen a record change for the length of a lease, on its
own clock, takes its member for gone. Clocks of two machines are never compared.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from cloudstate.runtime.cluster.engine import Entry

#: The owner of a shard that nobody owns any more.
NOBODY = "-"
#: Records of members that have been gone for so many leases are taken away.
_FORGET_AFTER = 10


@dataclass(slots=True)
class _Seen:
    """A member's record. ``at``: when it was last seen to change; ``since``: when it was seen first."""

    revision: int
    at: float
    since: float
    is_leaving: bool


@dataclass(frozen=True, slots=True)
class Owned:
    """Who owns a shard, and the revision that says so."""

    owner: str
    revision: int


#: What is known of a shard that has no record.
UNOWNED = Owned(NOBODY, 0)


class Table:
    """See the module.

    Args:
        me: this member.
        shards: how many there are.
        lease: in seconds.
    """

    def __init__(self, me: str, shards: int, lease: float) -> None:
        self.me = me
        self.lease = lease
        self.shards: list[Owned] = [UNOWNED] * shards
        self.news = 0
        """Grows with whatever may change a plan: not with mere signs of life."""
        self._members: dict[str, _Seen] = {}
        self._missing: dict[str, float] = {}
        """Owners of shards that have no record, and since when: nobody knows yet whether they are gone."""

    def changed(self, entry: Entry, now: float) -> int | None:
        """Take in what the engine tells; gives the shard if it is about one that is owned otherwise than before."""
        kind, _, name = entry.key.partition(".")
        if kind == "member":
            self._member(name, entry, now)
        elif kind == "shard" and name.isdecimal() and int(name) < len(self.shards):
            return self._shard(int(name), entry, now)
        return None

    def renewed(self, now: float) -> None:
        """The engine was away and is back: whoever is in the table gets a lease from now on."""
        for seen in self._members.values():
            seen.at = now
        self._missing = dict.fromkeys(self._missing, now)

    def alive(self, now: float) -> dict[str, bool]:
        """The members that are not gone, and whether each is leaving.

        An owner without a record may be one that has not written it again since the engine lost its table.
        """
        there = {name: seen.is_leaving for name, seen in self._members.items() if now - seen.at < self.lease}
        return there | {name: True for name, since in self._missing.items() if now - since < self.lease}

    def expiry(self, now: float) -> float:
        """When the next of the members that are not gone would be, if nothing more is heard of it."""
        begins = [*(seen.at for seen in self._members.values()), *self._missing.values()]
        return min((at + self.lease for at in begins if at + self.lease > now), default=float("inf"))

    def has_shown_life(self, name: str) -> bool:
        """Whether a member's record has changed since this member sees it: else it may be left over from the dead."""
        seen = self._members.get(name)
        return seen is not None and seen.at > seen.since

    def sign_of(self, name: str) -> int:
        """A number that changes with every sign of life of a member; 0: none is known."""
        seen = self._members.get(name)
        return 0 if seen is None else seen.revision

    def settled(self, now: float, settle: float) -> frozenset[str]:
        """The members that have been there for so many seconds and stay: shards may be given to them."""
        alive = self.alive(now)
        return frozenset(
            name for name, leaves in alive.items() if not leaves and now - self._members[name].since >= settle
        )

    def forgotten(self, now: float) -> list[tuple[str, int]]:
        """Members that have been gone for long, and the revisions of their records."""
        oldest = now - _FORGET_AFTER * self.lease
        self._missing = {name: since for name, since in self._missing.items() if since >= oldest}
        return [(name, seen.revision) for name, seen in self._members.items() if seen.at < oldest]

    def _member(self, name: str, entry: Entry, now: float) -> None:
        if not entry.value:
            self.news += self._members.pop(name, None) is not None
            self._missing = {owned.owner: now for owned in self.shards if owned.owner == name} | self._missing
            return
        self._missing.pop(name, None)
        seen = self._members.get(name)
        is_leaving = _is_leaving(entry.value)
        self.news += seen is None or seen.is_leaving != is_leaving
        if seen is None:
            self._members[name] = _Seen(entry.revision, now, now, is_leaving)
        elif entry.revision != seen.revision:
            seen.revision, seen.at, seen.is_leaving = entry.revision, now, is_leaving

    def _shard(self, shard: int, entry: Entry, now: float) -> int | None:
        owned = Owned(entry.value.decode(errors="replace") or NOBODY, entry.revision)
        if owned == self.shards[shard]:
            return None  # told again
        self.shards[shard] = owned  # also if it is older: the engine has lost what came after it
        self.news += 1
        if owned.owner != NOBODY and owned.owner not in self._members:
            self._missing.setdefault(owned.owner, now)
        return shard


def standing(is_leaving: bool, beat: int) -> bytes:
    """A member's record; ``beat`` counts its signs of life."""
    return json.dumps({"leaving": is_leaving, "beat": beat}).encode()


def beat_of(record: bytes) -> int:
    """Which sign of life a record is; 0: it does not say."""
    beat = _read(record).get("beat")
    return beat if isinstance(beat, int) else 0


def _is_leaving(record: bytes) -> bool:
    return _read(record).get("leaving") is True


def _read(record: bytes) -> dict[str, object]:
    try:
        read = json.loads(record)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
