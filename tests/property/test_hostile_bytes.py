"""Whatever bytes arrive, a connection answers, closes or waits; it never raises, and keeps nothing afterwards."""

from __future__ import annotations

import asyncio
import logging
from itertools import pairwise
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st
from ngh2 import Configuration, Connection, Role

from cloudstate.runtime.transport.context import Method, ServerContext, StreamMethod, UnaryMethod
from cloudstate.runtime.transport.exchange import HttpExchange
from cloudstate.runtime.transport.http1.reader import RequestReader
from cloudstate.runtime.transport.http2.server import ServerSession
from cloudstate.runtime.transport.http2.stream import StreamCall
from cloudstate.runtime.transport.limits import Limits
from cloudstate.runtime.transport.wire.framing import frame

LIMITS = Limits(max_message=2000, max_body=2000, max_header_list=2000, header_timeout=1)


class Wire:
    """A transport that swallows everything."""

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **named: None


async def echo(call: StreamCall) -> None:
    async for message in call:
        await call.send(message)


METHODS: dict[str, Method] = {
    "/s/Unary": UnaryMethod(lambda call, payload: call.reply(payload)),
    "/s/Stream": StreamMethod(echo),
}


def conversation() -> bytes:
    """What a well-behaved client says."""
    client = Connection(Role.CLIENT, Configuration())
    client.initiate_connection()
    for path, content_type in (
        ("/s/Unary", "application/grpc"),
        ("/s/Stream", "application/grpc"),
        ("/x", "text/plain"),
    ):
        fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "h", "content-type": content_type}
        stream = client.send_request([(name.encode(), value.encode()) for name, value in fields.items()])
        client.send_data(stream, frame(b"hello") * (2 if "Stream" in path else 1), end_stream=True)
    client.ping()
    return client.data_to_send()


CONVERSATION = conversation()


def respond(exchange: HttpExchange) -> None:
    exchange.respond(200, [], exchange.request.body)


async def feed(pieces: list[bytes]) -> ServerContext:
    """A server session that hears the pieces, and then loses its connection."""
    logging.getLogger("cloudstate.runtime.transport").setLevel(logging.CRITICAL)
    context = ServerContext(METHODS.get, respond, LIMITS, asyncio.get_running_loop())
    session = ServerSession(context)
    session.connection_made(cast("asyncio.Transport", cast("Any", Wire())))
    for piece in pieces:
        session.data_received(piece)
        await asyncio.sleep(0)
    session.tick(context.loop.time() + 1)
    session.connection_lost(None)
    for task in context.tasks:
        await asyncio.wait([task])
    context.deadlines.close()
    logging.getLogger("cloudstate.runtime.transport").setLevel(logging.NOTSET)
    return context


def cut(data: bytes, places: list[int]) -> list[bytes]:
    stops = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:stop] for start, stop in pairwise(stops)]


places = st.lists(st.integers(0, 10_000), max_size=5)


@given(changes=st.lists(st.tuples(st.integers(24, len(CONVERSATION) - 1), st.integers(0, 255)), max_size=4), at=places)
def test_a_damaged_conversation(changes: list[tuple[int, int]], at: list[int]) -> None:
    data = bytearray(CONVERSATION)
    for position, byte in changes:
        data[position] = byte
    context = asyncio.run(feed(cut(bytes(data), at)))
    assert (context.buffered, len(context.connections)) == (0, 0)


@given(noise=st.binary(max_size=300), at=places)
def test_noise_after_the_preface(noise: bytes, at: list[int]) -> None:
    assert asyncio.run(feed(cut(CONVERSATION[:24] + noise, at))).buffered == 0


REQUESTS = (
    b"POST /a?b HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nhello"
    b"PUT /c HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    b"GET / HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\n\r\n"
)


@given(
    changes=st.lists(st.tuples(st.integers(0, len(REQUESTS) - 1), st.integers(0, 255)), max_size=4),
    noise=st.binary(max_size=50),
    at=places,
)
def test_damaged_requests(changes: list[tuple[int, int]], noise: bytes, at: list[int]) -> None:
    data = bytearray(REQUESTS + noise)
    for position, byte in changes:
        data[position] = byte
    reader = RequestReader(LIMITS)
    for piece in cut(bytes(data), at):
        if reader.refusal is None:
            reader.feed(piece)
    assert len(reader.requests) <= 5
    assert reader.held <= LIMITS.max_body * 2
