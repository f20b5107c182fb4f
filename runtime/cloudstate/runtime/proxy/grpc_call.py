"""gRPC methods for commands: payloads pass through as bytes, in both directions.

A unary call costs no task and no future here: the router is entered in the turn of the loop in which the request is
complete, and its answer goes straight to the transport.
"""

from __future__ import annotations

from contextlib import aclosing

from cloudstate.runtime.errors import CloudStateError
from cloudstate.runtime.host import Reply, Request, Result, Router
from cloudstate.runtime.proxy.metadata import sendable
from cloudstate.runtime.transport import CallFailed, Method, Status, StreamCall, StreamMethod, UnaryCall, UnaryMethod


def unary_method(service: str, command: str, router: Router) -> Method:
    """The method of a command that takes one message and gives one."""
    route = router.unary

    def handle(call: UnaryCall, payload: bytes) -> None:
        def done(result: Result) -> None:
            if isinstance(result, Reply):
                call.reply(result.payload, sendable(result.metadata) if result.metadata else ())
            else:
                call.fail(Status(result.status, result.description))

        abandon = route(Request(service, command, payload, call.metadata, call.deadline), done)
        if not call.done:
            call.on_cancel = abandon

    return UnaryMethod(handle)


def stream_method(service: str, command: str, router: Router) -> Method:
    """The method of a command of a streamed shape. Metadata of the first reply becomes the call's initial metadata."""

    async def handle(call: StreamCall) -> None:
        request = Request(service, command, b"", call.metadata, call.deadline)
        is_first = True
        try:
            async with aclosing(router.stream(request, call)) as replies:
                async for reply in replies:
                    if is_first and reply.metadata:
                        call.set_initial_metadata(sendable(reply.metadata))
                    is_first = False
                    await call.send(reply.payload)
        except CallFailed:
            raise
        except CloudStateError as error:
            raise CallFailed(Status(error.status, str(error))) from error

    return StreamMethod(handle)
