"""Messages between members: what is written is read, and anything else is refused with one kind of error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudstate.runtime.crdt import Dot, EncodingInvalid
from cloudstate.runtime.journal import EntityKey
from cloudstate.runtime.replication import frames
from cloudstate.runtime.replication.items import (
    Acked,
    Announced,
    Answered,
    Asked,
    Delta,
    Item,
    Same,
    Stale,
    Whole,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.integers(0, 2**40)
keys = st.builds(EntityKey, texts, texts)
blobs = st.binary(max_size=60)
items: st.SearchStrategy[Item] = st.one_of(
    st.builds(Delta, keys, numbers, st.builds(Dot, texts, numbers), blobs),
    st.builds(Stale, keys, numbers),
    st.builds(Acked, numbers),
    st.builds(Announced, keys, blobs),
    st.builds(Same, keys, blobs),
    st.builds(Whole, keys, st.booleans(), blobs),
    st.builds(Asked, numbers, keys),
    st.builds(Answered, numbers, blobs),
)


@given(sender=texts, said=st.lists(items, max_size=30), largest=st.integers(40, 2000))
def test_what_is_packed_is_read_in_order_from_messages_that_are_not_too_large(
    sender: str, said: list[Item], largest: int
) -> None:
    said = [item for item in said if frames.fits(sender, item, largest)]
    messages = list(frames.packed(sender, said, largest))
    assert all(len(message) <= largest for message in messages)
    read = [frames.read(message) for message in messages]
    assert all(frame.sender == sender for frame in read)
    assert [item for frame in read for item in frame.items] == said


@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for bytes_ in (data, bytes([frames.VERSION]) + data, bytes([frames.VERSION, 1, 97]) + data):
        try:
            frame = frames.read(bytes_)
        except EncodingInvalid:
            continue
        assert b"".join(frames.packed(frame.sender, frame.items, 10**6)) == (bytes_ if frame.items else b"")


@given(sender=texts, said=st.lists(items, min_size=1, max_size=5), at=numbers, by=st.integers(1, 255))
def test_a_message_with_a_changed_or_missing_byte_is_read_or_refused(
    sender: str, said: list[Item], at: int, by: int
) -> None:
    (message,) = frames.packed(sender, said, 10**6)
    at %= len(message)
    for other in (message[:at], message[:at] + bytes([message[at] ^ by]) + message[at + 1 :]):
        try:
            frames.read(other)
        except EncodingInvalid:
            continue


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the bytes end too early"),
        (b"\x02\x01a", "the format 2, this version reads 1"),
        (b"\x01\x01a\x09", "no item 9"),
        (b"\x01\x01\xff", "not UTF-8"),
    ],
)
def test_the_error_says_what_is_wrong(data: bytes, reason: str) -> None:
    with pytest.raises(EncodingInvalid, match=reason):
        frames.read(data)
