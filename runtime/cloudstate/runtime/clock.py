"""Time as a parameter: cores and shells get a Clock, tests get one that they move by hand."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Two readings of time, both in seconds."""

    def wall(self) -> float:
        """Seconds since the Unix epoch; may jump. For timestamps that people read, never for ordering."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back. For deadlines and idle times."""
        ...


class SystemClock:
    """The machine's clock."""

    wall = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)
