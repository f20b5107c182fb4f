"""The simulated engine and journal keep the contracts of the ports, where no fault is asked for."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from tests.conformance.engine_contract import EngineContract, Join
from tests.conformance.engine_places import Meeting
from tests.conformance.journal_answers import AnswerContract, FenceContract, LogContract
from tests.conformance.journal_contract import LIMIT, JournalContract
from tests.conformance.journal_places import MemoryPlace, Place

from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.cluster.engine import Engine
from cloudstate.runtime.journal import Journal, MemoryJournal
from cloudstate.runtime.testing.simulation import (
    SharedJournal,
    SimulatedEngine,
    SimulatedJournal,
    SimulatedLoop,
    SimulatedNetwork,
    Trace,
)


def running() -> SimulatedLoop:
    """The loop that the test runs on."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimulatedLoop)
    return loop


class Simulated:
    """Engines on a simulated network; see ``Meeting``."""

    def __init__(self) -> None:
        loop = running()
        self._main = loop.main
        self._network = SimulatedNetwork(loop, random.Random(1), Trace(lambda: loop.now))
        self._network.is_strict = False
        self._nodes = 0

    def engine(self) -> Engine:
        self._nodes += 1
        return SimulatedEngine(self._network, f"node{self._nodes}", self._main)

    async def cut(self) -> None:
        for number in range(self._nodes + 10):
            self._network.cut(f"node{number}")

    async def mend(self) -> None:
        self._network.heal()


@pytest.fixture
async def meeting() -> Meeting:
    return Simulated()


@pytest.fixture
async def join(meeting: Meeting) -> AsyncIterator[Join]:
    async with AsyncExitStack() as stack:

        async def joined() -> Engine:
            engine = meeting.engine()
            await engine.open()
            stack.push_async_callback(engine.close)
            return engine

        yield joined


@pytest.fixture
async def engine(join: Join) -> Engine:
    return await join()


class TestEngine(EngineContract):
    """Every test of the contract of engines."""


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    loop = running()
    store = MemoryJournal(SystemClock(), max_append=LIMIT)
    shared = SharedJournal(loop, random.Random(1), Trace(lambda: loop.now), store)
    journal = SimulatedJournal(shared, loop, "node", loop.main)
    await journal.open()
    yield MemoryPlace(journal)
    await journal.close()


@pytest.fixture
def journal(place: Place) -> Journal:
    return place.journal


class TestJournal(JournalContract, AnswerContract, FenceContract, LogContract):
    """Every test of the contract of journals."""
