"""Fields, enum values and keys as text, close to how .proto files declare them, and back.

The text is what the lock file holds and what findings show. Each value has one text only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from cloudstate.compiler.lock.recorded import Enum, Field, Key, Label, Message

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_TYPE = rf"{_NAME}(?:\.{_NAME})*"
_POSITIVE = r"[1-9][0-9]{0,8}"
_NUMBER = r"0|-?[1-9][0-9]{0,10}"
_FIELD = re.compile(
    rf"(?:(?P<label>optional|required|repeated) )?(?P<group>group )?"
    rf"(?:map<(?P<key>{_NAME}), (?P<value>{_TYPE})>|(?P<type>{_TYPE})) (?P<name>{_NAME}) = (?P<number>{_POSITIVE})"
    rf"(?: in (?P<oneof>{_NAME}))?(?: default (?P<default>.+))?"
)
_VALUE = re.compile(rf"(?P<name>{_NAME}) = (?P<number>{_NUMBER})")
_KEY = re.compile(rf"(?P<type>{_TYPE}) (?P<name>{_NAME}) = (?P<number>{_POSITIVE})")
_RANGE = re.compile(rf"(?P<first>{_NUMBER})(?: to (?P<last>{_NUMBER}))?")
_RESERVED = "reserved "


class EnumValue(NamedTuple):
    """A line with a value of an enum."""

    number: int
    name: str


@dataclass(frozen=True, slots=True)
class Reserved:
    """A line that reserves numbers, as first and last of each range."""

    ranges: tuple[tuple[int, int], ...]


def field_text(field: Field) -> str:
    """E.g. ``optional int32 quantity = 2``, ``map<string, shop.Item> items = 1`` or ``string email = 3 in contact``."""
    label = "" if field.label in (Label.IMPLICIT, Label.MAP) else f"{field.label} "
    type_ = f"map<{field.map_key}, {field.type}>" if field.label is Label.MAP else field.type
    oneof = f" in {field.oneof}" if field.oneof else ""
    default = f" default {field.default}" if field.default else ""
    return f"{label}{'group ' if field.is_group else ''}{type_} {field.name} = {field.number}{oneof}{default}"


def read_field(text: str) -> Field | None:
    """The field that has this text; None if none has."""
    match = _FIELD.fullmatch(text)
    if match is None:
        return None
    is_map = match["key"] is not None
    field = Field(
        number=int(match["number"]),
        name=match["name"],
        type=match["value"] if is_map else match["type"],
        label=Label.MAP if is_map else Label(match["label"] or ""),
        map_key=match["key"] or "",
        oneof=match["oneof"] or "",
        default=match["default"] or "",
        is_group=match["group"] is not None,
    )
    return field if field_text(field) == text else None


def message_lines(message: Message) -> list[str]:
    """The fields of a message, one a line, and what it reserves."""
    return [*(field_text(field) for field in message.fields), *_reserved_lines(message.reserved)]


def _reserved_lines(reserved: tuple[tuple[int, int], ...]) -> list[str]:
    ranges = (f"{first}" if first == last else f"{first} to {last}" for first, last in reserved)
    return [_RESERVED + ", ".join(ranges)] if reserved else []


def read_reserved(text: str) -> Reserved | None:
    """The ranges in a line of reserved numbers; None if the line is another one."""
    if not text.startswith(_RESERVED):
        return None
    matches = [_RANGE.fullmatch(part) for part in text.removeprefix(_RESERVED).split(", ")]
    ranges = [(int(match["first"]), int(match["last"] or match["first"])) for match in matches if match]
    return Reserved(tuple(ranges)) if len(ranges) == len(matches) else None


def value_text(number: int, name: str) -> str:
    """E.g. ``COLOR_RED = 1``."""
    return f"{name} = {number}"


def enum_lines(enum: Enum) -> list[str]:
    """The values of an enum, one a line, and what it reserves."""
    return [*(value_text(*value) for value in enum.values), *_reserved_lines(enum.reserved)]


def read_value(text: str) -> EnumValue | None:
    """The enum value that has this text; None if none has."""
    match = _VALUE.fullmatch(text)
    return EnumValue(int(match["number"]), match["name"]) if match else None


def key_text(key: Key) -> str:
    """E.g. ``string user_id = 1``."""
    return f"{key.type} {key.name} = {key.number}"


def read_key(text: str) -> Key | None:
    """The key field that has this text; None if none has."""
    match = _KEY.fullmatch(text)
    return Key(match["type"], match["name"], int(match["number"])) if match else None
