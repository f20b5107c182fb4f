"""An event loop with virtual time that runs many processes, in an order that a seed decides.

Nothing waits: when no process has anything to run, the clock jumps to the next timer. The callbacks of one process run
in the order in which they became ready; which process runs next is drawn. Two runs with one seed are the same, unless
the code that runs depends on more than its inputs: on the wall clock, on chance of its own, on the order of sets of
strings.
"""

from __future__ import annotations

import asyncio
import gc
import heapq
import random
import sys
import warnings
from collections.abc import AsyncGenerator, Callable, Coroutine
from concurrent.futures import Executor
from contextlib import suppress
from contextvars import Context, copy_context
from itertools import count
from math import inf
from typing import Any, TypeVar, TypeVarTuple, Unpack
from weakref import WeakKeyDictionary

from cloudstate.runtime.testing.simulation.errors import Stuck, TooLong, Unhandled
from cloudstate.runtime.testing.simulation.futures import NumberedFuture, NumberedTask
from cloudstate.runtime.testing.simulation.process import PROCESS, Process

T = TypeVar("T")
A = TypeVarTuple("A")

#: Garbage is collected every so many steps, and at no other time: what is collected may have something to say.
_STEPS_TO_COLLECT = 100_000
#: A timer is a little late rather than early, whatever rounding does, in seconds.
_LATE = 1e-9
#: Cancelled timers are thrown away when there are more of them than this, and than timers that count.
_CANCELLED = 100


class SimulatedLoop(asyncio.BaseEventLoop):
    """See the module. It has no sockets, no threads and no subprocesses.

    Attributes:
        main: the process of whoever runs the loop.
        now: the time of the simulation, in seconds since it began.
        steps: how many callbacks have run.
        fingerprint: of which process ran when; two runs that are the same have the same.
    """

    _stopping: bool  # of the class below

    def __init__(self, seed: int, *, max_steps: int = 5_000_000, max_time: float = 24 * 3600.0) -> None:
        """See the class.

        Args:
            max_steps: it ends with an error after so many callbacks.
            max_time: it ends with an error after so many virtual seconds.
        """
        super().__init__()
        gc.freeze()  # what was there before is none of our garbage, and looking at it takes long
        self.main = Process("main")
        self.now = 0.0
        self.steps = 0
        self.fingerprint = 0
        self._random = random.Random(seed)  # noqa: S311 - it has to be repeatable
        self._max_steps = max_steps
        self._max_time = max_time
        self._processes = [self.main]
        self._started = 0
        self._current = self.main
        self._timers: list[tuple[float, int, asyncio.TimerHandle, Process]] = []
        self._cancelled = 0
        self._numbers = count(1)
        self._graves: list[Process] = []
        self._dead_tasks: list[asyncio.Task[object]] = []
        self._generators: WeakKeyDictionary[AsyncGenerator[Any, Any], Process] = WeakKeyDictionary()
        self._unhandled: Unhandled | None = None
        self.set_debug(False)
        self.set_task_factory(self._new_task)  # type: ignore[arg-type]

    # -- processes

    def start(self, process: Process) -> None:
        """Let a process take part."""
        self._started += 1
        process.number = self._started
        self._processes.append(process)

    def run_in(self, process: Process, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """A task of a process."""
        return self.create_task(work, context=process.context)

    def at(self, when: float, process: Process, callback: Callable[[Unpack[A]], object], *args: *A) -> None:
        """Let a process run something at a time of the simulation, if it lives then."""
        handle = asyncio.TimerHandle(process.local(when), callback, args, self, process.context)
        self._push(when, handle, process)

    def kill(self, process: Process) -> None:
        """End a process as ``kill -9`` does: it runs nothing any more, not even what ``finally`` says."""
        if process.is_dead:
            return
        process.is_dead = True
        self._processes.remove(process)
        self._graves.append(process)  # with what is ready, and all tasks: what nobody holds would be closed, and so run
        self._dead_tasks += [task for task in process.tasks if not task.done()]
        for told in process.buried:
            told()

    # -- what asyncio asks of a loop

    def time(self) -> float:
        """The monotonic clock of the process that runs, in seconds."""
        return self._current.local(self.now)

    def call_soon(
        self, callback: Callable[[Unpack[A]], object], *args: *A, context: Context | None = None
    ) -> asyncio.Handle:
        """See ``asyncio``. Nothing comes of it if the process is dead."""
        context = copy_context() if context is None else context
        process = context.get(PROCESS, self.main)
        handle = asyncio.Handle(callback, args, self, context)
        if not process.is_dead:
            process.ready.append(handle)
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[Unpack[A]], object], *args: *A, context: Context | None = None
    ) -> asyncio.Handle:
        """See ``call_soon``: there is one thread."""
        return self.call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[Unpack[A]], object], *args: *A, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """See ``asyncio``; ``when`` is a time of the process that the timer is of."""
        context = copy_context() if context is None else context
        process = context.get(PROCESS, self.main)
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._push(process.shared(when) + _LATE, handle, process)
        return handle

    def call_later(
        self, delay: float, callback: Callable[[Unpack[A]], object], *args: *A, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """See ``asyncio``."""
        context = copy_context() if context is None else context
        process = context.get(PROCESS, self.main)
        return self.call_at(process.local(self.now) + delay, callback, *args, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        """See ``asyncio``."""
        return NumberedFuture(self, next(self._numbers), PROCESS.get(self.main))

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[A]], T], *args: *A
    ) -> asyncio.Future[T]:
        """A simulation has no threads.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(f"a simulation has no threads: {func!r} cannot run in one")

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """What nobody handles ends the simulation, unless it is of a dead process."""
        origin = context.get("task") or context.get("future")
        process = getattr(origin, "process", self._current)
        if not process.is_dead and not self.is_closed() and self._unhandled is None:
            self._unhandled = Unhandled(process.name, context["message"], context.get("exception"))

    def run_until_complete(self, future: Any) -> Any:
        """Run until a future is done, and give its result. Garbage is collected at fixed steps only, meanwhile.

        Raises:
            Stuck: nothing can happen any more.
            TooLong: a bound was reached.
            Unhandled: an error in a live process that nobody handles.
        """
        collects = gc.isenabled()
        gc.disable()
        try:
            return super().run_until_complete(future)
        finally:
            if collects:
                gc.enable()

    def close(self) -> None:
        """Kill what lives, then let go of what processes have left."""
        if self.is_closed():
            return
        for process in list(self._processes):
            self.kill(process)
        super().close()
        self._timers.clear()
        hook, sys.unraisablehook = sys.unraisablehook, _ignore
        try:
            with warnings.catch_warnings(action="ignore"):
                self._bury()
        finally:
            sys.unraisablehook = hook
            gc.unfreeze()

    # -- inside

    def _run_once(self) -> None:
        if self._unhandled is not None:
            error, self._unhandled = self._unhandled, None
            raise error
        runnable = self._runnable()
        if not runnable:
            return
        process = runnable[int(self._random.random() * len(runnable))] if len(runnable) > 1 else runnable[0]
        handle = process.ready.popleft()
        if handle.cancelled():
            return
        self._count(process)
        self._current = process
        try:
            handle._run()
        finally:
            self._current = self.main

    def _runnable(self) -> list[Process]:
        """The processes that can run something, as soon as there is one; none: the loop was asked to stop."""
        while True:
            now, next_at = self.now, inf
            if self._timers and self._timers[0][0] <= now:
                self._fire()
            runnable = []
            for process in self._processes:
                if process.ready and not process.is_paused:
                    if process.free_at <= now:
                        runnable.append(process)
                    else:
                        next_at = min(next_at, process.free_at)
            if runnable or self._stopping:
                return runnable
            self._advance(next_at)

    def _count(self, process: Process) -> None:
        self.steps += 1
        if process.cost:
            process.free_at = self.now + 2 * process.cost * self._random.random()
        self.fingerprint = hash((self.fingerprint, process.number, self.now))
        if self.steps % _STEPS_TO_COLLECT == 0:
            gc.collect()
        if self.steps > self._max_steps:
            raise TooLong(f"more than {self._max_steps} steps")

    def _push(self, when: float, handle: asyncio.TimerHandle, process: Process) -> None:
        heapq.heappush(self._timers, (when, next(self._numbers), handle, process))

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        self._cancelled += 1
        if self._cancelled > _CANCELLED and 2 * self._cancelled > len(self._timers):
            self._timers = [timer for timer in self._timers if not timer[2].cancelled()]
            heapq.heapify(self._timers)
            self._cancelled = 0

    def _fire(self) -> None:
        """Timers that are due become ready, also those of a process that is paused."""
        while self._timers and self._timers[0][0] <= self.now:
            _, _, handle, process = heapq.heappop(self._timers)
            if handle.cancelled():
                self._cancelled = max(0, self._cancelled - 1)
            elif not process.is_dead:
                process.ready.append(handle)

    def _advance(self, next_at: float) -> None:
        """Nothing can run now: it is the time at which something can, a process or a timer."""
        if self._timers:
            next_at = min(next_at, self._timers[0][0])
        if next_at == inf:
            paused = ", ".join(process.name for process in self._processes if process.is_paused and process.ready)
            raise Stuck(f"nothing can happen any more{f'; paused: {paused}' if paused else ''}")
        self.now = max(self.now, next_at)
        if self.now > self._max_time:
            raise TooLong(f"more than {self._max_time:g} virtual seconds")

    def _new_task(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T], **options: Any
    ) -> asyncio.Task[T]:
        context = options.pop("context", None) or copy_context()
        process = context.get(PROCESS, self.main)
        task = NumberedTask(work, next(self._numbers), process, loop=loop, context=context, **options)
        process.tasks.add(task)
        return task

    def _asyncgen_firstiter_hook(self, generator: AsyncGenerator[Any, Any]) -> None:
        self._generators[generator] = self._current

    def _asyncgen_finalizer_hook(self, generator: AsyncGenerator[Any, Any]) -> None:
        process = self._generators.pop(generator, self.main)
        if not process.is_dead:
            self.call_soon(lambda: self.create_task(_closed(generator)), context=process.context)

    def _bury(self) -> None:
        """Close what never ended. Whatever it does about that reaches nobody: nothing runs any more."""
        if not self._dead_tasks:
            return
        while self._dead_tasks:
            work = self._dead_tasks.pop().get_coro()
            for _ in range(10):  # each time, one `finally` that awaits is left behind
                with suppress(BaseException):
                    if work is not None:
                        work.close()
        self._graves.clear()
        gc.collect()


async def _closed(generator: AsyncGenerator[Any, Any]) -> None:
    await generator.aclose()


def _ignore(_: object) -> None:
    """Whatever it is: its process is dead."""
