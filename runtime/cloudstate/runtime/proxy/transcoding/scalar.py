"""Turns text from a path or a query into the value of a protobuf field, strictly."""

from __future__ import annotations

import base64
import binascii
import re
import sys
from collections.abc import Callable
from typing import TypeAlias

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

#: Takes text; raises ValueError, with what was expected, if the field cannot have that value.
Converter: TypeAlias = Callable[[str], object]

_INTEGER = re.compile(r"-?[0-9]{1,20}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_FLOAT_WORDS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_BOOLEANS = {"true": True, "false": False}
_SIGNED_32 = (-(1 << 31), (1 << 31) - 1)
_SIGNED_64 = (-(1 << 63), (1 << 63) - 1)
_UNSIGNED_32 = (0, (1 << 32) - 1)
_UNSIGNED_64 = (0, (1 << 64) - 1)

_RANGES = {
    FieldDescriptor.CPPTYPE_INT32: _SIGNED_32,
    FieldDescriptor.CPPTYPE_INT64: _SIGNED_64,
    FieldDescriptor.CPPTYPE_UINT32: _UNSIGNED_32,
    FieldDescriptor.CPPTYPE_UINT64: _UNSIGNED_64,
}

_LARGEST = {FieldDescriptor.CPPTYPE_FLOAT: 3.4028234663852886e38, FieldDescriptor.CPPTYPE_DOUBLE: sys.float_info.max}


def converter(field: FieldDescriptor) -> Converter | None:
    """How text becomes a value (an element, if repeated) of the field; None if it cannot: the field holds messages."""
    kind = field.cpp_type
    if kind in _RANGES:
        return _integer(*_RANGES[kind])
    if kind == FieldDescriptor.CPPTYPE_STRING:
        return _bytes if field.type == FieldDescriptor.TYPE_BYTES else _text
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return _boolean
    if kind in _LARGEST:
        return _number(_LARGEST[kind])
    return None if field.enum_type is None else _enum(field.enum_type)


def _text(text: str) -> str:
    return text


def _integer(least: int, most: int) -> Converter:
    def convert(text: str) -> int:
        if _INTEGER.fullmatch(text) is None or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return convert


def _number(most: float) -> Converter:
    def convert(text: str) -> float:
        if text in _FLOAT_WORDS:
            return _FLOAT_WORDS[text]
        if _NUMBER.fullmatch(text) is None or abs(float(text)) > most:
            raise ValueError(f"a number of at most {most:.8g} either way")
        return float(text)

    return convert


def _boolean(text: str) -> bool:
    value = _BOOLEANS.get(text.lower())
    if value is None:
        raise ValueError("`true` or `false`")
    return value


def _bytes(text: str) -> bytes:
    """Both alphabets of base64, with or without padding."""
    plain = text.rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("base64") from None


def _enum(enum: EnumDescriptor) -> Converter:
    """A value's name or number; an open enum keeps numbers that have no name."""
    number = _integer(*_SIGNED_32)

    def convert(text: str) -> object:
        named = enum.values_by_name.get(text)
        if named is not None:
            return named.number
        if _INTEGER.fullmatch(text) is not None:
            return number(text)
        raise ValueError(f"one of {', '.join(enum.values_by_name)}")

    return convert
