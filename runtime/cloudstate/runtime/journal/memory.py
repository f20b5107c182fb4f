"""A journal in memory: what it holds ends with the process. For development, tests and entities that may be lost."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from cloudstate.runtime.clock import Clock
from cloudstate.runtime.journal.errors import AppendTooLarge, Fenced, JournalUnavailable, WrongExpectedSequence
from cloudstate.runtime.journal.limits import DEFAULT_MAX_APPEND, MAX_WINDOW, checked_size
from cloudstate.runtime.journal.port import (
    Answer,
    Appended,
    AppendEvents,
    EntityKey,
    Event,
    Fence,
    History,
    Journal,
    Logged,
    Page,
    Snapshot,
    Value,
    WriteValue,
)
from cloudstate.runtime.payload import Payload


@dataclass(slots=True)
class _Record:
    """All of one entity: the offsets of its events in the log, and the latest state (snapshot or value)."""

    sequence: int = 0
    state: Payload | None = None
    state_sequence: int = 0
    schema: str = ""
    offsets: list[int] = field(default_factory=list)
    answers: deque[Answer] = field(default_factory=lambda: deque(maxlen=MAX_WINDOW))


class MemoryJournal(Journal):
    """Entities by key, events in the order in which they came. An append is complete when ``submit`` returns.

    Args:
        clock: gives the time that is kept with every event.
        max_append: the largest append in bytes.
    """

    def __init__(self, clock: Clock, max_append: int = DEFAULT_MAX_APPEND) -> None:
        self._clock = clock
        self._max_append = max_append
        self._records: dict[EntityKey, _Record] = {}
        self._log: list[Logged] = []
        self._epochs: dict[str, int] = {}
        self._closed = False

    @property
    def shared(self) -> bool:
        """See ``Journal.shared``."""
        return False

    async def open(self) -> None:
        """See ``Journal.open``; what was there before ``close`` is still there."""
        self._closed = False

    async def close(self) -> None:
        """See ``Journal.close``."""
        self._closed = True

    async def load(
        self, entity: EntityKey, *, window: int = 0, schema: str | None = None, fence: Fence | None = None
    ) -> History:
        """See ``Journal.load``."""
        self._check(fence)
        record = self._records.get(entity) or _Record()
        snapshot, base = None, record.state_sequence
        if record.state is not None and schema in (None, record.schema):
            snapshot = Snapshot(base, record.state)
        elif record.state is not None:
            base = 0
        events = [Event(at.sequence, at.payload) for at in self._events(record, base)]
        return History(snapshot, events, record.sequence, _newest(record, window))

    async def load_value(self, entity: EntityKey, *, window: int = 0, fence: Fence | None = None) -> Value:
        """See ``Journal.load_value``."""
        self._check(fence)
        record = self._records.get(entity) or _Record()
        return Value(record.state, record.sequence, _newest(record, window))

    async def take_over(self, shard: str) -> Fence:
        """See ``Journal.take_over``."""
        self._check(None)
        epoch = self._epochs[shard] = self._epochs.get(shard, 0) + 1
        return Fence(shard, epoch)

    def submit(self, append: AppendEvents | WriteValue, done: Callable[[Appended], None]) -> None:
        """See ``Journal.submit``."""
        result: Appended
        try:
            result = self._write(append)
        except (AppendTooLarge, Fenced, JournalUnavailable, WrongExpectedSequence) as error:
            result = error
        done(result)

    async def partitions(self) -> list[str]:
        """See ``Journal.partitions``: one."""
        self._check(None)
        return [""]

    async def read(self, partition: str, after: int, limit: int, types: frozenset[str] | None = None) -> Page:
        """See ``Journal.read``."""
        self._check(None)
        if partition:
            return Page([], after)
        wanted = (at for at in islice(self._log, after, None) if types is None or at.entity.type in types)
        found = list(islice(wanted, limit))
        return Page(found, found[-1].offset if len(found) == limit else max(after, len(self._log)))

    async def events(self, entity: EntityKey, after: int, limit: int) -> list[Logged]:
        """See ``Journal.events``."""
        self._check(None)
        return self._events(self._records.get(entity) or _Record(), after)[:limit]

    async def entities(self, type: str, after: str | None, limit: int) -> list[EntityKey]:
        """See ``Journal.entities``."""
        self._check(None)
        keys = sorted(key for key in self._records if key.type == type)
        begin = 0 if after is None else bisect_right(keys, EntityKey(type, after))
        return keys[begin : begin + limit]

    async def types(self) -> list[str]:
        """See ``Journal.types``."""
        self._check(None)
        return sorted({key.type for key in self._records})

    def _events(self, record: _Record, after: int) -> list[Logged]:
        begin = bisect_right(record.offsets, after, key=lambda offset: self._log[offset - 1].sequence)
        return [self._log[offset - 1] for offset in record.offsets[begin:]]

    def _write(self, append: AppendEvents | WriteValue) -> int:
        self._check(append.fence)
        entity = append.entity
        checked_size(append, self._max_append)
        record = self._records.get(entity) or _Record()
        if append.expected != record.sequence:
            raise WrongExpectedSequence(
                entity_type=entity.type, entity_id=entity.id, expected=append.expected, actual=record.sequence
            )
        self._records[entity] = record
        if isinstance(append, WriteValue):
            record.sequence += 1
            record.state, record.state_sequence = append.value, record.sequence
        else:
            self._add_events(record, append)
        if append.answer is not None:
            record.answers.append(append.answer)
        return record.sequence

    def _add_events(self, record: _Record, append: AppendEvents) -> None:
        now = self._clock.wall()
        for payload in append.events:
            record.sequence += 1
            offset = len(self._log) + 1
            self._log.append(Logged(offset, append.entity, record.sequence, payload, now))
            record.offsets.append(offset)
        if append.snapshot is not None:
            record.state, record.state_sequence, record.schema = append.snapshot, record.sequence, append.schema

    def _check(self, fence: Fence | None) -> None:
        if self._closed:
            raise JournalUnavailable("the journal is closed", retry_safe=True)
        if fence is not None:
            actual = self._epochs.get(fence.shard, 0)
            if actual > fence.epoch:
                raise Fenced(shard=fence.shard, epoch=fence.epoch, actual=actual)


def _newest(record: _Record, window: int) -> tuple[Answer, ...]:
    return tuple(record.answers)[-window:] if window else ()
