"""Futures and tasks of a simulation. A set of them has the same order in every run."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from cloudstate.runtime.testing.simulation.process import Process

T = TypeVar("T")


class NumberedFuture(asyncio.Future[T]):
    """A future, and the process that made it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, number: int, process: Process) -> None:
        self.number = number
        self.process = process
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self.number


class NumberedTask(asyncio.Task[T]):
    """A task, and the process that it is of."""

    def __init__(self, work: Coroutine[Any, Any, T], number: int, process: Process, **options: Any) -> None:
        self.number = number
        self.process = process
        super().__init__(work, **options)

    def __hash__(self) -> int:
        return self.number
