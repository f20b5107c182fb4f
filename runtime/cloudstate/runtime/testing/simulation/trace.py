"""What happened last in a simulation."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from zlib import crc32


class Trace:
    """The last events of a simulation, and a checksum of all of them.

    Attributes:
        checksum: two runs that are the same have the same.
    """

    def __init__(self, now: Callable[[], float], size: int = 80) -> None:
        """See the class.

        Args:
            now: the time of the simulation.
            size: how many events are kept.
        """
        self._now = now
        self._events: deque[tuple[float, str, str]] = deque(maxlen=size)
        self.checksum = 0

    def note(self, who: str, what: str) -> None:
        """Something happened now."""
        now = self._now()
        self._events.append((now, who, what))
        self.checksum = crc32(f"{now!r} {who} {what}".encode(), self.checksum)

    def lines(self) -> list[str]:
        """The last events, the oldest first, one line each: time, node, event."""
        return [f"{when:12.6f}  {who:10s}  {what}" for when, who, what in self._events]
