"""Journals against a naive model: any order of appends, writes, conflicts, loads and restarts."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.journal import (
    AppendEvents,
    EntityKey,
    Event,
    History,
    Journal,
    MemoryJournal,
    Snapshot,
    SqliteJournal,
    Value,
    WriteValue,
    WrongExpectedSequence,
)
from cloudstate.runtime.journal.sqlite import SqliteSettings
from cloudstate.runtime.payload import Payload

KEYS = [EntityKey(type, id) for type in ("cart", "wallet") for id in ("", "a", "b\0", "ü")]
payloads = st.builds(Payload, st.sampled_from(["t/A", "t/B", "t/C"]), st.binary(max_size=20))
keys = st.sampled_from(KEYS)
#: How far an expected sequence is off; mostly not at all.
offs = st.sampled_from([0, 0, 0, 0, 0, -1, 1])


@dataclass
class Naive:
    """One entity as a list and a pair."""

    sequence: int = 0
    events: list[Event] = field(default_factory=list)
    state: Payload | None = None
    state_sequence: int = 0

    def apply(self, append: AppendEvents | WriteValue) -> int | None:
        """The new sequence; None for a wrong expected one."""
        if append.expected != self.sequence:
            return None
        if isinstance(append, WriteValue):
            self.sequence += 1
            self.state, self.state_sequence = append.value, self.sequence
            return self.sequence
        for payload in append.events:
            self.sequence += 1
            self.events.append(Event(self.sequence, payload))
        if append.snapshot is not None:
            self.state, self.state_sequence = append.snapshot, self.sequence
        return self.sequence

    def history(self) -> History:
        snapshot = None if self.state is None else Snapshot(self.state_sequence, self.state)
        return History(
            snapshot, [event for event in self.events if event.sequence > self.state_sequence], self.sequence
        )


class JournalMachine(RuleBasedStateMachine):
    """Does to a journal what it does to the model, in batches that wait together."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.directory = tempfile.TemporaryDirectory()
        self.model = {key: Naive() for key in KEYS}
        self.batch: list[AppendEvents | WriteValue] = []
        self.options: dict[str, Any] | None = None

    @initialize(
        options=st.none()
        | st.fixed_dictionaries(
            {
                "sync": st.sampled_from(["auto", "thread"]),
                "index_lag": st.sampled_from([1, 5, 1000]),
                "checkpoint_every": st.sampled_from([1, 20_000, 10_000_000]),
                "wal_limit": st.sampled_from([1, 50_000]),
                "max_batch": st.sampled_from([1, 3, 500]),
            }
        )
    )
    def open(self, options: dict[str, Any] | None) -> None:
        self.options = options
        self.journal = MemoryJournal(SystemClock()) if options is None else self.sqlite()
        self.runner.run(self.journal.open())

    def sqlite(self) -> Journal:
        return SqliteJournal(Path(self.directory.name) / "j.db", SystemClock(), SqliteSettings(**(self.options or {})))

    @rule(key=keys, off=offs, events=st.lists(payloads, min_size=1, max_size=4), snapshot=st.none() | payloads)
    def append_events(self, key: EntityKey, off: int, events: list[Payload], snapshot: Payload | None) -> None:
        expected = self.upcoming(key) + off
        self.batch.append(AppendEvents(key, expected, tuple(events), snapshot))

    @rule(key=keys, off=offs, value=st.none() | payloads)
    def write_value(self, key: EntityKey, off: int, value: Payload | None) -> None:
        self.batch.append(WriteValue(key, self.upcoming(key) + off, value))

    @precondition(lambda self: self.batch)
    @rule()
    def wait_for_all(self) -> None:
        self.check(self.runner.run(self.append_all()))

    @rule(key=keys)
    def load(self, key: EntityKey) -> None:
        model = self.model[key]
        assert self.runner.run(self.journal.load(key)) == model.history()
        assert self.runner.run(self.journal.load_value(key)) == Value(model.state, model.sequence)

    @rule()
    def reopen(self) -> None:
        self.check(self.runner.run(self.append_and_close()))
        if self.options is not None:
            self.journal = self.sqlite()
        self.runner.run(self.journal.open())

    @invariant()
    def small_batches(self) -> None:
        if len(self.batch) >= 20:
            self.wait_for_all()

    def teardown(self) -> None:
        for key in KEYS:
            self.load(key)
        self.runner.run(self.journal.close())
        self.runner.close()
        self.directory.cleanup()

    def upcoming(self, key: EntityKey) -> int:
        """The sequence that the entity will have after the batch, if all of it fits."""
        sequence = self.model[key].sequence
        for append in self.batch:
            if append.entity == key and append.expected == sequence:
                sequence += len(append.events) if isinstance(append, AppendEvents) else 1
        return sequence

    def check(self, results: list[Any]) -> None:
        for append, result in zip(self.batch, results, strict=True):
            model = self.model[append.entity]
            before = model.sequence
            expected = model.apply(append)
            if expected is not None:
                assert result == expected
            else:
                assert isinstance(result, WrongExpectedSequence)
                assert (result.expected, result.actual) == (append.expected, before)
        self.batch = []

    async def append_all(self) -> list[Any]:
        return await asyncio.gather(*map(self.journal.append, self.batch), return_exceptions=True)

    async def append_and_close(self) -> list[Any]:
        appending = asyncio.gather(*map(self.journal.append, self.batch), return_exceptions=True)
        await self.journal.close()
        return await appending


TestJournalModel = JournalMachine.TestCase
TestJournalModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
