"""A wire between two processes of this machine that a test can cut: a TCP relay on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Relay:
    """Relays connections to a port until it is cut; then nothing passes, and nobody is told."""

    def __init__(self, to: int) -> None:
        self.port = 0
        self._to = to
        self._passes = asyncio.Event()
        self._passes.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Break everything."""
        assert self._server is not None
        self._server.close()
        self._passes.set()
        for writer in list(self._writers):
            writer.transport.abort()

    def cut(self) -> None:
        """From now on nothing passes: what is sent is kept."""
        self._passes.clear()

    def mend(self) -> None:
        """What was kept passes, and all that comes."""
        self._passes.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._passes.wait()
        try:
            to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(self._pass_on(reader, to_writer), self._pass_on(to_reader, writer))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while data := await reader.read(65_536):
                await self._passes.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            self._writers.discard(writer)
            writer.close()


@asynccontextmanager
async def relay(to: int) -> AsyncIterator[Relay]:
    """A wire to a port."""
    made = Relay(to)
    await made.open()
    try:
        yield made
    finally:
        await made.close()
