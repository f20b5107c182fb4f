"""Laws of gRPC's thin layer: what is encoded comes back, however it was cut on the way."""

from __future__ import annotations

import string
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from cloudstate.runtime.transport.wire.framing import Deframer, compress, frame, unpack
from cloudstate.runtime.transport.wire.metadata import RESERVED, decode_metadata, encode_metadata
from cloudstate.runtime.transport.wire.status import CallFailed, percent_decode, percent_encode
from cloudstate.runtime.transport.wire.timeout import format_timeout, parse_timeout

LIMIT = 1000

names = (
    st.text(string.ascii_lowercase + string.digits + "_-.", min_size=1, max_size=20)
    .filter(lambda name: not name.startswith("grpc-") and name not in RESERVED)
    .filter(lambda name: not name.endswith("-bin"))
)
texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30).map(str.strip)
entries = st.one_of(st.tuples(names, texts), st.tuples(names.map(lambda name: name + "-bin"), st.binary(max_size=30)))


@given(messages=st.lists(st.tuples(st.booleans(), st.binary(max_size=60)), max_size=8), data=st.data())
def test_messages_survive_any_cutting(messages: list[tuple[bool, bytes]], data: st.DataObject) -> None:
    stream = b"".join(frame(payload, flag) for flag, payload in messages)
    deframer = Deframer(LIMIT)
    got: list[tuple[bool, bytes]] = []
    position = 0
    while position < len(stream):
        size = data.draw(st.integers(0, 20))
        got.extend(deframer.feed(stream[position : position + size]))
        position += size
        assert deframer.buffered <= LIMIT
    deframer.finish()
    assert got == messages


@given(stream=st.binary(max_size=200), limit=st.integers(0, 100))
def test_any_bytes_give_messages_within_the_limit_or_a_status(stream: bytes, limit: int) -> None:
    with suppress(CallFailed):
        assert all(len(payload) <= limit for _, payload in Deframer(limit).feed(stream))


@given(payload=st.binary(max_size=500), limit=st.integers(0, 500))
def test_compression_round_trips_within_the_limit(payload: bytes, limit: int) -> None:
    try:
        assert unpack((True, compress(payload)), b"gzip", limit) == payload
        assert len(payload) <= limit
    except CallFailed:
        assert len(payload) > limit


@given(noise=st.binary(max_size=100))
def test_noise_is_never_more_than_a_failed_call(noise: bytes) -> None:
    with suppress(CallFailed):
        assert len(unpack((True, noise), b"gzip", LIMIT)) <= LIMIT


@given(metadata=st.lists(entries, max_size=8).map(tuple))
def test_metadata_round_trips(metadata: tuple[tuple[str, str | bytes], ...]) -> None:
    assert decode_metadata(encode_metadata(metadata)) == metadata


@given(value=st.binary(max_size=40))
def test_any_binary_value_decodes_or_fails_the_call(value: bytes) -> None:
    with suppress(CallFailed):
        assert len(decode_metadata([(b"k-bin", value)])) == value.count(b",") + 1


@given(message=st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_status_messages_round_trip(message: str) -> None:
    encoded = percent_encode(message)
    assert all(0x20 <= byte <= 0x7E for byte in encoded)
    assert encoded == encoded.strip()
    assert percent_decode(encoded) == message


@given(value=st.binary(max_size=100))
def test_any_bytes_decode_as_a_message(value: bytes) -> None:
    assert isinstance(percent_decode(value), str)


@given(seconds=st.floats(min_value=1e-9, max_value=1e10))
def test_timeouts_never_shrink_and_hardly_grow(seconds: float) -> None:
    value = format_timeout(seconds)
    assert len(value) <= 9
    parsed = parse_timeout(value)
    assert parsed >= seconds * (1 - 1e-12)
    assert parsed <= seconds * (1 + 2e-6) + 1e-9
