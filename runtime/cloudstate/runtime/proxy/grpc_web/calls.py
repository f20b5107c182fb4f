"""Calls that come as gRPC-Web: one message or several in the request, replies and status in the response.

Browsers send a request as a whole, so calls that stream requests get what is in it; replies are streamed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from functools import partial

from cloudstate.runtime.description import ServiceDescription
from cloudstate.runtime.errors import CloudStateError, StatusCode
from cloudstate.runtime.host import Reply, Request, Result, Router
from cloudstate.runtime.proxy.grpc_web.frames import Form, form_of, messages_of
from cloudstate.runtime.proxy.transcoding.headers import header, reply_headers, request_metadata
from cloudstate.runtime.transport import CallFailed, HttpExchange, Status
from cloudstate.runtime.transport.wire.timeout import parse_timeout

_OK = Status(StatusCode.OK, "")
_ONE_MESSAGE = Status(StatusCode.UNIMPLEMENTED, "the method takes exactly one request message")


class GrpcWeb:
    """Serves a service's commands to browsers.

    Args:
        limit: the largest message, in bytes.
        timeout: seconds that a call without a deadline of its own may take to its first reply.
    """

    def __init__(self, description: ServiceDescription, router: Router, limit: int, timeout: float) -> None:
        self._router = router
        self._limit = limit
        self._timeout = timeout
        self._tasks: set[asyncio.Task[None]] = set()
        self._shapes = {
            f"/{entity.service}/{command.name}": (entity.service, command.name, command.is_unary)
            for entity in description.entities
            for command in entity.commands
        }

    def serve(self, exchange: HttpExchange) -> bool:
        """Answer the exchange, now or later; False if it is not gRPC-Web."""
        request = exchange.request
        form = form_of(header(request.headers, "content-type"))
        if form is None or request.method != "POST":
            return False
        try:
            self._call(exchange, form)
        except CallFailed as failure:
            _fail(exchange, form, failure.status_value)
        return True

    def _call(self, exchange: HttpExchange, form: Form) -> None:
        request = exchange.request
        found = self._shapes.get(request.path)
        if found is None:
            raise CallFailed(Status(StatusCode.UNIMPLEMENTED, f"unknown method {request.path[:200]}"))
        service, command, is_unary = found
        messages = messages_of(request.body, form, self._limit)
        loop = asyncio.get_running_loop()
        given = header(request.headers, "grpc-timeout")
        deadline = loop.time() + (parse_timeout(given.encode()) if given else self._timeout)
        opening = Request(service, command, b"", request_metadata(request.headers), deadline)
        if is_unary:
            if len(messages) != 1:
                raise CallFailed(_ONE_MESSAGE)
            abandon = self._router.unary(opening._replace(payload=messages[0]), partial(_done, exchange, form))
            if not exchange.done:
                exchange.on_cancel = abandon
            return
        task = loop.create_task(_stream(exchange, form, self._router, opening, messages))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        exchange.on_cancel = task.cancel  # type: ignore[assignment]


def _done(exchange: HttpExchange, form: Form, result: Result) -> None:
    if isinstance(result, Reply):
        headers = (("content-type", form.content_type), *reply_headers(result.metadata))
        exchange.respond(200, headers, form.message(result.payload) + form.status(_OK))
    else:
        _fail(exchange, form, Status(result.status, result.description))


def _fail(exchange: HttpExchange, form: Form, status: Status) -> None:
    exchange.respond(200, (("content-type", form.content_type),), form.status(status))


async def _stream(
    exchange: HttpExchange, form: Form, router: Router, opening: Request, messages: Sequence[bytes]
) -> None:
    status, is_first = _OK, True
    try:
        async with aclosing(router.stream(opening, _each(messages))) as replies:
            async for reply in replies:
                if is_first:
                    headers = (("content-type", form.content_type), *reply_headers(reply.metadata))
                    await exchange.start(200, headers)
                    is_first = False
                await exchange.write(form.message(reply.payload))
    except CloudStateError as error:
        status = Status(error.status, str(error))
    if is_first:
        _fail(exchange, form, status)
        return
    await exchange.write(form.status(status))
    await exchange.end()


async def _each(messages: Sequence[bytes]) -> AsyncIterator[bytes]:
    for message in messages:
        yield message
