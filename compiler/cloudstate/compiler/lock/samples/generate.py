"""Makes samples: the same ones at every run, on every machine.

The first sample of a message is empty and the second has every field. The others have about two thirds of them, each
field going through the edges of its type and each oneof through its members.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

_COUNT = 8
_DEPTH = 3
#: A sample stops growing at so many values: messages that contain each other would have no end.
_MAX_VALUES = 60
_I32, _I64 = 2**31, 2**63
_EDGES: dict[int, list[Any]] = {
    FieldDescriptor.TYPE_INT32: [1, -1, _I32 - 1, -_I32, 128],
    FieldDescriptor.TYPE_INT64: [1, -1, _I64 - 1, -_I64, _I32],
    FieldDescriptor.TYPE_UINT32: [1, 2 * _I32 - 1, _I32, 128],
    FieldDescriptor.TYPE_UINT64: [1, 2 * _I64 - 1, _I64, 2 * _I32],
    FieldDescriptor.TYPE_SINT32: [1, -1, _I32 - 1, -_I32],
    FieldDescriptor.TYPE_SINT64: [1, -1, _I64 - 1, -_I64],
    FieldDescriptor.TYPE_FIXED32: [1, 2 * _I32 - 1, _I32],
    FieldDescriptor.TYPE_FIXED64: [1, 2 * _I64 - 1, _I64],
    FieldDescriptor.TYPE_SFIXED32: [1, -1, _I32 - 1, -_I32],
    FieldDescriptor.TYPE_SFIXED64: [1, -1, _I64 - 1, -_I64],
    FieldDescriptor.TYPE_FLOAT: [1.5, -2.25, float("inf"), 2.0**-140],
    FieldDescriptor.TYPE_DOUBLE: [1.5, -0.1, float("-inf"), 1e300],
    FieldDescriptor.TYPE_BOOL: [True, False],
    FieldDescriptor.TYPE_STRING: ["a", "", "z\N{LATIN SMALL LETTER O WITH DIAERESIS} \N{SHOPPING TROLLEY}", "x" * 20],
    FieldDescriptor.TYPE_BYTES: [b"a", b"", b"\x00\xff\xfe", b"\x08\x96\x01"],
}


def samples_of(pool: DescriptorPool, names: Iterable[str]) -> Mapping[str, tuple[bytes, ...]]:
    """Samples of each message. Messages that need a group are left out: there is no class for recorded ones."""
    messages = [pool.FindMessageTypeByName(name) for name in sorted(names)]
    return {message.full_name: _samples(message) for message in messages if not _needs_group(message)}


def _needs_group(message: Descriptor) -> bool:
    waiting, seen = [message], {message.full_name}
    while waiting:
        for field in waiting.pop().fields:
            if field.type == FieldDescriptor.TYPE_GROUP:
                return True
            part = field.message_type
            if part is not None and part.full_name not in seen:
                seen.add(part.full_name)
                waiting.append(part)
    return False


def _samples(descriptor: Descriptor) -> tuple[bytes, ...]:
    cls = message_factory.GetMessageClass(descriptor)
    encoded: dict[bytes, None] = {}
    for index in range(_COUNT):
        message = cls()
        _Filler(index).fill(message, _DEPTH)
        encoded[message.SerializePartialToString(deterministic=True)] = None
    return tuple(encoded)


class _Filler:
    """Fills the message of one sample.

    Args:
        index: which of the samples it is.
    """

    def __init__(self, index: int) -> None:
        self._index = index
        self._left = _MAX_VALUES

    def fill(self, message: Message, depth: int) -> None:
        """Set the fields that this sample has."""
        fields: Any = message.DESCRIPTOR.fields
        # Plain fields first: parts take what is left.
        for field in sorted(fields, key=lambda field: field.message_type is not None):
            if self._left > 0 and self._has(field) and (depth > 0 or field.message_type is None):
                self._set(message, field, depth - 1)

    def _has(self, field: FieldDescriptor) -> bool:
        oneof = field.containing_oneof
        if self._index == 0:
            return False
        if oneof is not None and len(oneof.fields) > 1:
            return bool(oneof.fields[self._index % len(oneof.fields)] is field)
        return self._index == 1 or self._turn(field) % 3 != 0

    def _turn(self, field: FieldDescriptor) -> int:
        """A number that looks like chance and is not."""
        seed = f"{field.full_name} {self._index}"
        return hashlib.sha256(seed.encode()).digest()[0]

    def _set(self, message: Message, field: FieldDescriptor, depth: int) -> None:
        target: Any = getattr(message, field.name)
        self._left -= 1
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            self._set_map(target, field.message_type, depth)
        elif field.is_repeated:
            for step in range(1 + self._index % 2):
                self._append(target, field, step, depth)
        elif field.message_type is not None:
            target.SetInParent()
            self.fill(target, depth)
        else:
            setattr(message, field.name, self._value(field, 0))

    def _append(self, target: Any, field: FieldDescriptor, step: int, depth: int) -> None:
        if field.message_type is not None:
            self.fill(target.add(), depth)
        else:
            target.append(self._value(field, step))

    def _set_map(self, target: Any, entry: Descriptor, depth: int) -> None:
        key, value = entry.fields_by_name["key"], entry.fields_by_name["value"]
        for step in range(1 + self._index % 2):
            if value.message_type is not None:
                self.fill(target[self._value(key, step)], depth)
            else:
                target[self._value(key, step)] = self._value(value, step)

    def _value(self, field: FieldDescriptor, step: int) -> Any:
        if field.enum_type is not None:
            edges: list[Any] = sorted({value.number for value in field.enum_type.values}, key=lambda it: (it == 0, it))
        else:
            edges = _EDGES[field.type]
        return edges[(self._index - 1 + field.number + step) % len(edges)]
