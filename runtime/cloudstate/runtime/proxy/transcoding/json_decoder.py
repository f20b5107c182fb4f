"""JSON text into messages: the plain cases by a plan made once per message type, all others by json_format.

json_format is the specification. The plan takes only what cannot be read in two ways: names as in JSON, values of the
field's own kind, no null, no oneof with a choice, no map, no recursion, none of the types with a JSON form of their
own. Whatever is not plain, and everything that is wrong, goes to json_format from the start, so that its rules and its
words apply.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeAlias

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message


class _NotPlain(Exception):
    """The text is for json_format."""


#: Gives the field's value, or raises.
_Convert: TypeAlias = Callable[[Any], Any]
#: Puts the value of one field into the message, or raises.
_Set: TypeAlias = Callable[[Any, Any], None]
_Plan: TypeAlias = dict[str, _Set]


class JsonDecoder:
    """Decodes messages of one descriptor pool."""

    def __init__(self, pool: DescriptorPool) -> None:
        self._pool = pool
        self._plans: dict[str, _Plan] = {}
        #: Types whose plans are being made. A field that leads back into one is not plain: json_format bounds depth.
        self._open: set[str] = set()

    def decode(self, text: bytes, message: Message) -> None:
        """Fill an empty message with what the text, its JSON, says.

        Raises:
            Exception: json_format's, of many types, if the text is not that.
        """
        descriptor: Descriptor = message.DESCRIPTOR  # type: ignore[assignment]
        try:
            _fill(message, self._plan(descriptor), json.loads(text.decode(), object_pairs_hook=_object))
        except Exception:
            message.Clear()
            json_format.Parse(text, message, descriptor_pool=self._pool)

    def _plan(self, descriptor: Descriptor) -> _Plan:
        plan = self._plans.get(descriptor.full_name)
        if plan is None:
            plan = self._plans[descriptor.full_name] = {}
            self._open.add(descriptor.full_name)
            for field in descriptor.fields if _is_plain(descriptor) else ():
                setter = self._setter(field)
                if setter is not None:
                    plan[field.json_name] = setter
            self._open.remove(descriptor.full_name)
        return plan

    def _setter(self, field: FieldDescriptor) -> _Set | None:
        choice = field.containing_oneof
        if choice is not None and len(choice.fields) > 1:
            return None
        if field.message_type is not None:
            return self._message_setter(field, field.message_type)
        convert = _CONVERTERS.get(field.type) if field.enum_type is None else _enum(field.enum_type)
        if convert is None:
            return None
        return _list_setter(field.name, convert) if field.is_repeated else _setter(field.name, convert)

    def _message_setter(self, field: FieldDescriptor, kind: Descriptor) -> _Set | None:
        name = field.name
        if not _is_plain(kind) or kind.full_name in self._open:
            return None
        plan = self._plan(kind)

        def fill_one(message: Any, value: Any) -> None:
            child = getattr(message, name)
            child.SetInParent()
            _fill(child, plan, value)

        def fill_each(message: Any, values: Any) -> None:
            _require(values, list)
            children = getattr(message, name)
            for value in values:
                _fill(children.add(), plan, value)

        return fill_each if field.is_repeated else fill_one


def _is_plain(kind: Descriptor) -> bool:
    return not kind.full_name.startswith("google.protobuf.") and not kind.GetOptions().map_entry


def _fill(message: Any, plan: _Plan, value: Any) -> None:
    _require(value, dict)
    for name, item in value.items():
        plan[name](message, item)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _NotPlain  # a name twice
    return found


def _require(value: Any, kind: type) -> None:
    if type(value) is not kind:
        raise _NotPlain


def _setter(name: str, convert: _Convert) -> _Set:
    def put(message: Any, value: Any) -> None:
        setattr(message, name, convert(value))

    return put


def _list_setter(name: str, convert: _Convert) -> _Set:
    def put(message: Any, values: Any) -> None:
        _require(values, list)
        getattr(message, name).extend([convert(value) for value in values])

    return put


def _enum(enum: EnumDescriptor) -> _Convert | None:
    if enum.full_name.startswith("google.protobuf."):
        return None
    numbers = {name: value.number for name, value in enum.values_by_name.items()}
    return lambda name: numbers[name]


def _text(value: Any) -> str:
    if type(value) is not str:
        raise _NotPlain
    return value


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise _NotPlain
    return value


def _integer(value: Any) -> int:
    """A number, or digits in quotes; whether it is in range is for the field to say."""
    if type(value) is int:
        return value
    if type(value) is str and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    raise _NotPlain


def _double(value: Any) -> float:
    if type(value) is not float or value - value != 0.0:  # infinity and NaN
        raise _NotPlain
    return value


_CONVERTERS: dict[int, _Convert] = {
    FieldDescriptor.TYPE_STRING: _text,
    FieldDescriptor.TYPE_BOOL: _boolean,
    FieldDescriptor.TYPE_DOUBLE: _double,
    FieldDescriptor.TYPE_INT32: _integer,
    FieldDescriptor.TYPE_INT64: _integer,
    FieldDescriptor.TYPE_UINT32: _integer,
    FieldDescriptor.TYPE_UINT64: _integer,
    FieldDescriptor.TYPE_SINT32: _integer,
    FieldDescriptor.TYPE_SINT64: _integer,
    FieldDescriptor.TYPE_FIXED32: _integer,
    FieldDescriptor.TYPE_FIXED64: _integer,
    FieldDescriptor.TYPE_SFIXED32: _integer,
    FieldDescriptor.TYPE_SFIXED64: _integer,
}
