"""Messages with values at the edges of their types: what any release could have stored."""

from __future__ import annotations

from random import Random
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

_I32, _I64 = 2**31, 2**63
_EDGES: dict[int, list[Any]] = {
    FieldDescriptor.TYPE_INT32: [0, 1, -1, 127, 128, _I32 - 1, -_I32],
    FieldDescriptor.TYPE_INT64: [0, 1, -1, _I32, _I64 - 1, -_I64],
    FieldDescriptor.TYPE_UINT32: [0, 1, _I32, 2 * _I32 - 1],
    FieldDescriptor.TYPE_UINT64: [0, 1, _I32, 2 * _I32, _I64, 2 * _I64 - 1],
    FieldDescriptor.TYPE_SINT32: [0, 1, -1, _I32 - 1, -_I32],
    FieldDescriptor.TYPE_SINT64: [0, 1, -1, _I32, _I64 - 1, -_I64],
    FieldDescriptor.TYPE_FIXED32: [0, 1, _I32, 2 * _I32 - 1],
    FieldDescriptor.TYPE_FIXED64: [0, 1, _I64, 2 * _I64 - 1],
    FieldDescriptor.TYPE_SFIXED32: [0, 1, -1, _I32 - 1, -_I32],
    FieldDescriptor.TYPE_SFIXED64: [0, 1, -1, _I64 - 1, -_I64],
    FieldDescriptor.TYPE_FLOAT: [0.0, 1.5, -2.25, float(2**100)],
    FieldDescriptor.TYPE_DOUBLE: [0.0, 1.5, -2.25, 1e300, 0.1],
    FieldDescriptor.TYPE_BOOL: [False, True],
    FieldDescriptor.TYPE_STRING: ["", "a", "zwölf", "\U0001f6d2", "x" * 40],
    FieldDescriptor.TYPE_BYTES: [b"", b"a", b"\x00", b"\xff\xfe", b"\x08\x96\x01"],
}


def fill(message: Message, chance: Random, depth: int = 3) -> Message:
    """Set about half of the fields to values at the edges of their types."""
    fields: Any = message.DESCRIPTOR.fields
    for field in fields:
        if chance.random() < 0.5 and (depth or field.message_type is None):
            _fill(message, field, chance, depth - 1)
    return message


def _fill(message: Message, field: FieldDescriptor, chance: Random, depth: int) -> None:
    target: Any = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        _fill_map(target, field, chance, depth)
    elif field.is_repeated and field.message_type is not None:
        for _ in range(chance.randint(1, 3)):
            fill(target.add(), chance, depth)
        # Two that are equal, and two with one key: what a map would merge.
        target.add().CopyFrom(target[0])
        fill(target.add(), chance, depth)
    elif field.is_repeated:
        target.extend(_edge(field, chance) for _ in range(chance.randint(1, 4)))
    elif field.message_type is not None:
        target.SetInParent()
        fill(target, chance, depth)
    else:
        setattr(message, field.name, _edge(field, chance))


def _fill_map(target: Any, field: FieldDescriptor, chance: Random, depth: int) -> None:
    assert field.message_type is not None
    key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
    for _ in range(chance.randint(1, 3)):
        if value.message_type is not None:
            fill(target[_edge(key, chance)], chance, depth)
        else:
            target[_edge(key, chance)] = _edge(value, chance)


def _edge(field: FieldDescriptor, chance: Random) -> Any:
    if field.enum_type is not None:
        return chance.choice([value.number for value in field.enum_type.values])
    return chance.choice(_EDGES[field.type])
