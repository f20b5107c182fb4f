"""What consumers remember, kept in the journal like everything else: how far they are, and what nobody could handle.

An offset is a value entity of type ``cloudstate.offset``, the dead letters of a group are an event-sourced entity of
type ``cloudstate.dead-letter``; both hold JSON.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass, replace
from typing import Any

from cloudstate.runtime.eventing.deliver import CloudEvent
from cloudstate.runtime.journal import AppendEvents, EntityKey, Journal, WriteValue
from cloudstate.runtime.payload import Payload

OFFSET = "cloudstate.offset"
DEAD_LETTER = "cloudstate.dead-letter"
_OFFSET_URL = "json.cloudstate.io/offset"
_BURIED_URL = "json.cloudstate.io/dead-letter"
_RETRY_URL = "json.cloudstate.io/dead-letter-retry"
_DONE_URL = "json.cloudstate.io/dead-letter-done"


class Offset:
    """How far one consumer group is in one partition of a log.

    Two consumers that do the same work by mistake are told apart by the journal: one of them fails to save.
    """

    def __init__(self, journal: Journal, name: str, partition: str) -> None:
        self._journal = journal
        self._key = EntityKey(OFFSET, f"{name}/{partition}")
        self._sequence = 0
        self.value = 0

    async def load(self) -> None:
        """Read it. Raises as ``Journal.load_value``."""
        stored = await self._journal.load_value(self._key)
        self._sequence = stored.sequence
        self.value = json.loads(stored.payload.value)["offset"] if stored.payload is not None else 0

    async def save(self, value: int) -> None:
        """Everything at or before this offset is handled.

        Raises:
            WrongExpectedSequence: another consumer does the same work.
            JournalUnavailable: it could not be written.
        """
        payload = Payload(_OFFSET_URL, json.dumps({"offset": value}).encode())
        self._sequence = await self._journal.append(WriteValue(self._key, self._sequence, payload))
        self.value = value


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up.

    Attributes:
        number: counts the dead letters of a group from 1.
        id, source, type, subject, time: of the message.
        type_url, data: its payload; data in base64.
        reason: how the last attempt ended.
        attempts: how many there were.
    """

    number: int
    id: str
    source: str
    type: str
    subject: str
    time: float
    type_url: str
    data: str
    reason: str
    attempts: int

    def event(self) -> CloudEvent:
        """The message."""
        payload = Payload(self.type_url, b64decode(self.data))
        return CloudEvent(self.id, self.source, self.type, payload, self.subject, self.time)


class DeadLetters:
    """The dead letters of one consumer group."""

    def __init__(self, journal: Journal, name: str) -> None:
        self._journal = journal
        self._key = EntityKey(DEAD_LETTER, name)
        self._sequence = 0
        self._numbers = 0
        #: What is there, by number.
        self.letters: dict[int, DeadLetter] = {}
        #: The numbers of those that somebody wants to be tried again.
        self.wanted: set[int] = set()

    async def load(self) -> None:
        """Read them. Raises as ``Journal.load``."""
        history = await self._journal.load(self._key)
        self._sequence, self._numbers = history.sequence, 0
        self.letters, self.wanted = {}, set()
        for _, payload in history.events:
            self._take(payload.type_url, json.loads(payload.value))

    def _take(self, url: str, said: dict[str, Any]) -> None:
        number = said["number"]
        if url == _BURIED_URL:
            self._numbers = number
            self.letters[number] = DeadLetter(**said)
        elif url == _RETRY_URL and number in self.letters:
            self.wanted.add(number)
        elif url == _DONE_URL:
            self.letters.pop(number, None)
            self.wanted.discard(number)

    async def bury(self, event: CloudEvent, reason: str, attempts: int) -> DeadLetter:
        """Keep a message that is given up. Raises as ``Journal.append``."""
        data = b64encode(event.data.value).decode()
        where = event.id, event.source, event.type, event.subject, event.time, event.data.type_url, data
        letter = DeadLetter(self._numbers + 1, *where, reason, attempts)
        await self._add((_BURIED_URL, asdict(letter)))
        return letter

    async def ask_again(self, number: int) -> None:
        """Have a dead letter tried again, by the consumer. Raises as ``Journal.append``."""
        await self._add((_RETRY_URL, {"number": number}))

    async def done(self, number: int) -> None:
        """It has been handled. Raises as ``Journal.append``."""
        await self._add((_DONE_URL, {"number": number}))

    async def failed_again(self, letter: DeadLetter, reason: str) -> None:
        """It was tried again, in vain. Raises as ``Journal.append``."""
        again = replace(letter, number=self._numbers + 1, reason=reason, attempts=letter.attempts + 1)
        # Both or none: a letter that were taken away first could be lost.
        await self._add((_DONE_URL, {"number": letter.number}), (_BURIED_URL, asdict(again)))

    async def _add(self, *events: tuple[str, dict[str, Any]]) -> None:
        payloads = tuple(Payload(url, json.dumps(said).encode()) for url, said in events)
        self._sequence = await self._journal.append(AppendEvents(self._key, self._sequence, payloads))
        for url, said in events:
            self._take(url, said)
