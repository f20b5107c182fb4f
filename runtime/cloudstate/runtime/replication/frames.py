"""Messages as bytes: a version, the sender, then items until the end. Numbers, texts and bytes are those of records.

What cannot be read is refused as a whole: a member of a version to come, or somebody else, has sent it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cloudstate.runtime.crdt import Dot
from cloudstate.runtime.crdt.bytestream import Reader, Writer
from cloudstate.runtime.journal.port import EntityKey
from cloudstate.runtime.replication.items import (
    Acked,
    Announced,
    Answered,
    Asked,
    Delta,
    Item,
    Same,
    Stale,
    Whole,
)

#: The first byte.
VERSION = 1

_TAGS: dict[type[Item], int] = {
    Delta: 1, Stale: 2, Acked: 3, Announced: 4, Same: 5, Whole: 6, Asked: 7, Answered: 8,
}  # fmt: skip


class Frame(NamedTuple):
    """One message."""

    sender: str
    items: list[Item]


def read(data: bytes) -> Frame:
    """The message that these bytes are.

    Raises:
        EncodingInvalid: they are none, or one of another version.
    """
    reader = Reader(data)
    version = reader.number()
    if version != VERSION:
        raise reader.invalid(f"the format {version}, this version reads {VERSION}")
    sender = reader.text()
    items: list[Item] = []
    while reader.offset < len(data):
        items.append(_read_item(reader))
    return Frame(sender, items)


def packed(sender: str, items: Iterable[Item], largest: int) -> Iterator[bytes]:
    """Messages that hold all items, in order, none larger than so many bytes. ``fits`` is true of each item."""
    head = _head(sender)
    message = bytearray(head)
    for item in items:
        encoded = _encoded(item)
        if len(message) + len(encoded) > largest and len(message) > len(head):
            yield bytes(message)
            message = bytearray(head)
        message += encoded
    if len(message) > len(head):
        yield bytes(message)


def fits(sender: str, item: Item, largest: int) -> bool:
    """True if an item can be sent in one message."""
    return len(_head(sender)) + len(_encoded(item)) <= largest


def _head(sender: str) -> bytes:
    out = Writer()
    out.number(VERSION)
    out.text(sender)
    return out.written()


def _encoded(item: Item) -> bytes:
    out = Writer()
    out.number(_TAGS[type(item)])
    match item:
        case Delta(key, number, after, record):
            _write_key(key, out)
            out.number(number)
            out.text(after.node)
            out.number(after.number)
            out.blob(record)
        case Stale(key, number):
            _write_key(key, out)
            out.number(number)
        case Acked(number):
            out.number(number)
        case Announced(key, digest) | Same(key, digest):
            _write_key(key, out)
            out.blob(digest)
        case Whole(key, wants_answer, record):
            _write_key(key, out)
            out.flag(wants_answer)
            out.blob(record)
        case Asked(number, key):
            out.number(number)
            _write_key(key, out)
        case Answered(number, record):
            out.number(number)
            out.blob(record)
    return out.written()


def _write_key(key: EntityKey, out: Writer) -> None:
    out.text(key.type)
    out.text(key.id)


def _read_item(reader: Reader) -> Item:
    match reader.number():
        case 1:
            return Delta(_read_key(reader), reader.number(), Dot(reader.text(), reader.number()), reader.blob())
        case 2:
            return Stale(_read_key(reader), reader.number())
        case 3:
            return Acked(reader.number())
        case 4:
            return Announced(_read_key(reader), reader.blob())
        case 5:
            return Same(_read_key(reader), reader.blob())
        case 6:
            return Whole(_read_key(reader), reader.flag(), reader.blob())
        case 7:
            return Asked(reader.number(), _read_key(reader))
        case 8:
            return Answered(reader.number(), reader.blob())
        case tag:
            raise reader.invalid(f"no item {tag}")


def _read_key(reader: Reader) -> EntityKey:
    return EntityKey(reader.text(), reader.text())
