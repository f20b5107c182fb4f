"""The service of the transport tests: the calls of gRPC's interop suite, with JSON orders instead of protobuf.

An order says what the reply should be: ``{"size": 10, "status": [5, "text"]}``. Unary orders may be padded with spaces.
The same service exists twice, once on our transport and once on grpc.aio, so that each end meets a foreign one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.transport import (
    CallFailed,
    HttpExchange,
    Method,
    Status,
    StreamCall,
    StreamMethod,
    UnaryCall,
    UnaryMethod,
)

SERVICE = "test.Interop"
ECHO_INITIAL = "x-grpc-test-echo-initial"
ECHO_TRAILING = "x-grpc-test-echo-trailing-bin"
SPECIAL_MESSAGE = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"


def order(**wishes: Any) -> bytes:
    """A request message."""
    return json.dumps(wishes).encode()


def path(method: str) -> str:
    """The path of one of the methods."""
    return f"/{SERVICE}/{method}"


class OurService:
    """The methods on our transport. ``cancelled`` has the paths of calls that the server saw cancelled."""

    def __init__(self) -> None:
        self.cancelled: asyncio.Queue[str] = asyncio.Queue()
        self.received = 0
        self.methods: dict[str, Method] = {
            path("Unary"): UnaryMethod(self.unary),
            path("Echo"): UnaryMethod(lambda call, payload: call.reply(payload)),
            path("Never"): UnaryMethod(self.never),
            path("Broken"): UnaryMethod(self.broken),
            path("Input"): StreamMethod(self.streaming_input),
            path("Output"): StreamMethod(self.streaming_output),
            path("Duplex"): StreamMethod(self.duplex),
            path("Sleep"): StreamMethod(self.sleep),
            path("BrokenStream"): StreamMethod(self.broken_stream),
            path("Slow"): StreamMethod(self.slow),
        }
        self.go_on = asyncio.Event()

    def find(self, wanted: str) -> Method | None:
        """What Server asks."""
        return self.methods.get(wanted)

    def http(self, exchange: HttpExchange) -> None:
        """Everything that is not gRPC."""
        exchange.respond(200, [("content-type", "text/plain")], f"{exchange.request.method} plain".encode())

    def unary(self, call: UnaryCall, payload: bytes) -> None:
        wishes = json.loads(payload)
        metadata = dict(call.metadata)
        initial = ((ECHO_INITIAL, metadata[ECHO_INITIAL]),) if ECHO_INITIAL in metadata else ()
        trailers = ((ECHO_TRAILING, metadata[ECHO_TRAILING]),) if ECHO_TRAILING in metadata else ()
        if "status" in wishes:
            code, text = wishes["status"]
            call.fail(Status(StatusCode(code), text), trailers)
        else:
            call.reply(bytes(wishes.get("size", 0)), initial, trailers)

    def never(self, call: UnaryCall, payload: bytes) -> None:
        call.on_cancel = lambda: self.cancelled.put_nowait(call.path)

    def broken(self, call: UnaryCall, payload: bytes) -> None:
        raise RuntimeError("a secret")

    async def streaming_input(self, call: StreamCall) -> None:
        total = 0
        async for message in call:
            total += len(message)
        await call.send(str(total).encode())

    async def streaming_output(self, call: StreamCall) -> None:
        async for message in call:
            for size in json.loads(message)["sizes"]:
                await call.send(bytes(size))

    async def duplex(self, call: StreamCall) -> None:
        metadata = dict(call.metadata)
        if ECHO_INITIAL in metadata:
            call.set_initial_metadata(((ECHO_INITIAL, metadata[ECHO_INITIAL]),))
        if ECHO_TRAILING in metadata:
            call.set_trailers(((ECHO_TRAILING, metadata[ECHO_TRAILING]),))
        try:
            async for message in call:
                wishes = json.loads(message)
                if "status" in wishes:
                    raise CallFailed(Status(StatusCode(wishes["status"][0]), wishes["status"][1]))
                for size in wishes.get("sizes", ()):
                    await call.send(bytes(size))
        except asyncio.CancelledError:
            self.cancelled.put_nowait(call.path)
            raise

    async def sleep(self, call: StreamCall) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.put_nowait(call.path)

    async def broken_stream(self, call: StreamCall) -> None:
        raise RuntimeError("a secret")

    async def slow(self, call: StreamCall) -> None:
        """Consumes nothing until it is told to."""
        await self.go_on.wait()
        async for message in call:
            self.received += len(message)
        await call.send(str(self.received).encode())


class ForeignService:
    """The same methods on grpc.aio, as generic handlers of bytes."""

    def __init__(self) -> None:
        self.cancelled: asyncio.Queue[str] = asyncio.Queue()

    def handler(self) -> grpc.GenericRpcHandler:
        """What a grpc.aio server registers."""
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Unary": grpc.unary_unary_rpc_method_handler(self.unary),
                "Echo": grpc.unary_unary_rpc_method_handler(self.echo),
                "Never": grpc.unary_unary_rpc_method_handler(self.never),
                "Input": grpc.stream_unary_rpc_method_handler(self.streaming_input),
                "Output": grpc.unary_stream_rpc_method_handler(self.streaming_output),
                "Duplex": grpc.stream_stream_rpc_method_handler(self.duplex),
                "Sleep": grpc.stream_stream_rpc_method_handler(self.sleep),
            },
        )

    async def unary(self, payload: bytes, context: Any) -> bytes:
        wishes = json.loads(payload)
        metadata = dict(context.invocation_metadata())
        if ECHO_INITIAL in metadata:
            await context.send_initial_metadata(((ECHO_INITIAL, metadata[ECHO_INITIAL]),))
        if ECHO_TRAILING in metadata:
            context.set_trailing_metadata(((ECHO_TRAILING, metadata[ECHO_TRAILING]),))
        if "status" in wishes:
            code, text = wishes["status"]
            await context.abort(next(each for each in grpc.StatusCode if each.value[0] == code), text)
        return bytes(wishes.get("size", 0))

    async def echo(self, payload: bytes, context: Any) -> bytes:
        return payload

    async def never(self, payload: bytes, context: Any) -> bytes:
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.put_nowait("Never")
        return b""

    async def streaming_input(self, requests: AsyncIterator[bytes], context: Any) -> bytes:
        return str(sum([len(message) async for message in requests])).encode()

    async def streaming_output(self, payload: bytes, context: Any) -> AsyncIterator[bytes]:
        for size in json.loads(payload)["sizes"]:
            yield bytes(size)

    async def duplex(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        metadata = dict(context.invocation_metadata())
        if ECHO_INITIAL in metadata:
            await context.send_initial_metadata(((ECHO_INITIAL, metadata[ECHO_INITIAL]),))
        if ECHO_TRAILING in metadata:
            context.set_trailing_metadata(((ECHO_TRAILING, metadata[ECHO_TRAILING]),))
        try:
            async for message in requests:
                wishes = json.loads(message)
                if "status" in wishes:
                    code, text = wishes["status"]
                    await context.abort(next(each for each in grpc.StatusCode if each.value[0] == code), text)
                for size in wishes.get("sizes", ()):
                    yield bytes(size)
        finally:
            self.cancelled.put_nowait("Duplex")

    async def sleep(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.put_nowait("Sleep")
        yield b""
