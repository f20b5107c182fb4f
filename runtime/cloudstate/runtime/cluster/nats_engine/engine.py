"""The engine on NATS: its parts."""

from __future__ import annotations

from collections.abc import Callable

from cloudstate.runtime.cluster.engine import Engine, Entry
from cloudstate.runtime.cluster.nats_engine.bucket import Bucket, token
from cloudstate.runtime.cluster.nats_engine.link import Link
from cloudstate.runtime.cluster.nats_engine.settings import parse
from cloudstate.runtime.cluster.nats_engine.watching import Watch


class NatsEngine(Engine):
    """See ``Engine`` and the package.

    Args:
        url: see ``settings.parse``.
        service: the members of one service share a table, and hear each other.

    Raises:
        ServiceInvalid: it is no such address.
    """

    def __init__(self, url: str, service: str) -> None:
        self._link = Link(parse(url))
        self._bucket = Bucket(self._link, service)
        self._prefix = f"cloudstate.{token(service)}."
        self._watches: list[Watch] = []

    @property
    def largest(self) -> int:  # type: ignore[override]
        """See ``Engine.largest``: what the server that we are connected to takes."""
        return self._link.largest

    async def open(self) -> None:
        """See ``Engine.open``."""
        await self._link.open()
        try:
            await self._bucket.open()
        except BaseException:
            await self._link.close()
            raise

    async def close(self) -> None:
        """See ``Engine.close``."""
        watches, self._watches = self._watches, []
        for watch in watches:
            await watch.close()
        await self._link.close()

    async def put(self, key: str, value: bytes, revision: int | None = None) -> int:
        """See ``Engine.put``."""
        return await self._bucket.put(key, value, revision)

    async def delete(self, key: str, revision: int | None = None) -> None:
        """See ``Engine.delete``."""
        await self._bucket.delete(key, revision)

    async def watch(self, changed: Callable[[Entry], None]) -> None:
        """See ``Engine.watch``."""
        watch = Watch(self._link, self._bucket, changed)
        await watch.open()
        self._watches.append(watch)

    async def listen(self, subject: str, heard: Callable[[bytes], None]) -> None:
        """See ``Engine.listen``."""
        await self._link.listen(self._prefix + subject, heard)

    def send(self, subject: str, message: bytes) -> None:
        """See ``Engine.send``."""
        self._link.send(self._prefix + subject, message)
