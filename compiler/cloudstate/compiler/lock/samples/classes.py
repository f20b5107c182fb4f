"""Message classes for recorded types: made of what the lock file says, without their .proto files.

Only encodings matter here, so types get names of their own, and everything stands in one file.
"""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf import message_factory
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message as ProtoMessage

from cloudstate.compiler.lock.recorded import SCALARS, Enum, Field, Label, Message, Stored

_TYPES = FieldDescriptorProto.Type
_SINGLE, _MANY = FieldDescriptorProto.LABEL_OPTIONAL, FieldDescriptorProto.LABEL_REPEATED


class RecordedClasses:
    """The messages of one recorded version as Python classes."""

    def __init__(self, stored: Stored) -> None:
        self._names = {name: f"M{index}" for index, name in enumerate(stored.messages)}
        self._enums = {name: f"E{index}" for index, name in enumerate(stored.enums)}
        file = FileDescriptorProto(name="recorded.proto", syntax="proto3")
        file.enum_type.extend(_enum(self._enums[name], enum) for name, enum in stored.enums.items())
        file.message_type.extend(self._message(message) for message in stored.messages.values())
        self._pool = DescriptorPool()
        self._pool.AddSerializedFile(file.SerializeToString())

    def get(self, name: str) -> type[ProtoMessage]:
        """The class of a recorded message."""
        return message_factory.GetMessageClass(self._pool.FindMessageTypeByName(self._names[name]))

    def _message(self, message: Message) -> DescriptorProto:
        proto = DescriptorProto(name=self._names[message.name])
        # Oneofs that stand for `optional` come after all others. Numbers keep their names apart from those of fields.
        oneofs: dict[str, int] = {}
        for name in [*(field.oneof for field in message.fields), *map(_absence, message.fields)]:
            if name and name not in oneofs:
                oneofs[name] = len(oneofs)
                proto.oneof_decl.add(name=f"oneof{len(oneofs)}_{name}")
        for field in message.fields:
            self._add(proto, field, oneofs)
        return proto

    def _add(self, proto: DescriptorProto, field: Field, oneofs: Mapping[str, int]) -> None:
        added = proto.field.add(name=field.name, number=field.number, label=_SINGLE)
        if field.label is Label.MAP:
            entry = self._entry(proto, field)
            added.type, added.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{proto.name}.{entry.name}"
        else:
            self._set_type(added, field.type)
        if field.label in (Label.REPEATED, Label.MAP):
            added.label = _MANY
        elif field.label is Label.OPTIONAL:
            added.proto3_optional, added.oneof_index = True, oneofs[_absence(field)]
        elif field.oneof:
            added.oneof_index = oneofs[field.oneof]

    def _entry(self, proto: DescriptorProto, field: Field) -> DescriptorProto:
        # protoc wants this name, and no other, for the entries of a map.
        words = field.name.split("_")
        entry = proto.nested_type.add(name="".join(word[:1].upper() + word[1:] for word in words) + "Entry")
        entry.options.map_entry = True
        self._set_type(entry.field.add(name="key", number=1, label=_SINGLE), field.map_key)
        self._set_type(entry.field.add(name="value", number=2, label=_SINGLE), field.type)
        return entry

    def _set_type(self, field: FieldDescriptorProto, type_: str) -> None:
        if type_ in SCALARS:
            field.type = _TYPES.Value(f"TYPE_{type_.upper()}")
        elif type_ in self._enums:
            field.type, field.type_name = FieldDescriptorProto.TYPE_ENUM, f".{self._enums[type_]}"
        else:
            field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{self._names[type_]}"


def _absence(field: Field) -> str:
    """The oneof that stands for `optional`; "" for other fields."""
    return f"_{field.name}" if field.label is Label.OPTIONAL else ""


def _enum(name: str, enum: Enum) -> EnumDescriptorProto:
    proto = EnumDescriptorProto(name=name)
    proto.options.allow_alias = len({number for number, _ in enum.values}) < len(enum.values)
    # proto3 wants zero first, and every enum has one for an absent field.
    values = sorted(enum.values, key=lambda value: value[0] != 0)
    if not values or values[0][0] != 0:
        values.insert(0, (0, "ZERO"))
    for number, value in values:
        proto.value.add(name=f"{name}_{value}", number=number)
    return proto
