"""What the messages of the stream hold, as bytes. Pure.

All begin with a version and a kind; then come fields of a fixed order. Numbers are eight bytes, big endian; texts and
bytes have their length, four bytes, before them. What comes after the last field is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from cloudstate.runtime.journal.errors import JournalInvalid
from cloudstate.runtime.journal.port import Answer, AppendEvents, EntityKey, WriteValue
from cloudstate.runtime.payload import Payload

_VERSION = 1

#: An offset of the log is the place of a message and, in so many bits, the place of an event within it.
WITHIN = 20
LAST_WITHIN = 2**WITHIN - 1


class Kind(IntEnum):
    """What a message is."""

    EVENTS = 0
    VALUE = 1
    MARK = 2
    SNAPSHOT = 3
    ANSWER = 4
    EPOCH = 5


@dataclass(frozen=True, slots=True)
class Record:
    """The state of an entity after one message.

    Attributes:
        sequence: the entity's, after it.
        shard, epoch: of the writer; empty and 0 without a fence.
        events: of this message.
        value: of a value entity; None where it is absent.
        answer: kept with it.
    """

    kind: Kind
    entity: EntityKey
    sequence: int
    shard: str = ""
    epoch: int = 0
    events: tuple[Payload, ...] = ()
    value: Payload | None = None
    answer: Answer | None = None


class _Writer:
    def __init__(self, kind: Kind) -> None:
        self._parts = [bytes((_VERSION, kind))]

    def number(self, value: int) -> _Writer:
        self._parts.append(value.to_bytes(8, "big"))
        return self

    def data(self, value: bytes) -> _Writer:
        self._parts += (len(value).to_bytes(4, "big"), value)
        return self

    def text(self, value: str) -> _Writer:
        return self.data(value.encode())

    def payload(self, value: Payload) -> _Writer:
        return self.text(value.type_url).data(value.value)

    def done(self) -> bytes:
        return b"".join(self._parts)


class _Reader:
    def __init__(self, data: bytes, where: str) -> None:
        if len(data) < 2 or data[0] != _VERSION:
            version = data[0] if data else "none"
            raise JournalInvalid(
                f"a message on `{where}` has format {version}, this version knows {_VERSION}; "
                "use the newer version that wrote it, or give another stream"
            )
        self._data = data
        self._where = where
        self.place = 2

    @property
    def is_at_end(self) -> bool:
        return self.place >= len(self._data)

    def kind(self, *allowed: Kind) -> Kind:
        if self._data[1] not in allowed:
            raise self._damaged()
        return Kind(self._data[1])

    def number(self) -> int:
        return int.from_bytes(self._taken(8), "big")

    def data(self) -> bytes:
        return self._taken(int.from_bytes(self._taken(4), "big"))

    def text(self) -> str:
        try:
            return self.data().decode()
        except UnicodeDecodeError as error:
            raise self._damaged() from error

    def payload(self) -> Payload:
        return Payload(self.text(), self.data())

    def _taken(self, count: int) -> bytes:
        begin, self.place = self.place, self.place + count
        if self.place > len(self._data):
            raise self._damaged()
        return self._data[begin : self.place]

    def _damaged(self) -> JournalInvalid:
        return JournalInvalid(f"a message on `{self._where}` is damaged; restore the stream from a backup")


def encode(record: Record) -> bytes:
    """A record's message."""
    made = _Writer(record.kind).text(record.entity.type).text(record.entity.id)
    made.number(record.sequence).text(record.shard).number(record.epoch)
    made.number(0 if record.answer is None else 1)
    if record.answer is not None:
        made.number(record.answer.number).text(record.answer.command_id).data(record.answer.reply)
    made.number(len(record.events))
    for payload in record.events:
        made.payload(payload)
    if record.value is not None:
        made.payload(record.value)
    return made.done()


def decode(data: bytes, where: str) -> Record:
    """A record.

    Raises:
        JournalInvalid: another version wrote it, or it is damaged.
    """
    reader = _Reader(data, where)
    kind = reader.kind(Kind.EVENTS, Kind.VALUE, Kind.MARK)
    entity = EntityKey(reader.text(), reader.text())
    sequence, shard, epoch = reader.number(), reader.text(), reader.number()
    answer = Answer(reader.number(), reader.text(), reader.data()) if reader.number() else None
    events = tuple(reader.payload() for _ in range(reader.number()))
    value = reader.payload() if kind is Kind.VALUE and not reader.is_at_end else None
    return Record(kind, entity, sequence, shard, epoch, events, value, answer)


def following(append: AppendEvents | WriteValue, sequence: int) -> Record:
    """The record of an append to an entity that is at this sequence; not for an answer alone, which leaves none."""
    shard, epoch = append.fence or ("", 0)
    if isinstance(append, WriteValue):
        return Record(Kind.VALUE, append.entity, sequence + 1, shard, epoch, (), append.value, append.answer)
    sequence += len(append.events)
    return Record(Kind.EVENTS, append.entity, sequence, shard, epoch, append.events, None, append.answer)


def encode_snapshot(sequence: int, payload: Payload, schema: str) -> bytes:
    """A snapshot's message."""
    return _Writer(Kind.SNAPSHOT).number(sequence).text(schema).payload(payload).done()


def decode_snapshot(data: bytes, where: str) -> tuple[int, str, Payload]:
    """Its sequence, its schema and the state. Raises as ``decode``."""
    reader = _Reader(data, where)
    reader.kind(Kind.SNAPSHOT)
    return reader.number(), reader.text(), reader.payload()


def encode_answer(answer: Answer, entity: EntityKey | None = None) -> bytes:
    """A kept answer's message; with the entity where its subject does not tell it."""
    made = _Writer(Kind.ANSWER).number(answer.number).text(answer.command_id).data(answer.reply)
    if entity is not None:
        made.text(entity.type).text(entity.id)
    return made.done()


def decode_answer(data: bytes, where: str) -> Answer:
    """A kept answer. Raises as ``decode``."""
    return _answer(_Reader(data, where))


def decode_key(data: bytes, where: str) -> EntityKey:
    """The entity of a record, or of an answer that has it. Raises as ``decode``."""
    if data[1:2] != bytes((Kind.ANSWER,)):
        return decode(data, where).entity
    reader = _Reader(data, where)
    _answer(reader)
    return EntityKey(reader.text(), reader.text())


def _answer(reader: _Reader) -> Answer:
    reader.kind(Kind.ANSWER)
    return Answer(reader.number(), reader.text(), reader.data())


def encode_epoch(shard: str, epoch: int) -> bytes:
    """A shard's message."""
    return _Writer(Kind.EPOCH).text(shard).number(epoch).done()


def decode_epoch(data: bytes, where: str) -> int:
    """A shard's epoch. Raises as ``decode``."""
    reader = _Reader(data, where)
    reader.kind(Kind.EPOCH)
    reader.text()
    return reader.number()
