"""Where entities' histories are kept. Start reading at ``port``; a journal is opened by its address.

memory:         ends with the process
sqlite:PATH     one file on this machine, durable when acknowledged
postgresql://   a database that many processes share
nats://         a JetStream stream that many processes share
"""

from cloudstate.runtime.journal.address import open_for_reading, open_journal
from cloudstate.runtime.journal.errors import (
    AppendTooLarge,
    Fenced,
    JournalError,
    JournalInvalid,
    JournalUnavailable,
    WrongExpectedSequence,
)
from cloudstate.runtime.journal.measured import MeasuredJournal
from cloudstate.runtime.journal.memory import MemoryJournal
from cloudstate.runtime.journal.port import (
    Answer,
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
from cloudstate.runtime.journal.sqlite import SqliteJournal

__all__ = [
    "Answer",
    "AppendEvents",
    "AppendTooLarge",
    "EntityKey",
    "Event",
    "Fence",
    "Fenced",
    "History",
    "Journal",
    "JournalError",
    "JournalInvalid",
    "JournalUnavailable",
    "Logged",
    "MeasuredJournal",
    "MemoryJournal",
    "Page",
    "Snapshot",
    "SqliteJournal",
    "Value",
    "WriteValue",
    "WrongExpectedSequence",
    "open_for_reading",
    "open_journal",
]
