"""Which metadata leaves with a reply, and how headers come in."""

from __future__ import annotations

import pytest

from cloudstate.runtime.payload import Metadata
from cloudstate.runtime.proxy.metadata import sendable
from cloudstate.runtime.proxy.transcoding.headers import reply_headers, request_metadata

MIXED: Metadata = (("a", "1"), ("b-bin", b"\x00"), ("a", "2"))


def test_order_and_repetition_are_kept() -> None:
    assert sendable(MIXED) == MIXED
    assert reply_headers(MIXED) == (("a", "1"), ("a", "2"))
    assert sendable(()) == reply_headers(()) == ()


@pytest.mark.parametrize(
    "entry",
    [
        ("content-type", "text/plain"),
        ("grpc-status", "0"),
        ("connection", "close"),
        ("Upper", "x"),
        ("", "x"),
        (":path", "/"),
        ("with space", "x"),
        ("x", "line\nbreak"),
        ("x", "é"),
        ("x", b"bytes"),
        ("x-bin", "text"),
    ],
)
def test_what_cannot_be_sent_is_left_out(entry: tuple[str, str | bytes]) -> None:
    assert sendable((entry, ("a", "1"))) == (("a", "1"),)


def test_headers_become_metadata() -> None:
    headers = (("x", "1"), ("host", "h"), ("y-bin", "AAE"), ("z-bin", "?"), ("x", "2"), ("content-length", "3"))

    assert request_metadata(headers) == (("x", "1"), ("y-bin", b"\x00\x01"), ("x", "2"))
