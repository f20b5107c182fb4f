"""Which entities in memory are read again from the journal that all share. Sans-IO.

What a member has written it tells the others, but it may be lost before it has, or may itself not know that it has
written. So everything in memory is read when a member has gone, and now and then at any other time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from cloudstate.runtime.journal.port import EntityKey
from cloudstate.runtime.replication.limits import Limits


class Rounds:
    """See the module.

    Args:
        everything: whatever is in memory.
    """

    def __init__(self, everything: Callable[[], Iterable[EntityKey]], limits: Limits) -> None:
        self._everything = everything
        self._limits = limits
        self._urgent: dict[EntityKey, None] = {}
        self._round: Iterator[EntityKey] = iter(())
        self._began_at = float("-inf")

    def hurry(self) -> None:
        """A member has gone."""
        self._urgent.update(dict.fromkeys(self._everything()))

    def due(self, now: float) -> list[EntityKey]:
        """What is to be read in this tick."""
        if self._urgent:
            keys = list(islice(self._urgent, self._limits.reread))
            for key in keys:
                del self._urgent[key]
            return keys
        keys = list(islice(self._round, self._limits.reread_slowly))
        if not keys and now - self._began_at >= self._limits.rest:
            self._began_at = now
            self._round = iter(list(self._everything()))
        return keys
