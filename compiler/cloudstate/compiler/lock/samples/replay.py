"""Reads recorded samples as their release did and as today's service does, and compares what both see.

Values are followed by their numbers, which are all that bytes have. Fields that are gone are not looked at: whether
they may be is judged by comparing declarations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message

from cloudstate.compiler.lock.recorded import Version
from cloudstate.compiler.lock.samples.classes import RecordedClasses


@dataclass(frozen=True, slots=True)
class Misreading:
    """A sample that today's service reads otherwise.

    Attributes:
        message: the type of the message.
        path: the field, e.g. ``item.quantity``; "" where the sample is not even decoded.
        was, now: what is seen there.
    """

    message: str
    path: str
    was: str
    now: str


def misread(version: Version, pool: DescriptorPool, names: Mapping[str, str]) -> Iterator[Misreading]:
    """The first misreading of each message that the version has samples of; ``names`` says as what each is decoded."""
    classes = RecordedClasses(version.stored)
    for name, samples in version.samples.items():
        if name in names:
            today = message_factory.GetMessageClass(pool.FindMessageTypeByName(names[name]))
            found = (_misreading(classes.get(name), today, sample) for sample in samples)
            first = next((one for one in found if one is not None), None)
            if first is not None:
                yield Misreading(name, *first)


def _misreading(old: type[Message], new: type[Message], sample: bytes) -> tuple[str, str, str] | None:
    before = old.FromString(sample)
    try:
        return next(_differences(before, new.FromString(sample), ""), None)
    except DecodeError:
        return "", "a message", "not decodable"


def _differences(old: Message, new: Message, path: str) -> Iterator[tuple[str, str, str]]:
    fields: Any = old.ListFields()
    for field, value in fields:
        today: Any = new.DESCRIPTOR.fields_by_number.get(field.number)
        if today is not None:
            yield from _compared(field, value, today, getattr(new, today.name), f"{path}{field.name}")


def _compared(field: FieldDescriptor, value: Any, today: FieldDescriptor, other: Any, path: str) -> Iterator[Any]:
    """Differences between what stands at one number; lists and maps are compared item by item."""
    if _is_map(field) and _is_map(today):
        before, after = dict(value), dict(other)
        if before.keys() != after.keys():
            yield path, f"the keys {sorted(before, key=str)}", f"the keys {sorted(after, key=str)}"
            return
        for key in sorted(before, key=str):
            yield from _values(before[key], after[key], f"{path}[{key!r}]")
    elif _is_map(field) or field.is_repeated or today.is_repeated:
        # A map that became a list has its entries in no certain order.
        many, others = _listed(field, value), _listed(today, other)
        if len(many) != len(others):
            yield path, f"{len(many)} values", f"{len(others)} values"
        for index, pair in enumerate(zip(many, others, strict=False) if not _is_map(field) else ()):
            yield from _values(*pair, f"{path}[{index}]")
    else:
        yield from _values(value, other, path)


def _values(value: Any, other: Any, path: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(value, Message) and isinstance(other, Message):
        yield from _differences(value, other, f"{path}.")
        return
    known = value.encode() if isinstance(value, str) and isinstance(other, bytes) else value
    if isinstance(other, Message) or known != other:
        yield path, _shown(value), _shown(other)


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _listed(field: FieldDescriptor, value: Any) -> list[Any]:
    if field.is_repeated:
        return list(value)
    return [value]


def _shown(value: Any) -> str:
    return type(value).__name__ if isinstance(value, Message) else repr(value)[:60]
