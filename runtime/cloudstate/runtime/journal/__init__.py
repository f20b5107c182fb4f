"""Where entities' histories are kept. Start reading at ``port``; a journal is opened by its address.

memory:         ends with the process
sqlite:PATH     one file on this machine, durable when acknowledged
"""

from cloudstate.runtime.journal.address import open_journal
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
    "open_journal",
]
