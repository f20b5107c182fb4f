"""Messages as JSON text, by a plan made once per message type.

protobuf's json_format is the specification: the text parses to the same value as its output, with fields that have no
presence always printed. This is several times faster because types, names and kinds are looked up once. It differs in
order (fields come by their number, whether set or not) and in the largest float, which is printed in full. Types with a
JSON form of their own (Timestamp, Any, Struct, ...) and proto2 types that take extensions are left to json_format.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any, TypeAlias

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.internal import type_checkers
from google.protobuf.message import Message

#: Gives the JSON text of a value.
Encode: TypeAlias = Callable[[Any], str]

_SPECIAL = frozenset(
    f"google.protobuf.{name}" for name in ("Any", "Duration", "FieldMask", "ListValue", "Struct", "Timestamp", "Value")
) | frozenset(
    f"google.protobuf.{name}Value"
    for name in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
)
_quoted: Encode = encode_basestring
_LARGEST_FLOAT = 3.4028234663852886e38


class JsonEncoder:
    """Encodes messages of one descriptor pool."""

    def __init__(self, pool: DescriptorPool) -> None:
        self._pool = pool
        self._plans: dict[str, Encode] = {}

    def message(self, descriptor: Descriptor) -> Encode:
        """The encoder of a message type."""
        plan = self._plans.get(descriptor.full_name)
        if plan is not None:
            return plan
        if descriptor.full_name in _SPECIAL or descriptor.is_extendable:
            self._plans[descriptor.full_name] = self._by_json_format
            return self._by_json_format
        fields: list[_Field] = []
        # registered before its fields are planned: a type may contain itself
        plan = self._plans[descriptor.full_name] = _object(fields)
        for field in sorted(descriptor.fields, key=lambda field: field.number):
            fields.append((field.name, f"{_quoted(field.json_name)}:", field.has_presence, self.field(field)))
        return plan

    def field(self, field: FieldDescriptor) -> Encode:
        """The encoder of what a field holds: an object for a map, an array if it is repeated."""
        message = field.message_type
        if message is not None and message.GetOptions().map_entry:
            return _map(_key(message.fields_by_name["key"]), self._single(message.fields_by_name["value"]))
        single = self._single(field)
        return _array(single) if field.is_repeated else single

    def _single(self, field: FieldDescriptor) -> Encode:
        if field.message_type is not None:
            return self.message(field.message_type)
        if field.enum_type is not None:
            return _enum(field.enum_type)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return _bytes
        return _SCALARS[field.cpp_type]

    def _by_json_format(self, message: Message) -> str:
        value = json_format.MessageToDict(
            message, always_print_fields_with_no_presence=True, descriptor_pool=self._pool
        )
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


#: Name, quoted JSON name with its colon, whether an unset field is left out, and the encoder of its value.
_Field: TypeAlias = tuple[str, str, bool, Encode]


def _object(fields: list[_Field]) -> Encode:
    def encode(message: Any) -> str:
        has = message.HasField
        parts = [
            key + encode_value(getattr(message, name))
            for name, key, has_presence, encode_value in fields
            if not has_presence or has(name)
        ]
        return "{" + ",".join(parts) + "}"

    return encode


def _array(single: Encode) -> Encode:
    def encode(values: Any) -> str:
        return "[" + ",".join(map(single, values)) + "]" if values else "[]"

    return encode


def _map(key: Encode, value: Encode) -> Encode:
    def encode(entries: Any) -> str:
        return "{" + ",".join(f"{key(name)}:{value(entries[name])}" for name in entries) + "}" if entries else "{}"

    return encode


def _key(field: FieldDescriptor) -> Encode:
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return lambda key: '"true"' if key else '"false"'
    return _quoted if field.cpp_type == FieldDescriptor.CPPTYPE_STRING else _quoted_integer


def _enum(enum: EnumDescriptor) -> Encode:
    if enum.full_name == "google.protobuf.NullValue":
        return lambda number: "null"
    names = {number: _quoted(value.name) for number, value in enum.values_by_number.items()}
    return lambda number: names.get(number) or str(number)


def _quoted_integer(value: int) -> str:
    return f'"{value}"'


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _bytes(value: bytes) -> str:
    return '"' + base64.b64encode(value).decode() + '"'


def _double(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    if math.isnan(value):
        return '"NaN"'
    return '"Infinity"' if value > 0 else '"-Infinity"'


def _float(value: float) -> str:
    if not math.isfinite(value):
        return _double(value)
    shortest = type_checkers.ToShortestFloat(value)
    # The largest float is shortened to more than itself, which json_format prints and then refuses to read.
    return repr(shortest if abs(shortest) <= _LARGEST_FLOAT else value)


_SCALARS: dict[int, Encode] = {
    FieldDescriptor.CPPTYPE_INT32: str,
    FieldDescriptor.CPPTYPE_UINT32: str,
    FieldDescriptor.CPPTYPE_INT64: _quoted_integer,
    FieldDescriptor.CPPTYPE_UINT64: _quoted_integer,
    FieldDescriptor.CPPTYPE_FLOAT: _float,
    FieldDescriptor.CPPTYPE_DOUBLE: _double,
    FieldDescriptor.CPPTYPE_BOOL: _boolean,
    FieldDescriptor.CPPTYPE_STRING: _quoted,
}
