"""Custom metadata to header fields and back."""

from __future__ import annotations

import pytest

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.transport.wire.metadata import decode_metadata, encode_metadata
from cloudstate.runtime.transport.wire.status import CallFailed


def test_only_custom_metadata_is_seen() -> None:
    fields = [
        (b":path", b"/a/b"),
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
        (b"grpc-timeout", b"1S"),
        (b"user-agent", b"grpc-python/1"),
        (b"x-key", b"value"),
    ]
    assert decode_metadata(fields) == (("user-agent", "grpc-python/1"), ("x-key", "value"))


@pytest.mark.parametrize("value", [b"AAE=", b"AAE", b" AAE "])
def test_binary_values_with_and_without_padding(value: bytes) -> None:
    assert decode_metadata([(b"k-bin", value)]) == (("k-bin", b"\x00\x01"),)


def test_joined_binary_values_are_taken_apart_in_order() -> None:
    assert decode_metadata([(b"k-bin", b"AQ==,Ag, Aw"), (b"k-bin", b"")]) == (
        ("k-bin", b"\x01"),
        ("k-bin", b"\x02"),
        ("k-bin", b"\x03"),
        ("k-bin", b""),
    )


def test_joined_text_values_stay_joined() -> None:
    assert decode_metadata([(b"k", b"a,b")]) == (("k", "a,b"),)


@pytest.mark.parametrize(
    ("name", "value"), [(b"k-bin", b"A"), (b"k-bin", b"????"), (b"k", b"caf\xc3\xa9"), (b"k", b"a\x01b")]
)
def test_malformed_values_fail_the_call(name: bytes, value: bytes) -> None:
    with pytest.raises(CallFailed) as caught:
        decode_metadata([(name, value)])
    assert caught.value.status is StatusCode.INTERNAL
    assert name.decode() in caught.value.status_value.message


def test_encoding_pads_nothing_and_strips_text() -> None:
    assert encode_metadata((("k-bin", b"\x00"), ("k", " v "), ("e", ""))) == [
        (b"k-bin", b"AA"),
        (b"k", b"v"),
        (b"e", b""),
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Upper", "x"),
        ("sp ace", "x"),
        ("", "x"),
        (":path", "x"),
        ("grpc-status", "0"),
        ("content-type", "x"),
        ("connection", "x"),
        ("text", b"bytes"),
        ("k-bin", "text"),
        ("k", "caf\u00e9"),
        ("k", "line\r\nbreak"),
    ],
)
def test_what_cannot_be_sent_is_refused(key: str, value: str | bytes) -> None:
    with pytest.raises(ValueError, match="metadata"):
        encode_metadata(((key, value),))
