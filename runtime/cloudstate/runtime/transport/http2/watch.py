"""When a connection was last heard, last busy, last writable and last between frames; judged about once a second."""

from __future__ import annotations


class Watch:
    """What the housekeeping remembers about a connection between two ticks."""

    __slots__ = (
        "_closing_since",
        "_unfinished",
        "between_at",
        "busy_at",
        "draining",
        "paused_since",
        "pinged",
        "quiet_since",
        "seen",
    )

    def __init__(self, now: float) -> None:
        self._closing_since = 0.0
        self._unfinished = 0
        self.quiet_since = now
        self.paused_since = now
        self.busy_at = now
        self.between_at = now
        self.pinged = False
        self.draining = False
        self.seen = 0

    def observe(self, now: float, *, heard: bool, unfinished: int, paused: bool, busy: bool, seen: int) -> None:
        """Note what happened since the last tick.

        Args:
            now: loop time.
            heard: a complete frame arrived.
            unfinished: reads that completed none, since the last one that did.
            paused: the peer does not read its socket.
            busy: calls are running.
            seen: changes whenever a request arrived.
        """
        progress = busy and unfinished != self._unfinished  # a call's message, on a slow link
        if heard or paused or progress or not unfinished:
            self.between_at = now
        self._unfinished = unfinished
        if heard:
            self.quiet_since = now
            self.pinged = False
        if not paused:
            self.paused_since = now
        if busy or seen != self.seen:
            self.busy_at = now
            self.seen = seen

    def closing_since(self, now: float) -> float:
        """When the connection was first seen closing."""
        self._closing_since = self._closing_since or now
        return self._closing_since
