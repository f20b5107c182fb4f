"""HTTP/1.1 requests from bytes, and what is refused."""

from __future__ import annotations

import pytest

from cloudstate.runtime.transport.http1.reader import RequestReader, split_target
from cloudstate.runtime.transport.http1.response import chunk, response_head
from cloudstate.runtime.transport.limits import Limits

LIMITS = Limits(max_header_list=1000, max_body=100)


def read(data: bytes, step: int | None = None) -> RequestReader:
    reader = RequestReader(LIMITS)
    for start in range(0, len(data), step or len(data)):
        if reader.refusal is None:
            reader.feed(data[start : start + (step or len(data))])
    return reader


@pytest.mark.parametrize("step", [None, 1, 7])
def test_a_request_in_pieces(step: int | None) -> None:
    reader = read(b"POST /a%20b?q=1 HTTP/1.1\r\nHost: h\r\nX-Y: z\r\nContent-Length: 5\r\n\r\nhello", step)
    (incoming,) = reader.requests
    request = incoming.request
    assert (request.method, request.path, request.query, request.body) == ("POST", "/a%20b", "q=1", b"hello")
    assert request.headers == (("host", "h"), ("x-y", "z"), ("content-length", "5"))
    assert (request.version, incoming.keep_alive) == ("1.1", True)


def test_chunked_bodies_are_joined_and_trailers_dropped() -> None:
    reader = read(
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nTrailer: x\r\n\r\n"
    )
    (incoming,) = reader.requests
    assert incoming.request.body == b"abcde"
    assert ("trailer", "x") not in incoming.request.headers


def test_pipelined_requests_keep_their_order() -> None:
    reader = read(b"".join(b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % n for n in range(5)))
    assert [incoming.request.path for incoming in reader.requests] == ["/0", "/1", "/2", "/3", "/4"]


def test_http_10_closes_unless_asked_not_to() -> None:
    assert [i.keep_alive for i in read(b"GET / HTTP/1.0\r\n\r\n").requests] == [False]
    assert [i.keep_alive for i in read(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").requests] == [True]
    assert [i.keep_alive for i in read(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").requests] == [False]


def test_an_upgrade_is_declined_and_reading_goes_on() -> None:
    reader = read(
        b"GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n"
    )
    assert [incoming.request.path for incoming in reader.requests] == ["/a", "/b"]
    assert reader.refusal is None


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GARBAGE\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nbad header\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"x" * 60) * 2, 413),
        (b"POST / HTTP/1.1\r\nHost: h\r\nExpect: miracles\r\n\r\n", 417),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 1000 + b"\r\n\r\n", 431),
        (b"GET /" + b"x" * 1000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 431),
        (b"CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", 501),
    ],
)
def test_refusals(data: bytes, status: int) -> None:
    reader = read(data)
    assert reader.refusal is not None
    assert reader.refusal.status == status
    assert not reader.requests


def test_a_head_that_never_ends_is_refused() -> None:
    reader = RequestReader(LIMITS)
    reader.feed(b"GET / HTTP/1.1\r\nHost: h\r\nX: ")
    for _ in range(3):
        if reader.refusal is None:
            reader.feed(b"x" * 16_000)
    assert reader.refusal is not None
    assert reader.refusal.status == 431


def test_trailers_that_never_end_are_refused() -> None:
    reader = RequestReader(LIMITS)
    reader.feed(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n")
    for _ in range(3):
        if reader.refusal is None:
            reader.feed(b"X: " + b"x" * 16_000)
    assert reader.refusal is not None
    assert reader.refusal.status == 431


def test_requests_before_a_refusal_are_kept() -> None:
    reader = read(b"GET /ok HTTP/1.1\r\nHost: h\r\n\r\nGARBAGE\r\n\r\n")
    assert [incoming.request.path for incoming in reader.requests] == ["/ok"]
    assert reader.refusal is not None


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        (b"/a?b?c", ("/a", "b?c")),
        (b"http://h:1/a?b", ("/a", "b")),
        (b"http://h", ("/", "")),
        (b"*", ("*", "")),
        (b"/redirect?to=http://x", ("/redirect", "to=http://x")),
    ],
)
def test_targets(target: bytes, parts: tuple[str, str]) -> None:
    assert split_target(target) == parts


def test_response_heads() -> None:
    assert response_head(404, [("a", "b")]) == b"HTTP/1.1 404 Not Found\r\na: b\r\n\r\n"
    assert response_head(799, []) == b"HTTP/1.1 799 Unknown\r\n\r\n"
