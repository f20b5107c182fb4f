"""A process that appends to a SQLite journal under load until it is killed, and says what it does.

    python -m tests.e2e.journal_writer PATH ROUND SETTINGS

Each line of its output is one append: ``sent ENTITY EXPECTED EVENTS TOKEN`` before it waits, ``done ...`` once it is
acknowledged. The events carry ``TOKEN/NUMBER``; a value write has 0 events and carries ``TOKEN``.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from pathlib import Path

from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.journal import AppendEvents, EntityKey, SqliteJournal, WriteValue
from cloudstate.runtime.journal.sqlite import SqliteSettings
from cloudstate.runtime.payload import Payload

APPENDERS = 24
ENTITIES = 6  # of each appender

EVENT, STATE = "type.googleapis.com/test.Event", "type.googleapis.com/test.State"


def payload(url: str, text: str, size: int = 0) -> Payload:
    """A payload that begins with the text."""
    return Payload(url, text.encode() + b" " * size)


def say(line: str) -> None:
    """Write to the pipe at once: what is said before a kill is heard."""
    os.write(1, f"{line}\n".encode())


class Appender:
    """Appends to entities of its own, one at a time."""

    def __init__(self, journal: SqliteJournal, number: int, round: int) -> None:
        self.journal = journal
        self.name = f"{round}.{number}"
        self.random = random.Random(self.name)
        kind = "value" if number % 4 == 0 else "events"
        self.keys = [EntityKey(kind, f"{number}-{entity}") for entity in range(ENTITIES)]

    async def run(self) -> None:
        """Until the process ends."""
        sequences = {key: (await self.journal.load(key)).sequence for key in self.keys}
        count = 0
        while True:
            count += 1
            key = self.random.choice(self.keys)
            append = self.next(key, sequences[key], f"{self.name}.{count}")
            sequences[key] = await append

    def next(self, key: EntityKey, expected: int, token: str) -> asyncio.Future[int]:
        """Start one append, and say so."""
        append: AppendEvents | WriteValue
        if key.type == "value":
            value = None if self.random.random() < 0.2 else payload(STATE, token)
            append, events = WriteValue(key, expected, value), 0
            token = "deleted" if value is None else token
        else:
            events = self.random.choice((1, 1, 1, 2, 5))
            size = self.random.choice((0, 0, 0, 50, 5000))
            stored = tuple(payload(EVENT, f"{token}/{number}", size) for number in range(events))
            append = AppendEvents(key, expected, stored, payload(STATE, token) if is_snapshot_due(expected) else None)
        line = f"{key.id} {expected} {events} {token}"
        say(f"sent {line}")
        future = self.journal.append(append)
        future.add_done_callback(lambda done: say(f"done {line}") if done.exception() is None else None)
        return future


def is_snapshot_due(expected: int) -> bool:
    """Every now and then there is a snapshot."""
    return expected % 10 == 9


async def main(path: str, round: int, settings: SqliteSettings) -> None:
    """Open the journal and append without end."""
    journal = SqliteJournal(Path(path), SystemClock(), settings)
    await journal.open()
    await asyncio.gather(*(Appender(journal, number, round).run() for number in range(APPENDERS)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), SqliteSettings(**json.loads(sys.argv[3]))))
