"""Where the commands of shards arrive: counts that fade. Without I/O."""

from __future__ import annotations

from collections.abc import Iterable

#: Below so many recent commands nobody is near.
_FEW = 8
#: The part of the commands that makes a member the near one.
_MOST = 0.6


class Nearness:
    """Counts, for each shard, the members where its commands came in."""

    def __init__(self) -> None:
        self._counts: dict[int, dict[str, int]] = {}

    def counted(self, shard: int, member: str) -> None:
        """A command for a shard came in at a member."""
        counts = self._counts.get(shard)
        if counts is None:
            counts = self._counts[shard] = {}
        counts[member] = counts.get(member, 0) + 1

    def near(self, shards: Iterable[int]) -> dict[int, str]:
        """The member where most of each shard's recent commands came in, of those shards that have one."""
        found = {}
        for shard in shards:
            counts = self._counts.get(shard)
            if counts:
                total = sum(counts.values())
                most, first = max((count, name) for name, count in counts.items())
                if total >= _FEW and most > _MOST * total:
                    found[shard] = first
        return found

    def fade(self) -> None:
        """Time has passed: what was counted counts half."""
        self._counts = {
            shard: left
            for shard, counts in self._counts.items()
            if (left := {name: count // 2 for name, count in counts.items() if count > 1})
        }
