"""A router whose commands are spans: those of clients, and those that forwards and side effects lead to."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing
from typing import Any

from opentelemetry.trace import Span, SpanKind, Tracer

from cloudstate.runtime.entity.messages import Failure, Reply
from cloudstate.runtime.entity.request import Done, Result
from cloudstate.runtime.errors import CloudStateError
from cloudstate.runtime.function.port import ActionFunction
from cloudstate.runtime.host import Request, Router
from cloudstate.runtime.host.residency import Residency
from cloudstate.runtime.host.router import Placement, Publisher, Report
from cloudstate.runtime.tracing.context import end, fail, give_up, parent_of, within


class TracedRouter(Router):
    """See ``Router``."""

    def __init__(
        self,
        tracer: Tracer,
        entities: Iterable[Residency[Any]],
        actions: Iterable[ActionFunction] = (),
        publisher: Publisher | None = None,
        report: Report | None = None,
        placement: Placement | None = None,
    ) -> None:
        super().__init__(entities, actions, publisher, report, placement)
        self._tracer = tracer

    def unary(self, request: Request, done: Done) -> Callable[[], None] | None:
        """See ``Router.unary``."""
        span = self._begin(request)

        def ended(result: Result) -> None:
            end(span, result)
            done(result)

        abandon = super().unary(request._replace(metadata=within(span, request.metadata)), ended)
        if abandon is None:
            return None

        def abandoned() -> None:
            give_up(span, "the caller has gone")
            abandon()

        return abandoned

    async def stream(self, request: Request, requests: AsyncIterator[bytes]) -> AsyncGenerator[Reply, None]:
        """See ``Router.stream``."""
        span = self._begin(request)
        try:
            traced = request._replace(metadata=within(span, request.metadata))
            async with aclosing(super().stream(traced, requests)) as replies:
                async for reply in replies:
                    yield reply
        except CloudStateError as error:
            fail(span, Failure(str(error), error.status))
            raise
        finally:
            span.end()

    def _begin(self, request: Request) -> Span:
        return self._tracer.start_span(
            f"{request.service}/{request.command}",
            context=parent_of(request.metadata),
            kind=SpanKind.INTERNAL if request.hops else SpanKind.SERVER,
            attributes={"rpc.system": "grpc", "rpc.service": request.service, "rpc.method": request.command},
        )
