"""Declarations as text: what the lock file and the findings show, and what is read back from it."""

from __future__ import annotations

import pytest

from cloudstate.compiler.lock.declaration import (
    enum_lines,
    field_text,
    key_text,
    message_lines,
    read_field,
    read_key,
    read_reserved,
    read_value,
)
from cloudstate.compiler.lock.recorded import Enum, Field, Key, Label, Message

FIELDS = {
    "int32 quantity = 2": Field(2, "quantity", "int32"),
    "optional int32 quantity = 2": Field(2, "quantity", "int32", Label.OPTIONAL),
    "repeated shop.Item items = 1": Field(1, "items", "shop.Item", Label.REPEATED),
    "map<string, shop.Item> items = 536870911": Field(536870911, "items", "shop.Item", Label.MAP, "string"),
    "string email = 3 in contact": Field(3, "email", "string", oneof="contact"),
    'required string name = 1 default "a b"': Field(1, "name", "string", Label.REQUIRED, default='"a b"'),
    "repeated group shop.Old.Part part = 4": Field(4, "part", "shop.Old.Part", Label.REPEATED, is_group=True),
}


@pytest.mark.parametrize("text", FIELDS)
def test_fields(text: str) -> None:
    assert field_text(FIELDS[text]) == text
    assert read_field(text) == FIELDS[text]


@pytest.mark.parametrize(
    "text",
    [
        *("", "int32 = 2", "int32 quantity", "int32 quantity = 0", "int32 quantity = -1", "int32  quantity = 2"),
        *("x y z = 1", "map<string> x = 1", "repeated map<string, int32> x = 1", "int32 quantity = 2;"),
        *("int32 quantity = 02", "optional optional int32 x = 1"),
    ],
)
def test_what_is_no_field(text: str) -> None:
    assert read_field(text) is None


def test_messages_and_enums() -> None:
    message = Message("shop.Item", (Field(1, "name", "string"),), ((3, 3), (5, 9)))
    assert message_lines(message) == ["string name = 1", "reserved 3, 5 to 9"]
    enum = Enum("shop.Size", ((-1, "SIZE_NONE"), (0, "SIZE_UNKNOWN")), ((-3, -2),))
    assert enum_lines(enum) == ["SIZE_NONE = -1", "SIZE_UNKNOWN = 0", "reserved -3 to -2"]
    assert message_lines(Message("shop.Empty")) == []


def test_reserved_numbers() -> None:
    found = read_reserved("reserved 3, 5 to 9")
    assert found is not None
    assert found.ranges == ((3, 3), (5, 9))
    assert read_reserved("reserved x") is None
    assert read_reserved("string reserved = 1") is None


def test_values_and_keys() -> None:
    assert read_value("SIZE_NONE = -1") == (-1, "SIZE_NONE")
    assert read_value("SIZE_NONE = --1") is None
    assert read_key(key_text(Key("string", "user_id", 1))) == Key("string", "user_id", 1)
    assert read_key("user_id = 1") is None
