"""An HTTP/2 connection without a socket: ngh2 as the client, our session as the server, bytes carried by hand."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from ngh2 import (
    Configuration,
    Connection,
    ConnectionClosed,
    DataReceived,
    Event,
    GoAwayReceived,
    InformationalResponseReceived,
    ResponseReceived,
    Role,
    StreamReset,
    TrailersReceived,
)

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.transport.context import Method, ServerContext, StreamMethod, UnaryMethod
from cloudstate.runtime.transport.exchange import HttpExchange
from cloudstate.runtime.transport.http2.server import ServerSession
from cloudstate.runtime.transport.http2.stream import StreamCall
from cloudstate.runtime.transport.http2.unary import UnaryCall
from cloudstate.runtime.transport.limits import Limits
from cloudstate.runtime.transport.wire.framing import frame
from cloudstate.runtime.transport.wire.status import CallFailed, Status

KIB = 1024


class Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def set_write_buffer_limits(self, high: int) -> None:
        pass

    def is_closing(self) -> bool:
        return self.closed

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True

    abort = close


class Pair:
    """The two ends."""

    def __init__(self, methods: dict[str, Method], limits: Limits) -> None:
        self.exchanges: list[HttpExchange] = []
        self.context = ServerContext(methods.get, self.exchanges.append, limits, asyncio.get_running_loop())
        self.session = ServerSession(self.context)
        self.wire = Wire()
        self.left = False
        self.client = Connection(Role.CLIENT, Configuration(peer_max_concurrent_streams=1000))
        self.client.initiate_connection()
        self.session.connection_made(cast("asyncio.Transport", cast("Any", self.wire)))

    def request(self, path: str, body: bytes | None = None, *extra: tuple[bytes, bytes], end: bool = True) -> int:
        """Queue a request; without a body it stays open."""
        fields = {b":method": b"POST", b":scheme": b"http", b":path": path.encode(), b":authority": b"h"}
        fields |= {b"content-type": b"application/grpc"} | dict(extra)
        stream = self.client.send_request(tuple(fields.items()))
        if body is not None:
            self.client.send_data(stream, body, end_stream=end)
        return stream

    def carry(self) -> list[Event]:
        """Bring everything that is ready to the other side, once each way."""
        data = self.client.data_to_send()
        if data and not self.wire.closed:
            self.session.data_received(data)
        written, self.wire.written = b"".join(self.wire.written), []
        events = self._client_events()
        if written and not self.left:
            self.client.receive_data(written)
        return events + self._client_events()

    def _client_events(self) -> list[Event]:
        events = self.client.events()
        self.left = self.left or any(isinstance(event, ConnectionClosed) for event in events)
        return events

    async def settle(self) -> list[Event]:
        """Carry until both sides are quiet."""
        events: list[Event] = []
        for _ in range(20):
            events += self.carry()
            await asyncio.sleep(0)
        return events


def status(events: list[Event]) -> tuple[int, str]:
    """The status that the client saw."""
    for event in events:
        if isinstance(event, (TrailersReceived, ResponseReceived)):
            fields = dict(event.headers)
            if b"grpc-status" in fields:
                return int(fields[b"grpc-status"]), fields.get(b"grpc-message", b"").decode()
    raise AssertionError(events)


def body(events: list[Event]) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, DataReceived))


calls: list[UnaryCall] = []


def wait(call: UnaryCall, payload: bytes) -> None:
    calls.append(call)


def reject(call: UnaryCall, payload: bytes) -> None:
    raise CallFailed(Status(StatusCode.ABORTED, "no"), (("why", "because"),))


async def echo_all(call: StreamCall) -> None:
    async for message in call:
        await call.send(message)


class BrokenLookup(dict[str, Method]):
    """Finding a method fails."""

    def get(self, key: str, default: object = None) -> Any:
        raise RuntimeError("a secret")


METHODS: dict[str, Method] = {
    "/s/Echo": UnaryMethod(lambda call, payload: call.reply(payload)),
    "/s/Wait": UnaryMethod(wait),
    "/s/Reject": UnaryMethod(reject),
    "/s/Metadata": UnaryMethod(lambda call, payload: call.reply(repr(call.metadata).encode())),
    "/s/All": StreamMethod(echo_all),
}


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    calls.clear()
    pair = Pair(METHODS, Limits(stream_window=128 * KIB, connection_window=256 * KIB))
    await pair.settle()
    yield pair
    pair.session.connection_lost(None)
    pair.context.deadlines.close()


async def test_a_unary_call_is_answered_in_the_turn_in_which_it_came(pair: Pair) -> None:
    pair.request("/s/Echo", frame(b"hello"))
    events = pair.carry()
    assert body(events) == frame(b"hello")
    assert status(events) == (0, "")


async def test_everything_that_one_read_causes_is_written_at_once(pair: Pair) -> None:
    for number in range(50):
        pair.request("/s/Echo", frame(b"%d" % number))
    pair.session.data_received(pair.client.data_to_send())
    assert len(pair.wire.written) == 1


async def test_answers_of_one_turn_are_written_at_once(pair: Pair) -> None:
    for _ in range(50):
        pair.request("/s/Wait", frame(b""))
    pair.carry()
    for call in calls:
        call.reply(b"later")
    assert pair.wire.written == []
    await asyncio.sleep(0)
    assert len(pair.wire.written) == 1


async def test_a_handler_may_refuse(pair: Pair) -> None:
    pair.request("/s/Reject", frame(b""))
    events = await pair.settle()
    assert status(events) == (StatusCode.ABORTED, "no")
    (head,) = [event for event in events if isinstance(event, ResponseReceived)]
    assert (b"why", b"because") in head.headers


async def test_broken_metadata_fails_the_call_when_it_is_looked_at(pair: Pair) -> None:
    pair.request("/s/Metadata", frame(b""), (b"x-bin", b"!"))
    assert status(await pair.settle())[0] == StatusCode.INTERNAL
    pair.request("/s/Echo", frame(b""), (b"x-bin", b"!"))
    assert status(await pair.settle())[0] == StatusCode.OK


async def test_trailers_may_end_a_request(pair: Pair) -> None:
    stream = pair.request("/s/Echo", frame(b"x"), end=False)
    pair.client.send_trailers(stream, ((b"x-checksum", b"1"),))
    assert status(await pair.settle()) == (0, "")


async def test_a_lookup_that_fails_is_a_failed_call(caplog: pytest.LogCaptureFixture) -> None:
    pair = Pair(BrokenLookup(), Limits())
    with caplog.at_level(logging.CRITICAL):
        pair.request("/s/Echo", frame(b""))
        assert status(await pair.settle()) == (StatusCode.UNKNOWN, "internal error")
    pair.session.connection_lost(None)


@pytest.mark.parametrize(
    ("extra", "http"),
    [
        ((b"content-type", b"application/grpc+json"), b"415"),
        ((b"content-type", b"application/grpc+thrift;x=y"), b"415"),
    ],
)
async def test_codecs_that_are_not_protobuf(pair: Pair, extra: tuple[bytes, bytes], http: bytes) -> None:
    pair.request("/s/Echo", frame(b""), extra)
    (head,) = [event for event in await pair.settle() if isinstance(event, ResponseReceived)]
    assert dict(head.headers)[b":status"] == http


async def test_grpc_wants_post(pair: Pair) -> None:
    pair.request("/s/Echo", frame(b""), (b":method", b"GET"))
    assert status(await pair.settle())[0] == StatusCode.INTERNAL


async def test_connect_is_not_served(pair: Pair) -> None:
    pair.client.send_request(((b":method", b"CONNECT"), (b":authority", b"h")))
    (head,) = [event for event in await pair.settle() if isinstance(event, ResponseReceived)]
    assert dict(head.headers)[b":status"] == b"501"


async def test_an_early_answer_resets_the_rest_of_the_request(pair: Pair) -> None:
    stream = pair.request("/s/Nothing")
    events = await pair.settle()
    assert status(events)[0] == StatusCode.UNIMPLEMENTED
    (reset,) = [event for event in events if isinstance(event, StreamReset)]
    assert (reset.stream_id, reset.error_code) == (stream, 0)


async def test_a_stream_gives_window_back_as_it_is_consumed(pair: Pair) -> None:
    stream = pair.request("/s/All")
    for _ in range(100):
        pair.client.send_data(stream, frame(bytes(10_000)))
    events = await pair.settle()
    pair.client.end_stream(stream)
    events += await pair.settle()
    assert body(events) == frame(bytes(10_000)) * 100
    assert pair.session.unreleased == 0


async def test_window_lost_inside_ngh2_is_made_up_for(pair: Pair) -> None:
    """Without repair the window would be used up long before the end of this."""
    for _ in range(60):
        stream = pair.request("/s/All", frame(bytes(15_000)), end=False)
        data = pair.client.data_to_send()
        pair.session.data_received(data[:-8_000])
        pair.session.reset(stream, 8)
        pair.session._flush()
        pair.session.data_received(data[-8_000:])
        await pair.settle()
        pair.session.tick(asyncio.get_running_loop().time())
        await pair.settle()
        if not pair.client.can_send_request:
            break
        assert pair.client.remote_window_size >= 32 * KIB
    else:
        raise AssertionError("a connection that has lost this much should ask its client to leave")


async def test_a_client_that_does_not_read_its_replies_gets_no_new_ones() -> None:
    pair = Pair(METHODS, Limits(max_queued=100 * KIB))
    pair.client.update_settings({4: 0})
    await pair.settle()
    for _ in range(2):
        pair.request("/s/Echo", frame(bytes(60 * KIB)))
        await pair.settle()
    pair.request("/s/Echo", frame(b"one more"))
    assert status(await pair.settle())[0] == StatusCode.RESOURCE_EXHAUSTED
    pair.session.connection_lost(None)


async def test_unfinished_requests_are_accounted_for(pair: Pair) -> None:
    first = pair.request("/s/Echo", frame(bytes(50_000))[:40_000], end=False)
    pair.request("/s/All", frame(bytes(50_000))[:30_005], end=False)
    await pair.settle()
    assert pair.context.buffered == 70_000
    pair.client.reset_stream(first, 8)
    await pair.settle()
    assert pair.context.buffered == 30_000
    pair.session.connection_lost(None)
    assert pair.context.buffered == 0


async def test_paused_output_stays_where_it_is(pair: Pair) -> None:
    pair.session.pause_writing()
    pair.request("/s/Echo", frame(b"hello"))
    assert body(pair.carry()) == b""
    pair.session.resume_writing()
    assert body(pair.carry()) == frame(b"hello")


async def test_http_over_http2(pair: Pair) -> None:
    stream = pair.request("/a?b=c", b"body", (b"content-type", b"text/plain"))
    pair.carry()
    (exchange,) = pair.exchanges
    request = exchange.request
    assert (request.method, request.path, request.query, request.body) == ("POST", "/a", "b=c", b"body")
    assert request.headers == (("host", "h"), ("content-type", "text/plain"))
    await exchange.start(200, [("x", "y")])
    await exchange.write(b"one")
    await exchange.end()
    assert body(await pair.settle()) == b"one"
    assert stream not in pair.session._streams


async def test_expect_continue_over_http2(pair: Pair) -> None:
    stream = pair.request("/a", None, (b"content-type", b"text/plain"), (b"expect", b"100-continue"))
    events = pair.carry()
    assert [type(event) for event in events] == [InformationalResponseReceived]
    pair.client.send_data(stream, b"body", end_stream=True)
    pair.carry()
    assert pair.exchanges[0].request.body == b"body"


async def test_a_reset_cancels_the_exchange(pair: Pair) -> None:
    stream = pair.request("/a", b"", (b"content-type", b"text/plain"))
    pair.carry()
    gone: list[bool] = []
    pair.exchanges[0].on_cancel = lambda: gone.append(True)
    pair.client.reset_stream(stream, 8)
    pair.carry()
    pair.exchanges[0].respond(200)
    assert gone == [True]


async def test_drain_says_goodbye_twice_and_closes(pair: Pair) -> None:
    pair.request("/s/Wait", frame(b""))
    pair.carry()
    pair.session.drain()
    goodbyes = [event.last_stream_id for event in await pair.settle() if isinstance(event, GoAwayReceived)]
    assert goodbyes == [0x7FFFFFFF, 1]
    assert not pair.wire.closed
    calls[0].reply(b"last")
    assert body(await pair.settle()) == frame(b"last")
    assert pair.wire.closed
