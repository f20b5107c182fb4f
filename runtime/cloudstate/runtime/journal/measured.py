"""A journal that counts what goes through it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from cloudstate.runtime.journal.around import JournalAround
from cloudstate.runtime.journal.port import (
    Appended,
    AppendEvents,
    EntityKey,
    Fence,
    History,
    Journal,
    Value,
    WriteValue,
)
from cloudstate.runtime.metrics import EntityMetrics


class MeasuredJournal(JournalAround):
    """Another journal, for one entity type.

    Args:
        journal: what does the work; whoever made it opens and closes it.
        monotonic: gives seconds.
    """

    def __init__(self, journal: Journal, metrics: EntityMetrics, monotonic: Callable[[], float]) -> None:
        super().__init__(journal)
        self._metrics = metrics
        self._monotonic = monotonic

    async def load(
        self, entity: EntityKey, *, window: int = 0, schema: str | None = None, fence: Fence | None = None
    ) -> History:
        """See ``Journal.load``."""
        started = self._monotonic()
        history = await self._journal.load(entity, window=window, schema=schema, fence=fence)
        metrics = self._metrics
        metrics.recovery_time.observe(self._monotonic() - started)
        metrics.loaded_events += len(history.events)
        metrics.loaded_event_bytes += sum(len(payload.value) for _, payload in history.events)
        if history.snapshot is not None:
            metrics.loaded_snapshots += 1
            metrics.loaded_snapshot_bytes += len(history.snapshot.payload.value)
        return history

    async def load_value(self, entity: EntityKey, *, window: int = 0, fence: Fence | None = None) -> Value:
        """See ``Journal.load_value``."""
        started = self._monotonic()
        value = await self._journal.load_value(entity, window=window, fence=fence)
        metrics = self._metrics
        metrics.recovery_time.observe(self._monotonic() - started)
        if value.payload is not None:
            metrics.loaded_snapshots += 1
            metrics.loaded_snapshot_bytes += len(value.payload.value)
        return value

    def submit(self, append: AppendEvents | WriteValue, done: Callable[[Appended], None]) -> None:
        """See ``Journal.submit``."""
        self._journal.submit(append, partial(self._appended, append, done, self._monotonic()))

    def _appended(
        self, append: AppendEvents | WriteValue, done: Callable[[Appended], None], started: float, result: Appended
    ) -> None:
        if isinstance(result, int):
            metrics = self._metrics
            metrics.persist_time.observe(self._monotonic() - started)
            if isinstance(append, AppendEvents):
                events, snapshot = append.events, append.snapshot
                metrics.persisted_events += len(events)
                for payload in events:
                    metrics.persisted_event_bytes += len(payload.value)
            else:
                snapshot = append.value
            if snapshot is not None:
                metrics.persisted_snapshots += 1
                metrics.persisted_snapshot_bytes += len(snapshot.value)
        done(result)
