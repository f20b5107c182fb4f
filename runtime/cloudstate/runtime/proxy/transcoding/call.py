"""Carries one call from an HTTP exchange to the router and its replies back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from cloudstate.runtime.errors import CloudStateError, StatusCode
from cloudstate.runtime.host import Failure, Reply, Request, Result, Router
from cloudstate.runtime.proxy.transcoding.failure import WriteFailure
from cloudstate.runtime.proxy.transcoding.headers import header, raw_content_type, reply_headers
from cloudstate.runtime.proxy.transcoding.response import ReplyRenderer
from cloudstate.runtime.proxy.transcoding.streaming import only, stream_format
from cloudstate.runtime.transport import HttpExchange

logger = logging.getLogger(__name__)


class UnaryCall:
    """A call with one reply, without a task. Whoever comes first ends it: the reply, the deadline, or the client."""

    __slots__ = ("_abandon", "_exchange", "_fail", "_is_over", "_renderer", "_timer")

    def __init__(self, exchange: HttpExchange, renderer: ReplyRenderer, fail: WriteFailure) -> None:
        self._fail = fail
        self._exchange = exchange
        self._renderer = renderer
        self._abandon: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False

    def start(self, router: Router, request: Request) -> None:
        """Give the request to the router; the reply may arrive before this returns."""
        abandon = router.unary(request, self._done)
        if self._is_over:
            return
        self._abandon = abandon
        self._exchange.on_cancel = self._gone
        if request.deadline is not None:
            self._timer = asyncio.get_running_loop().call_at(request.deadline, self._expired)

    def _done(self, result: Result) -> None:
        if not self._end():
            return
        self._abandon = None
        if isinstance(result, Failure):
            self._fail(self._exchange.respond, result.status, result.description)
        else:
            respond_reply(self._exchange, self._renderer, result, self._fail)

    def _expired(self) -> None:
        if self._end():
            self._leave()
            self._fail(self._exchange.respond, StatusCode.DEADLINE_EXCEEDED, "no reply within the time limit")

    def _gone(self) -> None:
        if self._end():
            self._leave()

    def _leave(self) -> None:
        abandon, self._abandon = self._abandon, None
        if abandon is not None:
            abandon()

    def _end(self) -> bool:
        """True for the first caller only."""
        if self._is_over:
            return False
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return True


def respond_reply(exchange: HttpExchange, renderer: ReplyRenderer, reply: Reply, fail: WriteFailure) -> None:
    """Answer with one reply as the whole body."""
    try:
        body = renderer(reply.payload)
    except Exception:
        # The entity's reply is not what its .proto says, or has no JSON form: a fault on this side, for the log.
        logger.exception("a reply cannot be rendered", extra={"path": exchange.request.path})
        fail(exchange.respond, StatusCode.INTERNAL, "the reply cannot be shown as JSON")
        return
    content_type = raw_content_type(body.content_type, _metadata_type(reply))
    exchange.respond(200, (("content-type", content_type), *reply_headers(reply.metadata)), body.data)


async def run_streamed(
    exchange: HttpExchange,
    renderer: ReplyRenderer,
    router: Router,
    request: Request,
    payload: bytes,
    is_many: bool,
    fail: WriteFailure,
) -> None:
    """Run a call of a streamed shape; ``is_many``: the command answers with a stream. Cancel it when the client goes.

    The deadline is for the first reply: a stream may go on for as long as it likes.
    """
    async with aclosing(router.stream(request, only(payload))) as replies:
        try:
            async with asyncio.timeout_at(request.deadline):
                first = await anext(replies, None)
        except Exception as error:
            code, message = _status(error, exchange)
            fail(exchange.respond, code, message)
            return
        if is_many:
            await _write_stream(exchange, renderer, first, replies, fail)
        elif first is None:
            fail(exchange.respond, StatusCode.INTERNAL, f"`{request.command}` gave no reply")
        else:
            respond_reply(exchange, renderer, first, fail)


async def _write_stream(
    exchange: HttpExchange,
    renderer: ReplyRenderer,
    first: Reply | None,
    replies: AsyncIterator[Reply],
    fail: WriteFailure,
) -> None:
    accept = header(exchange.request.headers, "accept")
    form = stream_format(is_raw=renderer.is_raw, accept=accept)
    try:
        body = None if first is None else renderer(first.payload)
        metadata = () if first is None else first.metadata
        content_type = form.content_type(body, "" if first is None else _metadata_type(first))
    except Exception as error:
        fail(exchange.respond, *_status(error, exchange))
        return
    await exchange.start(200, (("content-type", content_type), *reply_headers(metadata)))
    if body is not None:
        await exchange.write(form.message(body))
    try:
        async for reply in replies:
            await exchange.write(form.message(renderer(reply.payload)))
    except Exception as error:
        failure = form.failure(*_status(error, exchange))
        if failure is None:
            exchange.fail()
            return
        await exchange.write(failure)
    await exchange.end()


def _metadata_type(reply: Reply) -> str:
    return next((value for key, value in reply.metadata if key == "content-type" and isinstance(value, str)), "")


def _status(error: Exception, exchange: HttpExchange) -> tuple[StatusCode, str]:
    if isinstance(error, CloudStateError):
        return error.status, str(error)
    if isinstance(error, TimeoutError):
        return StatusCode.DEADLINE_EXCEEDED, "no reply within the time limit"
    logger.error("a streamed call failed", exc_info=error, extra={"path": exchange.request.path})
    return StatusCode.INTERNAL, "internal error"
