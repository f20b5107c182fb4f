"""Where the engines of the suite meet, and how the suite listens to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from cloudstate.runtime.cluster.engine import Engine, Entry

#: Seconds after which what did not happen will not.
PATIENCE = 30.0

Heard = TypeVar("Heard")


class Meeting(Protocol):
    """What the engines of one cluster have in common."""

    def engine(self) -> Engine:
        """Another member's engine, which is not open yet."""
        ...

    async def cut(self) -> None:
        """Take it away from all of them, without a word."""
        ...

    async def mend(self) -> None:
        """Bring it back as it was. May be called at any time."""
        ...


class Told(Generic[Heard]):
    """What somebody was told, in order; it can be waited for."""

    def __init__(self) -> None:
        self.all: list[Heard] = []
        self._more = asyncio.Event()

    def __call__(self, one: Heard) -> None:
        self.all.append(one)
        self._more.set()

    async def until(self, enough: Callable[[list[Heard]], object], patience: float = PATIENCE) -> list[Heard]:
        """Wait until what was told is enough.

        Raises:
            AssertionError: it never was.
        """
        try:
            async with asyncio.timeout(patience):
                while not enough(self.all):
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError(f"told only {self.all[-20:]}") from None
        return self.all


def table(entries: list[Entry]) -> dict[str, bytes]:
    """The records as they are after all of this was told."""
    records: dict[str, bytes] = {}
    for entry in entries:
        if entry.value:
            records[entry.key] = entry.value
        else:
            records.pop(entry.key, None)
    return records
