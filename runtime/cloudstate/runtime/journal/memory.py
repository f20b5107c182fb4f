"""A journal in memory: what it holds ends with the process. For development, tests and entities that may be lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cloudstate.runtime.clock import Clock
from cloudstate.runtime.journal.errors import AppendTooLarge, JournalUnavailable, WrongExpectedSequence
from cloudstate.runtime.journal.limits import DEFAULT_MAX_APPEND, checked_size
from cloudstate.runtime.journal.port import (
    Appended,
    AppendEvents,
    EntityKey,
    Event,
    History,
    Journal,
    Snapshot,
    Value,
    WriteValue,
)
from cloudstate.runtime.payload import Payload


@dataclass(slots=True)
class _Record:
    """All of one entity: every event with the time of its append, and the latest state (snapshot or value)."""

    sequence: int = 0
    state: Payload | None = None
    state_sequence: int = 0
    events: list[Event] = field(default_factory=list)
    written: list[float] = field(default_factory=list)


class MemoryJournal(Journal):
    """Entities by key. An append is complete when ``submit`` returns.

    Args:
        clock: gives the time that is kept with every event.
        max_append: the largest append in bytes.
    """

    def __init__(self, clock: Clock, max_append: int = DEFAULT_MAX_APPEND) -> None:
        self._clock = clock
        self._max_append = max_append
        self._records: dict[EntityKey, _Record] = {}
        self._closed = False

    async def open(self) -> None:
        """See ``Journal.open``; what was there before ``close`` is still there."""
        self._closed = False

    async def close(self) -> None:
        """See ``Journal.close``."""
        self._closed = True

    async def load(self, entity: EntityKey) -> History:
        """See ``Journal.load``."""
        self._check_open()
        record = self._records.get(entity) or _Record()
        snapshot = None if record.state is None else Snapshot(record.state_sequence, record.state)
        after = [event for event in record.events if event.sequence > record.state_sequence]
        return History(snapshot, after, record.sequence)

    async def load_value(self, entity: EntityKey) -> Value:
        """See ``Journal.load_value``."""
        self._check_open()
        record = self._records.get(entity) or _Record()
        return Value(record.state, record.sequence)

    def submit(self, append: AppendEvents | WriteValue, done: Callable[[Appended], None]) -> None:
        """See ``Journal.submit``."""
        result: Appended
        try:
            result = self._write(append)
        except (AppendTooLarge, JournalUnavailable, WrongExpectedSequence) as error:
            result = error
        done(result)

    def _write(self, append: AppendEvents | WriteValue) -> int:
        self._check_open()
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
        return record.sequence

    def _add_events(self, record: _Record, append: AppendEvents) -> None:
        now = self._clock.wall()
        for payload in append.events:
            record.sequence += 1
            record.events.append(Event(record.sequence, payload))
            record.written.append(now)
        if append.snapshot is not None:
            record.state, record.state_sequence = append.snapshot, record.sequence

    def _check_open(self) -> None:
        if self._closed:
            raise JournalUnavailable("the journal is closed", retry_safe=True)
