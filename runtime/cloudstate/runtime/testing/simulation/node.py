"""A machine of a simulation, and the program that runs on it, again and again."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeAlias, TypeVar

from cloudstate.runtime.errors import CloudStateError
from cloudstate.runtime.testing.simulation.engine import SimulatedEngine
from cloudstate.runtime.testing.simulation.errors import NodeDown
from cloudstate.runtime.testing.simulation.journal import SharedJournal, SimulatedJournal
from cloudstate.runtime.testing.simulation.loop import SimulatedLoop
from cloudstate.runtime.testing.simulation.network import SimulatedNetwork
from cloudstate.runtime.testing.simulation.process import Process, ProcessClock
from cloudstate.runtime.testing.simulation.trace import Trace

logger = logging.getLogger(__name__)

S = TypeVar("S")
T = TypeVar("T")

#: What a node runs: entered when the process starts, left when it is asked to stop; what it gives is the service.
Program: TypeAlias = "Callable[[Node[S]], AbstractAsyncContextManager[S]]"

#: A process that could not start is started again after so many seconds.
_AGAIN = 1.0
#: What a callback costs on average, in virtual seconds.
_COST = 20e-6
#: The most that the monotonic clock of a node goes wrong, as a share.
_DRIFT = 0.01


class Node(Generic[S]):
    """See the module. Made by ``World.add_node``.

    Attributes:
        name: of the machine; the same after a restart.
        starts: how often its program was started.
        service: what the program gave; None: it is not running (yet).
        random: chance for the program: another one after each start.
        clock: the clocks of the process.
    """

    def __init__(
        self,
        name: str,
        program: Program[S],
        loop: SimulatedLoop,
        chance: random.Random,
        network: SimulatedNetwork,
        shared: SharedJournal,
        trace: Trace,
    ) -> None:
        self.name = name
        self.starts = 0
        self.service: S | None = None
        self.random = chance
        self._program = program
        self._loop = loop
        self._chance = chance
        self._network = network
        self._shared = shared
        self._trace = trace
        self._process = Process(name)
        self.clock = ProcessClock(self._process, lambda: loop.now)
        self._stopping = asyncio.Event()
        self._changed = asyncio.Event()
        self.start()

    def __repr__(self) -> str:
        return f"<node {self.name}>"

    # -- for the program

    @property
    def engine(self) -> SimulatedEngine:
        """A new engine of this process, not open yet."""
        return SimulatedEngine(self._network, self.name, self._process)

    @property
    def journal(self) -> SimulatedJournal:
        """A new handle of this process on the journal that all share."""
        return SimulatedJournal(self._shared, self._loop, self.name, self._process)

    # -- for the scenario

    @property
    def is_running(self) -> bool:
        """Whether its program has come up and has not ended; it may be paused."""
        return self.service is not None and not self._process.is_dead

    @property
    def is_ready(self) -> bool:
        """Whether new requests are sent to it: it runs, as far as anybody knows, and was not asked to stop."""
        return self.is_running and not self._stopping.is_set()

    @property
    def is_paused(self) -> bool:
        """Whether it is paused."""
        return self._process.is_paused

    def start(self) -> None:
        """Start the program, where it has ended."""
        if self.starts and not self._process.is_dead:
            return
        self.starts += 1
        chance = self._chance
        self.random = random.Random(chance.random())  # noqa: S311 - it has to be repeatable
        self._process = Process(
            self.name,
            cost=_COST,
            clock_begin=chance.uniform(0.0, 1e6),
            clock_rate=chance.uniform(1 - _DRIFT, 1 + _DRIFT),
        )
        self.clock = ProcessClock(self._process, lambda: self._loop.now)
        self._stopping = asyncio.Event()
        self._trace.note(self.name, "starts")
        self._loop.start(self._process)
        self._loop.run_in(self._process, self._run(self._process, self._stopping))

    def kill(self) -> None:
        """End the process at once, as ``kill -9`` does."""
        if not self._process.is_dead:
            self._trace.note(self.name, "is killed")
            self._end(self._process)

    async def restart(self) -> None:
        """Kill it, start it again, and wait until it runs."""
        self.kill()
        self.start()
        await self.ready()

    async def stop(self) -> None:
        """Let it end in good order, as at SIGTERM, and wait for that."""
        process = self._process
        self._trace.note(self.name, "is asked to stop")
        self._stopping.set()
        while not process.is_dead:
            self._changed.clear()
            await self._changed.wait()

    async def ready(self) -> None:
        """Wait until the program has come up."""
        while not self.is_running:
            self._changed.clear()
            await self._changed.wait()

    def pause(self) -> None:
        """Stop it where it is, as SIGSTOP does."""
        self._trace.note(self.name, "is paused")
        self._process.pause()

    def resume(self) -> None:
        """Let it go on, as SIGCONT does."""
        if self._process.is_paused:
            self._trace.note(self.name, "goes on")
            self._process.resume()

    def slow(self, factor: float = 1.0) -> None:
        """Let everything that it does take so many times as long; 1: as at first."""
        self._trace.note(self.name, f"takes {factor:g} times as long")
        self._process.cost = _COST * factor

    def cut(self) -> None:
        """Cut it off from the engine; it still reaches the journal."""
        self._network.cut(self.name)

    def heal(self) -> None:
        """Let it reach engine and journal again."""
        self._network.mend(self.name)
        self._shared.mend(self.name)

    async def run(self, work: Callable[[S], Awaitable[T]]) -> T:
        """Send work to the node, as a client sends a request: ``work(service)`` runs there. Gives or raises its result.

        Raises:
            NodeDown: the node does not run, or has ended before it answered.
        """
        process, service = self._process, self.service
        if process.is_dead or service is None:
            raise NodeDown(f"{self.name} does not run")
        answer: asyncio.Future[T] = self._loop.create_future()
        running: list[asyncio.Task[None]] = []
        is_sent = asyncio.Event()

        def begin() -> None:
            work_here = _answered(self._loop, self._shared, lambda: work(service), answer, is_sent)
            running.append(self._loop.create_task(work_here))

        def lose() -> None:
            if not answer.done() and not is_sent.is_set():  # what is on its way arrives, whatever becomes of its sender
                answer.set_exception(NodeDown(f"{self.name} has ended"))

        process.buried.append(lose)
        self._loop.at(self._shared.arrival(), process, begin)
        try:
            return await answer
        finally:
            process.buried.remove(lose)
            for task in running:
                task.cancel()

    # -- inside

    async def _run(self, process: Process, stopping: asyncio.Event) -> None:
        try:
            async with self._program(self) as service:
                self._loop.at(self._loop.now, self._loop.main, self._up, process, service)
                await stopping.wait()
        except CloudStateError as error:
            logger.info("%s ends: %s", self.name, error)
            self._loop.at(self._loop.now + _AGAIN, self._loop.main, self.start)
        except Exception as error:
            message = "the program failed"
            self._loop.call_exception_handler({"message": message, "exception": error})
        self._loop.at(self._loop.now, self._loop.main, self._end, process)

    def _up(self, process: Process, service: S) -> None:
        if not process.is_dead:
            self._trace.note(self.name, "is up")
            self.service = service
            self._changed.set()

    def _end(self, process: Process) -> None:
        if not process.is_dead:
            self._loop.kill(process)
            self.service = None
            self._changed.set()


async def _answered(
    loop: SimulatedLoop,
    shared: SharedJournal,
    work: Callable[[], Awaitable[Any]],
    answer: asyncio.Future[Any],
    is_sent: asyncio.Event,
) -> None:
    tell: Callable[[Any], None] = answer.set_result
    try:
        result: Any = await work()
    except Exception as error:
        tell, result = answer.set_exception, error
    is_sent.set()
    loop.at(shared.arrival(), loop.main, _tell, answer, tell, result)


def _tell(answer: asyncio.Future[Any], tell: Callable[[Any], None], result: Any) -> None:
    if not answer.done():
        tell(result)
