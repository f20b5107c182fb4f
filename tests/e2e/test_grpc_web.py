"""Calls as browsers make them, to a real runtime: gRPC-Web in both forms, and the questions before a call."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import NamedTuple

import pytest
from tests.processes import server

from conversion.conversion_pb2 import Celsius, CelsiusRange, CountedCelsius, Fahrenheit

CONVERTER = "/com.example.conversion.Converter/"
ORIGIN = "https://shop.example"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    command = ["-m", "cloudstate.cli", "run", "specs/converter", "--port", "0", "--journal", "memory:"]
    with server([*command, "--cors-origin", ORIGIN]) as (_, address):
        yield int(address.rpartition(":")[2])


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def send(port: int, method: str, path: str, body: bytes, **headers: str) -> Answer:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


def frames(body: bytes) -> list[tuple[int, bytes]]:
    """Flags and payload of each frame."""
    found, at = [], 0
    while at < len(body):
        length = int.from_bytes(body[at + 1 : at + 5], "big")
        found.append((body[at], body[at + 5 : at + 5 + length]))
        at += 5 + length
    return found


def framed(*messages: bytes) -> bytes:
    return b"".join(b"\0" + len(message).to_bytes(4, "big") + message for message in messages)


def degrees(answer: Answer) -> list[float]:
    """What the messages of a good answer say."""
    *messages, (flags, trailers) = frames(answer.body)
    assert (answer.status, flags, trailers) == (200, 0x80, b"grpc-status: 0\r\n")
    assert all(flags == 0 for flags, _ in messages)
    return [Fahrenheit.FromString(message).degrees for _, message in messages]


HUNDRED = framed(Celsius(degrees=100).SerializeToString())


@pytest.mark.parametrize("content_type", ["application/grpc-web", "application/grpc-web+proto"])
def test_a_unary_call(port: int, content_type: str) -> None:
    answer = send(port, "POST", CONVERTER + "Convert", HUNDRED, content_type=content_type)
    assert degrees(answer) == [212]
    assert answer.headers["content-type"] == "application/grpc-web+proto"


@pytest.mark.parametrize("cut", [None, 3])
def test_as_text_also_in_several_parts(port: int, cut: int | None) -> None:
    parts = [HUNDRED] if cut is None else [HUNDRED[:cut], HUNDRED[cut:]]
    body = b"".join(map(base64.b64encode, parts))
    answer = send(port, "POST", CONVERTER + "Convert", body, content_type="application/grpc-web-text")
    assert answer.headers["content-type"] == "application/grpc-web-text+proto"
    whole = b"".join(base64.b64decode(answer.body[at : at + 4]) for at in range(0, len(answer.body), 4))
    assert degrees(answer._replace(body=whole)) == [212]


def test_streams(port: int) -> None:
    body = framed(CelsiusRange(first=0, last=2).SerializeToString())
    answer = send(port, "POST", CONVERTER + "ConvertRange", body, content_type="application/grpc-web+proto")
    assert [round(it, 1) for it in degrees(answer)] == [32, 33.8, 35.6]
    several = framed(*(Celsius(degrees=n).SerializeToString() for n in (0, 100)))
    each = send(port, "POST", CONVERTER + "ConvertEach", several, content_type="application/grpc-web+proto")
    assert degrees(each) == [32, 212]
    mean = send(port, "POST", CONVERTER + "ConvertMean", several, content_type="application/grpc-web+proto")
    assert degrees(mean) == [122]


@pytest.mark.parametrize(
    ("method", "body", "status", "text"),
    [
        ("ConvertMean", b"", 3, "there is no mean of nothing"),
        ("ConvertCounted", framed(CountedCelsius(degrees=1).SerializeToString()), 0, ""),
        ("Nothing", b"", 12, "unknown method"),
        ("Convert", b"", 12, "exactly one request message"),
        ("Convert", framed(b"\xff"), 3, "not valid protobuf"),
        ("Convert", b"\0\0\0\0\x09x", 13, ""),
    ],
)
def test_failures_are_in_the_last_frame(port: int, method: str, body: bytes, status: int, text: str) -> None:
    answer = send(port, "POST", CONVERTER + method, body, content_type="application/grpc-web+proto")
    flags, trailers = frames(answer.body)[-1]
    assert (answer.status, flags) == (200, 0x80)
    assert f"grpc-status: {status}\r\n" in trailers.decode()
    assert text.replace(" ", "%20") in trailers.decode() or text in trailers.decode()


def test_a_browser_asks_first(port: int) -> None:
    question = {"access_control_request_method": "POST", "access_control_request_headers": "content-type,x-grpc-web"}
    allowed = send(port, "OPTIONS", CONVERTER + "Convert", b"", origin=ORIGIN, **question)
    assert allowed.status == 204
    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    assert allowed.headers["access-control-allow-headers"] == "content-type,x-grpc-web"
    assert "POST" in allowed.headers["access-control-allow-methods"]
    refused = send(port, "OPTIONS", CONVERTER + "Convert", b"", origin="https://other.example", **question)
    assert refused.status == 405
    assert "access-control-allow-origin" not in refused.headers


def test_answers_may_be_read_by_pages_that_may_call(port: int) -> None:
    for headers in ({"content_type": "application/grpc-web+proto"}, {"content_type": "application/json"}):
        body = HUNDRED if "grpc" in headers["content_type"] else b"{}"
        answer = send(port, "POST", CONVERTER + "Convert", body, origin=ORIGIN, **headers)
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "grpc-status" in answer.headers["access-control-expose-headers"]
        other = send(port, "POST", CONVERTER + "Convert", body, origin="https://other.example", **headers)
        assert "access-control-allow-origin" not in other.headers
