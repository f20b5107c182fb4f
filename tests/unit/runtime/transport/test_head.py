"""What a request is, by its head."""

from __future__ import annotations

import pytest

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.transport.wire.head import (
    Content,
    accepts_gzip,
    checked_encoding,
    classify,
    header_list_size,
    response_failure,
)
from cloudstate.runtime.transport.wire.status import CallFailed


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        (b"application/grpc", Content.GRPC),
        (b"application/grpc+proto", Content.GRPC),
        (b"Application/gRPC; charset=utf-8", Content.GRPC),
        (b"application/grpc+json", Content.UNSUPPORTED),
        (b"application/grpc-web+proto", Content.HTTP),
        (b"application/json", Content.HTTP),
        (b"", Content.HTTP),
    ],
)
def test_content_types(content_type: bytes, content: Content) -> None:
    assert classify(content_type) is content


def test_the_size_of_a_header_list_counts_the_overhead() -> None:
    headers = ((b"ab", b"c"), (b"d", b""))
    assert header_list_size(headers, dict(headers)) == 4 + 64
    repeated = (*headers, *headers)
    assert header_list_size(repeated, dict(repeated)) == 2 * (4 + 64)


def test_encodings() -> None:
    assert checked_encoding(b"gzip") == b"gzip"
    with pytest.raises(CallFailed) as caught:
        checked_encoding(b"snappy")
    assert caught.value.status is StatusCode.UNIMPLEMENTED
    assert accepts_gzip(b"identity, deflate, gzip")
    assert not accepts_gzip(b"identity,xgzip")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({b":status": b"503"}, StatusCode.UNAVAILABLE),
        ({b":status": b"200", b"content-type": b"text/html"}, StatusCode.UNKNOWN),
        ({b":status": b"what"}, StatusCode.UNKNOWN),
        ({}, StatusCode.UNKNOWN),
    ],
)
def test_responses_that_are_not_grpc(fields: dict[bytes, bytes], code: StatusCode) -> None:
    failure = response_failure(fields)
    assert failure is not None
    assert failure.code is code


def test_a_grpc_response_is_fine() -> None:
    assert response_failure({b":status": b"200", b"content-type": b"application/grpc+proto"}) is None
