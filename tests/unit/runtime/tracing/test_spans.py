"""Spans of calls that end otherwise than with one answer: each ends once, and is told why."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from typing import Any, cast

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Span, Tracer

from cloudstate.runtime.entity.messages import Command, Failure, Outcome
from cloudstate.runtime.errors import CommandRejected, StatusCode
from cloudstate.runtime.function.endpoint import Endpoint
from cloudstate.runtime.function.port import EntityFunction
from cloudstate.runtime.host import Request
from cloudstate.runtime.journal import EntityKey
from cloudstate.runtime.tracing import TracedAction, TracedFunction, TracedRouter

CANCELLED = Outcome(Failure("cancelled", StatusCode.CANCELLED))
REFUSED = Outcome(Failure("no pens", StatusCode.NOT_FOUND))


class Spans:
    """What has ended, by name."""

    def __init__(self) -> None:
        self._ended = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._ended))
        self.tracer: Tracer = provider.get_tracer("test")

    def ended(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self._ended.get_finished_spans()}


@pytest.fixture
def spans() -> Spans:
    return Spans()


def events(span: ReadableSpan) -> list[str]:
    return [event.name for event in span.events]


class Mail:
    """An action whose unary call is answered when it is cancelled, as a remote one's, or never."""

    service = "shop.Mail"
    metrics_prefix = ""

    def __init__(self, *, answers: bool = True) -> None:
        send = Endpoint("Send", bytes, None, client_streaming=False, server_streaming=False)
        self.endpoints: Mapping[str, Endpoint] = {"Send": send}
        self._answers = answers

    def unary(
        self, name: str, message: Any, metadata: Any, deadline: Any, done: Callable[[Outcome], None]
    ) -> Callable[[], None] | None:
        return (lambda: done(CANCELLED)) if self._answers else (lambda: None)

    async def stream(
        self, name: str, messages: AsyncIterator[Any], metadata: Any, deadline: Any
    ) -> AsyncGenerator[Outcome, None]:
        yield REFUSED


@pytest.mark.parametrize("answers", [True, False])
def test_a_caller_that_goes_away(spans: Spans, answers: bool, caplog: pytest.LogCaptureFixture) -> None:
    action = TracedAction(Mail(answers=answers), spans.tracer)
    router = TracedRouter(spans.tracer, [], [action])
    results: list[Any] = []
    abandon = router.unary(Request("shop.Mail", "Send", b"", ()), results.append)
    assert abandon is not None
    assert not spans.ended()
    abandon()
    found = spans.ended()
    assert events(found["shop.Mail/Send"]) == ["the caller has gone"]
    assert events(found["handle Send"]) == ["the caller has gone"]
    assert "ended span" not in caplog.text


async def test_a_stream_that_is_refused(spans: Spans) -> None:
    router = TracedRouter(spans.tracer, [], [TracedAction(Mail(), spans.tracer)])

    async def requests() -> AsyncIterator[bytes]:
        yield b""

    with pytest.raises(CommandRejected, match="no pens"):
        async for _ in router.stream(Request("shop.Mail", "Send", b"", ()), requests()):
            pass
    assert [span.status.description for span in spans.ended().values()] == ["no pens", "no pens"]


class Silent:
    """An entity's function, and instance, that answers nothing."""

    service, entity_type, metrics_prefix, passivation, endpoints = "shop.Cart", "cart", "", 1.0, dict[str, Endpoint]()

    def instance(self, key: EntityKey, lost: Any) -> Silent:
        return self

    def handle(self, command_id: int, command: Command, done: Any) -> None:
        return None

    def stop(self) -> None:
        pass


def test_an_entity_that_is_stopped_while_it_works(spans: Spans) -> None:
    kept: dict[EntityKey, Span] = {}
    key = EntityKey("cart", "ann")
    function = TracedFunction(cast(EntityFunction, Silent()), spans.tracer, kept)
    instance = function.instance(key, lambda lost: None)
    instance.handle(1, Command(None, "AddItem", b"", None, (), None), lambda outcome: None)
    assert not spans.ended()
    instance.stop()
    assert events(spans.ended()["handle AddItem"]) == ["nothing was answered"]
    assert not kept
