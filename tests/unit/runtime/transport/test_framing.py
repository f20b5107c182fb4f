"""Messages from bytes: split and joined anywhere, bounded, compressed."""

from __future__ import annotations

import gzip

import pytest

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.transport.wire.framing import Deframer, compress, frame, unpack
from cloudstate.runtime.transport.wire.status import CallFailed


def test_one_message_in_one_piece() -> None:
    assert Deframer(100).feed(frame(b"hello")) == [(False, b"hello")]


def test_messages_split_after_every_byte() -> None:
    deframer = Deframer(100)
    frames = [item for byte in frame(b"hello") + frame(b"") + frame(b"x") for item in deframer.feed(bytes([byte]))]
    deframer.finish()
    assert frames == [(False, b"hello"), (False, b""), (False, b"x")]


def test_several_messages_in_one_piece() -> None:
    assert Deframer(100).feed(frame(b"a") + frame(b"") + frame(b"c", True)) == [
        (False, b"a"),
        (False, b""),
        (True, b"c"),
    ]


def test_unfinished_bytes_are_counted() -> None:
    deframer = Deframer(100)
    deframer.feed(frame(b"0123456789")[:9])
    assert deframer.buffered == 4
    deframer.feed(b"456789")
    assert deframer.buffered == 0


@pytest.mark.parametrize("cut", [1, 4, 5, 7])
def test_an_end_inside_a_message_is_an_error(cut: int) -> None:
    deframer = Deframer(100)
    deframer.feed(frame(b"hello")[:cut])
    with pytest.raises(CallFailed) as caught:
        deframer.finish()
    assert caught.value.status is StatusCode.INTERNAL


def test_a_message_over_the_limit_is_refused_at_its_prefix() -> None:
    with pytest.raises(CallFailed) as caught:
        Deframer(10).feed(b"\x00\x00\x00\x00\x0b")
    assert caught.value.status is StatusCode.RESOURCE_EXHAUSTED
    assert "11 bytes" in caught.value.status_value.message


def test_a_message_at_the_limit_passes() -> None:
    assert Deframer(10).feed(frame(b"0123456789")) == [(False, b"0123456789")]


def test_unknown_flags_are_refused() -> None:
    with pytest.raises(CallFailed) as caught:
        Deframer(10).feed(b"\x02\x00\x00\x00\x01x")
    assert caught.value.status is StatusCode.INTERNAL


def test_compressed_messages_come_back() -> None:
    assert unpack((True, compress(b"x" * 1000)), b"gzip", 1000) == b"x" * 1000


def test_compression_is_deterministic() -> None:
    assert compress(b"payload") == compress(b"payload")


def test_a_plain_message_passes_under_any_encoding() -> None:
    assert unpack((False, b"plain"), b"gzip", 10) == b"plain"


def test_a_bomb_is_stopped_at_the_limit() -> None:
    with pytest.raises(CallFailed) as caught:
        unpack((True, gzip.compress(bytes(50_000_000))), b"gzip", 1_000_000)
    assert caught.value.status is StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("data", [b"not gzip", b"", compress(b"hello" * 100)[:-9]])
def test_broken_gzip_is_an_error(data: bytes) -> None:
    with pytest.raises(CallFailed) as caught:
        unpack((True, data), b"gzip", 1000)
    assert caught.value.status is StatusCode.INTERNAL


def test_a_compressed_flag_without_encoding_is_an_error() -> None:
    with pytest.raises(CallFailed) as caught:
        unpack((True, compress(b"x")), b"identity", 1000)
    assert caught.value.status is StatusCode.INTERNAL
