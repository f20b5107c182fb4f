"""Statuses on the wire, and what foreign outcomes mean."""

from __future__ import annotations

import pytest

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.transport.wire.status import (
    MAX_MESSAGE_BYTES,
    CallFailed,
    Status,
    parse_status,
    percent_decode,
    percent_encode,
    status_headers,
    status_of_http,
    status_of_reset,
)

SPECIAL = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"


def test_the_special_message_of_the_interop_suite() -> None:
    assert percent_encode(SPECIAL) == (
        b"%09%0Atest with whitespace%0D%0Aand Unicode BMP %E2%98%BA and non-BMP %F0%9F%98%88%09%0A"
    )
    assert percent_decode(percent_encode(SPECIAL)) == SPECIAL


def test_percent_signs_and_outer_spaces_are_encoded() -> None:
    assert percent_encode(" 100% ") == b"%20100%25%20"


@pytest.mark.parametrize(("value", "text"), [(b"a%zzb", "a%zzb"), (b"%", "%"), (b"%4", "%4"), (b"\xff", "\ufffd")])
def test_broken_escapes_survive(value: bytes, text: str) -> None:
    assert percent_decode(value) == text


def test_lone_surrogates_do_not_break_the_answer() -> None:
    assert percent_encode("a\ud800b") == b"a?b"


def test_long_messages_are_cut_between_characters() -> None:
    cut = percent_decode(percent_encode("x" + "\u263a" * MAX_MESSAGE_BYTES))
    assert len(cut.encode()) <= MAX_MESSAGE_BYTES
    assert set(cut) == {"x", "\u263a"}


def test_headers_carry_code_and_message() -> None:
    assert status_headers(Status(StatusCode.NOT_FOUND, "no")) == [(b"grpc-status", b"5"), (b"grpc-message", b"no")]
    assert status_headers(Status(StatusCode.OK)) == [(b"grpc-status", b"0")]


def test_parsing_gives_back_what_headers_carry() -> None:
    status = Status(StatusCode.ABORTED, SPECIAL)
    assert parse_status(dict(status_headers(status))) == status


def test_no_status_is_none() -> None:
    assert parse_status({b"x": b"y"}) is None


@pytest.mark.parametrize("value", [b"17", b"-1", b"abc", b""])
def test_unknown_codes_count_as_unknown(value: bytes) -> None:
    status = parse_status({b"grpc-status": value})
    assert status is not None
    assert status.code is StatusCode.UNKNOWN


@pytest.mark.parametrize(
    ("http", "code"),
    [
        (400, StatusCode.INTERNAL),
        (401, StatusCode.UNAUTHENTICATED),
        (403, StatusCode.PERMISSION_DENIED),
        (404, StatusCode.UNIMPLEMENTED),
        (429, StatusCode.UNAVAILABLE),
        (503, StatusCode.UNAVAILABLE),
        (418, StatusCode.UNKNOWN),
    ],
)
def test_http_statuses(http: int, code: StatusCode) -> None:
    assert status_of_http(http).code is code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (0x0, StatusCode.INTERNAL),
        (0x7, StatusCode.UNAVAILABLE),
        (0x8, StatusCode.CANCELLED),
        (0xB, StatusCode.RESOURCE_EXHAUSTED),
        (0xC, StatusCode.PERMISSION_DENIED),
        (0x99, StatusCode.INTERNAL),
    ],
)
def test_reset_codes(error: int, code: StatusCode) -> None:
    assert status_of_reset(error).code is code


def test_a_failed_call_is_a_cloudstate_error_with_its_status() -> None:
    failure = CallFailed(Status(StatusCode.NOT_FOUND, "gone"), (("k", "v"),))
    assert (failure.status, str(failure), failure.trailers) == (StatusCode.NOT_FOUND, "NOT_FOUND: gone", (("k", "v"),))
