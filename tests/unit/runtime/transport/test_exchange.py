"""One response per request, whatever the handler does."""

from __future__ import annotations

import logging

import pytest

from cloudstate.runtime.transport.exchange import HttpExchange, HttpRequest, checked_headers, serve

REQUEST = HttpRequest("GET", "/", "", (), b"", "1.1")


class Sink:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    def respond(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.calls.append((status, headers, body))

    def start(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.calls.append((status, headers))

    async def write(self, data: bytes) -> None:
        self.calls.append(data)

    def end(self) -> None:
        self.calls.append("end")

    def abort(self) -> None:
        self.calls.append("abort")


def test_only_the_first_response_counts() -> None:
    sink = Sink()
    exchange = HttpExchange(REQUEST, sink)
    exchange.respond(200, [("X-A", " b ")], b"1")
    exchange.respond(500)
    assert sink.calls == [(200, [("x-a", "b")], b"1")]
    assert exchange.done


async def test_a_streamed_response() -> None:
    sink = Sink()
    exchange = HttpExchange(REQUEST, sink)
    await exchange.write(b"too early")
    await exchange.start(200)
    await exchange.write(b"a")
    await exchange.write(b"")
    exchange.respond(500)
    await exchange.end()
    await exchange.write(b"too late")
    assert sink.calls == [(200, []), b"a", "end"]


def test_cancellation_is_told_once_and_silences_the_handler() -> None:
    sink = Sink()
    exchange = HttpExchange(REQUEST, sink)
    told: list[bool] = []
    exchange.on_cancel = lambda: told.append(True)
    exchange.cancel()
    exchange.cancel()
    exchange.respond(200)
    assert (told, sink.calls) == ([True], [])


def test_a_handler_that_raises_is_answered_with_500(caplog: pytest.LogCaptureFixture) -> None:
    sink = Sink()

    def handler(_: HttpExchange) -> None:
        raise RuntimeError("secret")

    with caplog.at_level(logging.ERROR):
        serve(handler, HttpExchange(REQUEST, sink))
    assert [call[0] for call in sink.calls if isinstance(call, tuple)] == [500]
    assert "secret" not in repr(sink.calls)
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    "header",
    [("a\r\nb", "x"), ("a", "x\r\ny: z"), ("a", "x\x00"), ("", "x"), ("a b", "x"), ("a:", "x"), ("a", "\u263a")],
)
def test_headers_that_would_break_the_framing(header: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="malformed"):
        checked_headers([header])


def test_framing_headers_are_the_transports_business() -> None:
    assert checked_headers([("Content-Length", "7"), ("Connection", "close"), ("Content-Type", "a")]) == [
        ("content-type", "a")
    ]
