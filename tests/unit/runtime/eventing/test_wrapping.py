"""JSON, text and bytes in an Any, and outside of it."""

from __future__ import annotations

import pytest

from cloudstate.runtime.eventing.wrapping import unwrapped, wrapped
from cloudstate.runtime.payload import Payload


@pytest.mark.parametrize("type_url", ["json.cloudstate.io/order", "p.cloudstate.io/string", "p.cloudstate.io/bytes"])
@pytest.mark.parametrize("data", [b"", b"{}", b'{"pens":1}', b"\n\x01x", bytes(range(256))])
def test_there_and_back(type_url: str, data: bytes) -> None:
    payload = wrapped(type_url, data)
    assert unwrapped(payload) == data
    assert payload.value == (b"\n" + size(data) + data if data else b"")


def size(data: bytes) -> bytes:
    """As a varint."""
    length = len(data)
    return bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])


@pytest.mark.parametrize("value", [b'{"pens":1}', b"\n", b"\n\x05ab", b"\n\x01a\x12\x01b"])
def test_what_is_not_wrapped_stays_as_it_is(value: bytes) -> None:
    assert unwrapped(Payload("json.cloudstate.io/order", value)) == value


def test_messages_and_numbers_stay_as_they_are() -> None:
    for type_url in ("type.googleapis.com/shop.Order", "p.cloudstate.io/int32"):
        assert wrapped(type_url, b"\n\x01x") == Payload(type_url, b"\n\x01x")
        assert unwrapped(Payload(type_url, b"\n\x01x")) == b"\n\x01x"
