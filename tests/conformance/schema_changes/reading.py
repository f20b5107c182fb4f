"""What somebody reads who decodes a message: compared between the schema that wrote it and today's.

This knows nothing of the rules of the lock. It looks at values: fields that have the same name, or else the same
number, must show the same. A field that today's schema reserves was given up on purpose and is not looked at, unless a
oneof would show something else without it.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto
from google.protobuf.message import Message


def reads_alike(old: Message, new: Message) -> bool:
    """``new`` was decoded from the encoding of ``old``, and shows what ``old`` shows."""
    if not new.IsInitialized():
        return False
    fields: Any = old.DESCRIPTOR.fields
    return all(_field_alike(old, field, new) for field in fields)


def _field_alike(old: Message, field: FieldDescriptor, new: Message) -> bool:
    descriptor: Any = new.DESCRIPTOR
    today = descriptor.fields_by_name.get(field.name) or descriptor.fields_by_number.get(field.number)
    if today is None:
        return _is_given_up(old, field, descriptor)
    if field.is_repeated:
        return _many_alike(old, field, new, today)
    if today.is_repeated:
        return _one_became_many(old, field, new, today)
    if _is_set(old, field) and _oneof(field) and not _is_set(new, today):
        return False
    if not field.has_presence and not today.has_presence:
        return _values_alike(field, getattr(old, field.name), today, getattr(new, today.name))
    if field.message_type is not None and not old.HasField(field.name):
        return not _is_set(new, today)
    return _values_alike(field, getattr(old, field.name), today, getattr(new, today.name))


def _is_given_up(old: Message, field: FieldDescriptor, today: Descriptor) -> bool:
    return not _is_set(old, field) or (_reserves(today, field.number) and not _oneof(field))


def _reserves(message: Descriptor, number: int) -> bool:
    proto = DescriptorProto()
    message.CopyToProto(proto)
    return any(part.start <= number < part.end for part in proto.reserved_range)


def _oneof(field: FieldDescriptor) -> str:
    """The oneof of a field, "" for those that protoc makes of ``optional``."""
    oneof = field.containing_oneof
    return "" if oneof is None or oneof.name == f"_{field.name}" else str(oneof.name)


def _is_set(message: Message, field: FieldDescriptor) -> bool:
    value = getattr(message, field.name)
    if field.is_repeated:
        return len(value) > 0
    return message.HasField(field.name) if field.has_presence else bool(value != field.default_value)


def _one_became_many(old: Message, field: FieldDescriptor, new: Message, today: FieldDescriptor) -> bool:
    if _is_map(today):
        return not _is_set(old, field) and not _is_set(new, today)
    values = list(getattr(new, today.name))
    value = getattr(old, field.name)
    if not _is_set(old, field):
        # Empty text is as good as no text; a number that is zero is a number.
        return not values and (field.has_presence or value in ("", b""))
    return len(values) == 1 and _values_alike(field, value, today, values[0])


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _many_alike(old: Message, field: FieldDescriptor, new: Message, today: FieldDescriptor) -> bool:
    if not today.is_repeated:
        return not _is_set(old, field) and not _is_set(new, today)
    if _is_map(field) or _is_map(today):
        return _entries_alike(old, field, new, today)
    before, after = getattr(old, field.name), getattr(new, today.name)
    pairs = zip(before, after, strict=False)
    return len(before) == len(after) and all(_values_alike(field, one, today, other) for one, other in pairs)


def _entries_alike(old: Message, field: FieldDescriptor, new: Message, today: FieldDescriptor) -> bool:
    """Maps, and repeated messages that have the shape of a map's entries. They have no order."""
    parts, parts_today = _entry_fields(field), _entry_fields(today)
    if parts is None or parts_today is None:
        return not _is_set(old, field) and not _is_set(new, today)
    before, after = _entries(old, field, parts), _entries(new, today, parts_today)
    return len(before) == len(after) and all(
        _values_alike(part, one, part_today, other)
        for entry, entry_today in zip(before, after, strict=True)
        for part, one, part_today, other in zip(parts, entry, parts_today, entry_today, strict=True)
    )


def _entry_fields(field: FieldDescriptor) -> list[FieldDescriptor] | None:
    numbers = field.message_type.fields_by_number if field.message_type is not None else {}
    return [numbers[1], numbers[2]] if 1 in numbers and 2 in numbers else None


def _entries(message: Message, field: FieldDescriptor, parts: list[FieldDescriptor]) -> list[tuple[Any, ...]]:
    values = getattr(message, field.name)
    if _is_map(field):
        entries = [(key, values[key]) for key in values]
    else:
        entries = [tuple(getattr(value, part.name) for part in parts) for value in values]
    return sorted(entries, key=lambda entry: repr(entry[0]))


def _values_alike(field: FieldDescriptor, value: Any, today: FieldDescriptor, other: Any) -> bool:
    if isinstance(value, Message) or isinstance(other, Message):
        return isinstance(value, Message) and isinstance(other, Message) and _messages_alike(value, other)
    if today.enum_type is not None:
        return field.enum_type is not None and _enums_alike(field.enum_type, value, today.enum_type, other)
    if isinstance(value, str) and isinstance(other, bytes):
        return value.encode() == other
    return bool(value == other)


def _messages_alike(value: Message, other: Message) -> bool:
    """A message under another name is the same if its fields are called the same. Google's are what their names say."""
    old: Any = value.DESCRIPTOR
    new: Any = other.DESCRIPTOR
    if old.full_name != new.full_name:
        is_wrapper = all(name.endswith("Value") for name in (old.full_name, new.full_name))
        if not is_wrapper and any(name.startswith("google.") for name in (old.full_name, new.full_name)):
            return False
        renamed = [field for name, field in old.fields_by_name.items() if name not in new.fields_by_name]
        if any(not _reserves(new, field.number) for field in renamed):
            return False
    return reads_alike(value, other)


def _enums_alike(old: EnumDescriptor, number: int, new: EnumDescriptor, today: int) -> bool:
    """The number has a name that it had; or, in the same enum, a new name instead of one that is gone."""
    names, names_today = _names(old, number), _names(new, today)
    if names & names_today:
        return True
    all_today = {name for value in new.values for name in _names(new, value.number)}
    return old.full_name == new.full_name and number == today and bool(names_today) and not names & all_today


def _names(enum: EnumDescriptor, number: int) -> set[str]:
    """The names of a number, without the name of the enum that they begin with."""
    return {value.name.partition("_")[2] for value in enum.values if value.number == number}
