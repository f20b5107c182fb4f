"""The contract of engines, run for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from itertools import count

import pytest
from tests.conformance.engine_contract import EngineContract, Join
from tests.conformance.engine_places import Meeting
from tests.servers.nats import Nats, nats

from cloudstate.runtime.cluster.engine import Engine
from cloudstate.runtime.cluster.nats_engine import NatsEngine

NUMBERS = count()


@pytest.fixture(scope="module")
def messaging() -> Iterator[list[Nats]]:
    with nats() as running:
        yield running


class OnNats:
    """Engines on one server, of a service of their own."""

    def __init__(self, server: Nats) -> None:
        self._server = server
        self._service = f"test-{next(NUMBERS)}"

    def engine(self) -> Engine:
        """See ``Meeting.engine``."""
        return NatsEngine(f"nats://127.0.0.1:{self._server.port}", self._service)

    async def cut(self) -> None:
        """See ``Meeting.cut``."""
        await asyncio.to_thread(self._server.kill)

    async def mend(self) -> None:
        """See ``Meeting.mend``."""
        await asyncio.to_thread(self._server.revive)


@pytest.fixture(params=["nats"])
async def meeting(request: pytest.FixtureRequest) -> AsyncIterator[Meeting]:
    found = OnNats(request.getfixturevalue("messaging")[0])
    yield found
    await found.mend()


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


class TestEngines(EngineContract):
    """Every test of the contract, for every engine."""
