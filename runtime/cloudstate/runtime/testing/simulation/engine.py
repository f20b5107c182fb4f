"""The engine of one process in a simulation. See ``network.py`` for what it may do to whoever uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from cloudstate.runtime.cluster.engine import Engine, EngineUnavailable, Entry
from cloudstate.runtime.testing.simulation.network import Link, SimulatedNetwork, Watcher
from cloudstate.runtime.testing.simulation.process import Process


class SimulatedEngine(Engine):
    """See ``Engine``.

    Args:
        node: the name of the node.
        patience: how long it waits for an answer of the table, in seconds.
    """

    largest = 1_000_000

    def __init__(self, network: SimulatedNetwork, node: str, process: Process, patience: float = 2.0) -> None:
        self._network = network
        self._node = node
        self._process = process
        self._patience = patience
        self._link: Link | None = None

    async def open(self) -> None:
        """See ``Engine.open``."""
        if not self._network.is_reached(self._node):
            await asyncio.sleep(self._patience)
            raise EngineUnavailable(f"{self._node} cannot reach the engine")
        if self._link is None:
            self._link = self._network.attach(self._node, self._process)

    async def close(self) -> None:
        """See ``Engine.close``."""
        link, self._link = self._link, None
        if link is not None:
            self._network.detach(link)

    async def put(self, key: str, value: bytes, revision: int | None = None) -> int:
        """See ``Engine.put``."""
        assert value, "a record has a value"
        written: int = await self._asked(partial(self._network.write, self._node, key, value, revision))
        return written

    async def delete(self, key: str, revision: int | None = None) -> None:
        """See ``Engine.delete``."""
        await self._asked(partial(self._network.write, self._node, key, b"", revision))

    async def watch(self, changed: Callable[[Entry], None]) -> None:
        """See ``Engine.watch``."""
        watcher = Watcher(self._connected(), changed)
        told = asyncio.get_running_loop().create_future()
        try:
            await self._asked(partial(self._network.watch, watcher, partial(_tell, told)))
            async with asyncio.timeout(self._patience):
                await told
        except (EngineUnavailable, TimeoutError) as error:
            watcher.link.watchers = [other for other in watcher.link.watchers if other is not watcher]
            watcher.connection += 1
            raise EngineUnavailable("the table cannot be read now") from error

    async def listen(self, subject: str, heard: Callable[[bytes], None]) -> None:
        """See ``Engine.listen``."""
        link = self._connected()
        if not link.is_connected:
            await asyncio.sleep(self._patience)
            raise EngineUnavailable(f"`{subject}` cannot be heard now")
        self._network.listen(link, subject, heard)

    def send(self, subject: str, message: bytes) -> None:
        """See ``Engine.send``."""
        assert len(message) <= self.largest, f"a message of {len(message)} bytes"
        if self._link is not None:
            self._network.send(self._link, subject, message)

    def _connected(self) -> Link:
        if self._link is None:
            raise EngineUnavailable("the engine is not open")
        return self._link

    async def _asked(self, operation: Callable[[], Any]) -> Any:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._network.ask(self._connected(), operation, answer)
        try:
            async with asyncio.timeout(self._patience):
                return await answer
        except TimeoutError:
            raise EngineUnavailable(f"no answer within {self._patience:g} seconds") from None


def _tell(told: asyncio.Future[None]) -> None:
    if not told.done():
        told.set_result(None)
