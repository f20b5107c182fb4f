"""The journal that the nodes of a simulation share, and the handle that each has on it."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from cloudstate.runtime.journal.errors import Fenced, JournalError, JournalUnavailable, WrongExpectedSequence
from cloudstate.runtime.journal.limits import checked_size
from cloudstate.runtime.journal.memory import MemoryJournal
from cloudstate.runtime.journal.port import (
    Appended,
    AppendEvents,
    EntityKey,
    Fence,
    History,
    Journal,
    Logged,
    Page,
    Value,
    WriteValue,
)
from cloudstate.runtime.testing.simulation.loop import SimulatedLoop
from cloudstate.runtime.testing.simulation.process import Process
from cloudstate.runtime.testing.simulation.trace import Trace

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class JournalConditions:
    """How good the journal is now. Times are in seconds, shares from 0 to 1.

    Attributes:
        delay: the shortest and the longest time for one way.
        stragglers: how much takes a hundred times as long.
        unanswered: how many requests are lost, and as many answers: done or not, nobody is told.
    """

    delay: tuple[float, float] = (0.0002, 0.002)
    stragglers: float = 0.005
    unanswered: float = 0.0


class SharedJournal:
    """One journal in memory that nodes reach, or not.

    Attributes:
        store: what is in it, as somebody sees it whom no fault touches.
        conditions: how good it is; assign others at any time.
        counts: how many appends were ``written``, ``fenced`` or in ``conflict``, and how many were refused or
            unanswered (``unavailable``).
        fences_late: an older owner's append to an entity is refused only once a newer owner has loaded that entity,
            as the port allows; else as soon as there is a newer owner.
        unfenced: appends without a fence that were written.
    """

    def __init__(self, loop: SimulatedLoop, chance: random.Random, trace: Trace, store: MemoryJournal) -> None:
        self.store = store
        self.conditions = JournalConditions()
        self.counts: Counter[str] = Counter()
        self.fences_late = False
        self.unfenced = 0
        self.process = Process("journal")
        loop.start(self.process)
        self._loop = loop
        self._random = chance
        self._trace = trace
        self._cut: set[str] = set()
        self._loaded: dict[EntityKey, Fence] = {}

    def cut(self, node: str) -> None:
        """The node cannot reach the journal any more."""
        self._trace.note("journal", f"{node} is cut off")
        self._cut.add(node)

    def mend(self, node: str) -> None:
        """It can again."""
        if node in self._cut:
            self._trace.note("journal", f"{node} is no longer cut off")
            self._cut.discard(node)

    def heal(self) -> None:
        """Every node can; conditions stay."""
        for node in sorted(self._cut):
            self.mend(node)

    def is_reached(self, node: str) -> bool:
        """Whether a node can reach the journal."""
        return node not in self._cut

    def arrival(self) -> float:
        """When what is sent now arrives."""
        delay = self._random.uniform(*self.conditions.delay)
        return self._loop.now + (100 * delay if self.happens(self.conditions.stragglers) else delay)

    def happens(self, share: float) -> bool:
        """Whether something comes about, of which so many do."""
        return share > 0.0 and self._random.random() < share

    def written(self, node: str, append: AppendEvents | WriteValue) -> Appended:
        """Append now."""
        result = self._submitted(append)
        name = f"{append.entity.type}/{append.entity.id}"
        if isinstance(result, Fenced):
            self.counts["fenced"] += 1
            self._trace.note("journal", f"{node}: append to {name} is fenced: {result}")
        elif isinstance(result, WrongExpectedSequence):
            self.counts["conflict"] += 1
            self._trace.note("journal", f"{node}: append to {name} after {append.expected} conflicts")
        elif isinstance(result, int):
            self.counts["written"] += 1
            self.unfenced += append.fence is None
            self._trace.note("journal", f"{node}: {name} is at {result}")
        return result

    def _submitted(self, append: AppendEvents | WriteValue) -> Appended:
        fence, results = append.fence, list[Appended]()
        if self.fences_late and fence is not None:
            newest = self._loaded.get(append.entity, fence)
            if newest.epoch > fence.epoch:
                return Fenced(shard=fence.shard, epoch=fence.epoch, actual=newest.epoch)
            append = append._replace(fence=None)
        self.store.submit(append, results.append)
        return results[0]

    async def loaded(
        self, entity: EntityKey, *, window: int = 0, schema: str | None = None, fence: Fence | None = None
    ) -> History:
        """Load now."""
        history = await self.store.load(entity, window=window, schema=schema, fence=fence)
        self._is_loaded(entity, fence)
        return history

    async def loaded_value(self, entity: EntityKey, *, window: int = 0, fence: Fence | None = None) -> Value:
        """Load now."""
        value = await self.store.load_value(entity, window=window, fence=fence)
        self._is_loaded(entity, fence)
        return value

    def _is_loaded(self, entity: EntityKey, fence: Fence | None) -> None:
        if fence is not None:
            self._loaded[entity] = fence

    def taken_over(self, node: str, shard: str, fence: Fence) -> Fence:
        """Somebody has taken over a shard."""
        self._trace.note("journal", f"{node}: takes over {shard}, epoch {fence.epoch}")
        return fence


class SimulatedJournal(Journal):
    """The handle of one process on the shared journal.

    Args:
        node: the name of the node.
        patience: how long it waits for an answer, in seconds.
    """

    def __init__(
        self, shared: SharedJournal, loop: SimulatedLoop, node: str, process: Process, patience: float = 5.0
    ) -> None:
        self._shared = shared
        self._loop = loop
        self._node = node
        self._process = process
        self._patience = patience
        self._closed = False
        self._last_sent = 0.0
        self._last_told = 0.0

    @property
    def shared(self) -> bool:
        """See ``Journal.shared``."""
        return True

    async def open(self) -> None:
        """See ``Journal.open``."""
        self._closed = False
        await self.types()

    async def close(self) -> None:
        """See ``Journal.close``: of this handle."""
        self._closed = True

    async def load(
        self, entity: EntityKey, *, window: int = 0, schema: str | None = None, fence: Fence | None = None
    ) -> History:
        """See ``Journal.load``."""
        return await self._asked(partial(self._shared.loaded, entity, window=window, schema=schema, fence=fence))

    async def load_value(self, entity: EntityKey, *, window: int = 0, fence: Fence | None = None) -> Value:
        """See ``Journal.load_value``."""
        return await self._asked(partial(self._shared.loaded_value, entity, window=window, fence=fence))

    async def take_over(self, shard: str) -> Fence:
        """See ``Journal.take_over``."""

        async def taken() -> Fence:
            return self._shared.taken_over(self._node, shard, await self._shared.store.take_over(shard))

        return await self._asked(taken)

    def submit(self, append: AppendEvents | WriteValue, done: Callable[[Appended], None]) -> None:
        """See ``Journal.submit``."""
        shared = self._shared
        told = _Once(done)
        checked_size(append, sys.maxsize)  # what is a mistake of the caller is said at once
        if self._closed or (not shared.is_reached(self._node) and shared.happens(0.5)):
            shared.counts["unavailable"] += 1
            reason = "is closed" if self._closed else "cannot be reached"
            done(JournalUnavailable(f"the journal {reason}", retry_safe=True))
            return
        late = JournalUnavailable(f"no answer within {self._patience:g} seconds", retry_safe=None)
        self._loop.at(self._loop.now + self._patience, self._process, self._give_up, told, late)
        # In the order of the calls, each one after those before it.
        when = self._last_sent = max(self._last_sent, shared.arrival())
        self._loop.at(when, shared.process, self._serve_append, append, told)

    async def partitions(self) -> list[str]:
        """See ``Journal.partitions``."""
        return await self._asked(self._shared.store.partitions)

    async def read(self, partition: str, after: int, limit: int, types: frozenset[str] | None = None) -> Page:
        """See ``Journal.read``."""
        return await self._asked(partial(self._shared.store.read, partition, after, limit, types))

    async def events(self, entity: EntityKey, after: int, limit: int) -> list[Logged]:
        """See ``Journal.events``."""
        return await self._asked(partial(self._shared.store.events, entity, after, limit))

    async def entities(self, type: str, after: str | None, limit: int) -> list[EntityKey]:
        """See ``Journal.entities``."""
        return await self._asked(partial(self._shared.store.entities, type, after, limit))

    async def types(self) -> list[str]:
        """See ``Journal.types``."""
        return await self._asked(self._shared.store.types)

    def _passes(self) -> bool:
        return self._shared.is_reached(self._node) and not self._shared.happens(self._shared.conditions.unanswered)

    def _serve_append(self, append: AppendEvents | WriteValue, told: _Once) -> None:
        if self._passes():
            result = self._shared.written(self._node, append)
            if self._passes():
                when = self._last_told = max(self._last_told, self._shared.arrival())
                self._loop.at(when, self._process, told, result)

    def _give_up(self, told: _Once, late: JournalUnavailable) -> None:
        if told(late):
            self._shared.counts["unavailable"] += 1

    async def _asked(self, operation: Callable[[], Coroutine[Any, Any, T]]) -> T:
        if self._closed:
            raise JournalUnavailable("the journal is closed", retry_safe=True)
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._loop.at(self._shared.arrival(), self._shared.process, self._serve, operation, answer)
        try:
            async with asyncio.timeout(self._patience):
                return await answer
        except TimeoutError:
            raise JournalUnavailable(f"no answer within {self._patience:g} seconds", retry_safe=None) from None

    def _serve(self, operation: Callable[[], Coroutine[Any, Any, T]], answer: asyncio.Future[T]) -> None:
        if not self._passes():
            return
        result: T | JournalError
        try:
            operation().send(None)  # the store never waits
            raise AssertionError("the store waits")
        except StopIteration as done:
            result = done.value
        except JournalError as error:
            result = error
        if self._passes():
            self._loop.at(self._shared.arrival(), self._process, _answer, answer, result)


class _Once:
    """Tells the result of an append to whoever waits for it, once."""

    def __init__(self, done: Callable[[Appended], None]) -> None:
        self._done: Callable[[Appended], None] | None = done

    def __call__(self, result: Appended) -> bool:
        done, self._done = self._done, None
        if done is not None:
            done(result)
        return done is not None


def _answer(answer: asyncio.Future[T], result: T | JournalError) -> None:
    if answer.done():
        return
    if isinstance(result, JournalError):
        answer.set_exception(result)
    else:
        answer.set_result(result)
