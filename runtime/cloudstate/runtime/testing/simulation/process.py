"""What one process of a simulation is: its handles, its clocks, and whether it runs."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from weakref import WeakSet

#: The process that the running code belongs to. Tasks and callbacks inherit it with their context.
PROCESS: ContextVar[Process] = ContextVar("PROCESS")

#: The wall time at which every simulation begins, in seconds since the Unix epoch.
BEGIN = 1_750_000_000.0


class Process:
    """One process of a simulation: everything that was started from its context.

    Its monotonic clock begins anywhere and may go a little wrong, so that a time of one process means nothing in
    another. Its wall clock may jump.

    Attributes:
        number: of its start, counted in the simulation.
        cost: the virtual time that one of its callbacks takes, in seconds, on average.
        is_paused: it runs nothing until ``resume``; its timers and what arrives wait.
        is_dead: it runs nothing any more.
        ready: what it could run now, in order.
        free_at: it runs nothing before this time of the simulation.
        tasks: its tasks that exist.
        buried: called when it dies.
    """

    def __init__(self, name: str, *, cost: float = 0.0, clock_begin: float = 0.0, clock_rate: float = 1.0) -> None:
        """See the class.

        Args:
            clock_begin: what its monotonic clock shows when the simulation begins, in seconds.
            clock_rate: how many seconds its clock counts in one second of the simulation.
        """
        self.name = name
        self.number = 0
        self.cost = cost
        self.is_paused = False
        self.is_dead = False
        self.free_at = 0.0
        self.ready: deque[asyncio.Handle] = deque()
        self.tasks: WeakSet[asyncio.Task[object]] = WeakSet()
        self.buried: list[Callable[[], None]] = []
        self._clock_begin = clock_begin
        self._clock_rate = clock_rate
        self._context = copy_context()
        self._context.run(PROCESS.set, self)

    def __repr__(self) -> str:
        return f"<process {self.name}>"

    @property
    def context(self) -> Context:
        """A context of its own for something that it is to run."""
        return self._context.copy()

    def local(self, now: float) -> float:
        """What its monotonic clock shows at a time of the simulation."""
        return self._clock_begin + now * self._clock_rate

    def shared(self, local: float) -> float:
        """The time of the simulation at which its monotonic clock shows ``local``."""
        return (local - self._clock_begin) / self._clock_rate

    def pause(self) -> None:
        """Stop it where it is, as SIGSTOP does."""
        self.is_paused = True

    def resume(self) -> None:
        """Let it go on, as SIGCONT does: first with everything that was due meanwhile."""
        self.is_paused = False


class ProcessClock:
    """The clocks of one process, as a ``Clock``; ``jump`` moves the wall clock."""

    def __init__(self, process: Process, now: Callable[[], float]) -> None:
        """See the class.

        Args:
            now: the time of the simulation.
        """
        self._process = process
        self._now = now
        self._ahead = 0.0

    def wall(self) -> float:
        """See ``Clock``."""
        return BEGIN + self._now() + self._ahead

    def monotonic(self) -> float:
        """See ``Clock``; the same clock as the event loop's."""
        return self._process.local(self._now())

    def jump(self, seconds: float) -> None:
        """Move the wall clock forward (back, if negative)."""
        self._ahead += seconds
