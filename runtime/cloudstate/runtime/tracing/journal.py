"""Appends as spans, under those of the commands that make them."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import TypeAlias

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context

from cloudstate.runtime.journal import AppendEvents, EntityKey, Journal, WriteValue
from cloudstate.runtime.journal.around import JournalAround
from cloudstate.runtime.journal.port import Appended

#: The span of the command that each live entity has handled last.
Spans: TypeAlias = MutableMapping[EntityKey, Span]


class TracedJournal(JournalAround):
    """See ``JournalAround``."""

    def __init__(self, journal: Journal, tracer: Tracer, spans: Spans) -> None:
        super().__init__(journal)
        self._tracer = tracer
        self._spans = spans

    def submit(self, append: AppendEvents | WriteValue, done: Callable[[Appended], None]) -> None:
        """See ``Journal.submit``."""
        handled = self._spans.get(append.entity)
        span = self._tracer.start_span(
            f"append {append.entity.type}",
            context=None if handled is None else set_span_in_context(handled),
            kind=SpanKind.CLIENT,
            attributes={
                "cloudstate.entity.type": append.entity.type,
                "cloudstate.entity.id": append.entity.id,
                "cloudstate.events": len(append.events) if isinstance(append, AppendEvents) else 0,
            },
        )

        def ended(result: Appended) -> None:
            if isinstance(result, int):
                span.set_attribute("cloudstate.sequence", result)
            else:
                span.set_status(Status(StatusCode.ERROR, str(result)))
            span.end()
            done(result)

        self._journal.submit(append, ended)
