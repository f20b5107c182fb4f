"""A process that appends under load is killed again and again: what it was told is durable, is."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.journal_writer import APPENDERS, ENTITIES
from tests.processes import ROOT

from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.journal import EntityKey, History, SqliteJournal, Value

KILLS = 20

#: One of these each time: every way of committing, the index close behind and far behind, a log that restarts often.
SETTINGS: list[dict[str, Any]] = [
    {},
    {"sync": "thread"},
    {"index_lag": 20, "checkpoint_every": 100_000, "wal_limit": 300_000},
    {"sync": "thread", "index_lag": 300, "checkpoint_every": 1, "wal_limit": 1},
    {"max_batch": 5, "index_lag": 1},
]


@dataclass(frozen=True)
class Said:
    """One append, as the writer spoke of it."""

    id: str
    expected: int
    events: int
    token: str


@dataclass
class Ledger:
    """Everything that writers said, of all rounds."""

    sent: list[Said] = field(default_factory=list)
    done: set[Said] = field(default_factory=set)

    def hear(self, line: str) -> bool:
        """Note a line; True for an acknowledgement. The last line of a killed writer may be cut off."""
        if not line.endswith("\n"):
            return False
        verb, id, expected, events, token = line.split()
        said = Said(id, int(expected), int(events), token)
        if verb == "done":
            self.done.add(said)
            return True
        self.sent.append(said)
        return False


def kill_under_load(path: Path, number: int, acknowledgements: int, ledger: Ledger) -> None:
    """Run a writer, and kill it after so many acknowledgements."""
    settings = json.dumps(SETTINGS[number % len(SETTINGS)])
    command = [sys.executable, "-m", "tests.e2e.journal_writer", str(path), str(number), settings]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                acknowledgements -= ledger.hear(line)
                if acknowledgements <= 0:
                    process.kill()
        finally:
            process.kill()
    assert process.returncode == -9, "the writer ended by itself"


def stored(path: Path) -> tuple[dict[str, list[str]], dict[str, tuple[int, str]]]:
    """Events and states by entity, read without the journal; sequences must be without gaps."""
    events: dict[str, list[str]] = defaultdict(list)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        previous: dict[str, int] = {}
        for offset, id, sequence, before, value in connection.execute(
            "SELECT offset, id, sequence, previous, value FROM event ORDER BY offset"
        ):
            events[id].append(value.decode().strip())
            assert sequence == len(events[id]), f"{id}: event {sequence} is number {len(events[id])}"
            assert before == previous.get(id, 0)
            previous[id] = offset
        rows = connection.execute("SELECT id, sequence, value FROM state").fetchall()
        states = {
            id: (sequence, "deleted" if value is None else value.decode().strip()) for id, sequence, value in rows
        }
    return events, states


def check_events(ledger: Ledger, events: dict[str, list[str]]) -> None:
    """Acknowledged appends are there once and in their place; the others are there whole or not at all."""
    tokens = {id: Counter(event.rpartition("/")[0] for event in each) for id, each in events.items()}
    explained: dict[str, int] = defaultdict(int)
    for said in ledger.sent:
        if not said.events:
            continue
        written = events[said.id][said.expected : said.expected + said.events]
        is_there = written == [f"{said.token}/{number}" for number in range(said.events)]
        count = tokens.get(said.id, Counter())[said.token]
        if said in ledger.done:
            assert is_there, f"acknowledged and lost: {said}"
        assert count == (said.events if is_there else 0), f"written in part or twice: {said}"
        explained[said.id] += count
    assert {id: len(each) for id, each in events.items() if each} == {id: n for id, n in explained.items() if n}


def check_values(ledger: Ledger, states: dict[str, tuple[int, str]]) -> None:
    """A value is what was acknowledged last, or what was sent after that."""
    newest: dict[str, Said] = {}
    after: dict[str, set[tuple[int, str]]] = defaultdict(set)
    for said in ledger.sent:
        if said.events:
            continue
        written = (said.expected + 1, said.token)
        if said in ledger.done:
            newest[said.id] = said
            after[said.id] = {written}
        else:
            after[said.id].add(written)
    for id, said in newest.items():
        assert states[id] in after[id], f"{id} is {states[id]}, acknowledged was {said}"


async def loaded(path: Path) -> tuple[dict[str, History], dict[str, Value]]:
    """Every entity, through the journal."""
    journal = SqliteJournal(path, SystemClock())
    await journal.open()
    try:
        histories, values = {}, {}
        for number in range(APPENDERS):
            for entity in range(ENTITIES):
                id = f"{number}-{entity}"
                if number % 4:
                    histories[id] = await journal.load(EntityKey("events", id))
                else:
                    values[id] = await journal.load_value(EntityKey("value", id))
        return histories, values
    finally:
        await journal.close()


def check_loaded(path: Path, events: dict[str, list[str]], states: dict[str, tuple[int, str]]) -> None:
    """The journal finds through its index what a scan finds."""
    histories, values = asyncio.run(loaded(path))
    for id, history in histories.items():
        after = 0 if history.snapshot is None else history.snapshot.sequence
        assert history.sequence == len(events[id])
        assert [event.payload.value.decode().strip() for event in history.events] == events[id][after:]
        if history.snapshot is not None:
            assert states[id] == (after, history.snapshot.payload.value.decode())
    for id, value in values.items():
        text = "deleted" if value.payload is None else value.payload.value.decode()
        assert (value.sequence, text) == states.get(id, (0, "deleted"))


def index_rows(path: Path) -> tuple[list[Any], list[Any]]:
    """What the index holds, and what it must hold."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ATTACH ? AS lagging", (f"{path}-index",))
        found = connection.execute("SELECT type, id, event, state FROM lagging.head ORDER BY type, id").fetchall()
        expected = connection.execute(
            "SELECT type, id, max(event), max(state) FROM (SELECT type, id, offset AS event, 0 AS state FROM event "
            "UNION ALL SELECT type, id, 0, number FROM state) GROUP BY type, id ORDER BY type, id"
        ).fetchall()
    return found, expected


def test_killed_at_random_moments(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    directory, copy = tmp_path / "journal", tmp_path / "copy"
    directory.mkdir()
    path = directory / "journal.db"
    ledger = Ledger()
    for number in range(KILLS):
        kill_under_load(path, number, moments.randrange(1, 3000), ledger)
        # To look is to change (SQLite recovers the files), so a copy is looked at; the next writer gets what was left.
        shutil.copytree(directory, copy)
        events, states = stored(copy / "journal.db")
        check_events(ledger, events)
        check_values(ledger, states)
        check_loaded(copy / "journal.db", events, states)
        found, expected = index_rows(copy / "journal.db")
        assert found == expected
        shutil.rmtree(copy)
    assert len(ledger.done) > KILLS
