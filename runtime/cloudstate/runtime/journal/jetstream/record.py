"""What the messages of the stream hold, as bytes. Pure.

All begin with a version and a kind; then come fields of a fixed order. Numbers are eight bytes, big endian; texts and
bytes have their length, four bytes, before them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from cloudstate.runtime.journal.errors import JournalInvalid
from cloudstate.runtime.journal.port import Answer, AppendEvents, EntityKey, WriteValue
from cloudstate.runtime.payload import Payload

_VERSION = 1


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
    """

    kind: Kind
    entity: EntityKey
    sequence: int
    shard: str = ""
    epoch: int = 0
    events: tuple[Payload, ...] = ()
    value: Payload | None = None


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
        self.kind = Kind(data[1])
        self._data = data
        self.place = 2

    def number(self) -> int:
        self.place += 8
        return int.from_bytes(self._data[self.place - 8 : self.place], "big")

    def data(self) -> bytes:
        begin = self.place + 4
        self.place = begin + int.from_bytes(self._data[self.place : begin], "big")
        return self._data[begin : self.place]

    def text(self) -> str:
        return self.data().decode()

    def payload(self) -> Payload:
        return Payload(self.text(), self.data())


def encode(record: Record) -> bytes:
    """A record's message."""
    made = _Writer(record.kind).text(record.entity.type).text(record.entity.id)
    made.number(record.sequence).text(record.shard).number(record.epoch)
    made.number(len(record.events))
    for payload in record.events:
        made.payload(payload)
    if record.value is not None:
        made.payload(record.value)
    return made.done()


def decode(data: bytes, where: str) -> Record:
    """A record.

    Raises:
        JournalInvalid: another version wrote it.
    """
    reader = _Reader(data, where)
    entity = EntityKey(reader.text(), reader.text())
    sequence, shard, epoch = reader.number(), reader.text(), reader.number()
    events = tuple(reader.payload() for _ in range(reader.number()))
    value = reader.payload() if reader.place < len(data) else None
    return Record(reader.kind, entity, sequence, shard, epoch, events, value)


def following(append: AppendEvents | WriteValue, sequence: int) -> Record:
    """The record of an append to an entity that is at this sequence; not for an answer alone, which leaves none."""
    shard, epoch = append.fence or ("", 0)
    if isinstance(append, WriteValue):
        return Record(Kind.VALUE, append.entity, sequence + 1, shard, epoch, (), append.value)
    return Record(Kind.EVENTS, append.entity, sequence + len(append.events), shard, epoch, append.events)


def encode_snapshot(sequence: int, payload: Payload, schema: str) -> bytes:
    """A snapshot's message."""
    return _Writer(Kind.SNAPSHOT).number(sequence).text(schema).payload(payload).done()


def decode_snapshot(data: bytes, where: str) -> tuple[int, str, Payload]:
    """Its sequence, its schema and the state. Raises as ``decode``."""
    reader = _Reader(data, where)
    return reader.number(), reader.text(), reader.payload()


def encode_answer(answer: Answer) -> bytes:
    """A kept answer's message."""
    return _Writer(Kind.ANSWER).number(answer.number).text(answer.command_id).data(answer.reply).done()


def decode_answer(data: bytes, where: str) -> Answer:
    """A kept answer. Raises as ``decode``."""
    reader = _Reader(data, where)
    return Answer(reader.number(), reader.text(), reader.data())


def encode_epoch(shard: str, epoch: int) -> bytes:
    """A shard's message."""
    return _Writer(Kind.EPOCH).text(shard).number(epoch).done()


def decode_epoch(data: bytes, where: str) -> int:
    """A shard's epoch. Raises as ``decode``."""
    reader = _Reader(data, where)
    reader.text()
    return reader.number()
