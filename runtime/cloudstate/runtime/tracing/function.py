"""The author's code as spans, wherever it runs; it gets the context in its metadata."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from opentelemetry.trace import Span, Tracer

from cloudstate.runtime.entity.messages import Command, Failure, FunctionLost, Outcome
from cloudstate.runtime.errors import CloudStateError
from cloudstate.runtime.function.port import ActionFunction, EntityFunction, Histories, Instance
from cloudstate.runtime.journal import EntityKey
from cloudstate.runtime.payload import Metadata
from cloudstate.runtime.tracing.context import begin, end, fail, give_up, parent_of, within
from cloudstate.runtime.tracing.journal import Spans


class TracedFunction:
    """See ``EntityFunction``.

    Args:
        spans: told which span an entity's append belongs to.
    """

    def __init__(self, function: EntityFunction, tracer: Tracer, spans: Spans) -> None:
        self.service = function.service
        self.entity_type = function.entity_type
        self.metrics_prefix = function.metrics_prefix
        self.passivation = function.passivation
        self.endpoints = function.endpoints
        self._function = function
        self._tracer = tracer
        self._spans = spans

    def instance(self, key: EntityKey, lost: Callable[[FunctionLost], None]) -> Instance:
        """See ``EntityFunction.instance``."""
        return _TracedInstance(self._function.instance(key, lost), key, self._tracer, self._spans)


class _TracedInstance:
    __slots__ = ("_instance", "_key", "_open", "_spans", "_tracer")

    def __init__(self, instance: Instance, key: EntityKey, tracer: Tracer, spans: Spans) -> None:
        self._open: Span | None = None
        self._instance = instance
        self._key = key
        self._tracer = tracer
        self._spans = spans

    async def start(self, journal: Histories) -> int:
        return await self._instance.start(journal)

    def handle(self, command_id: int, command: Command, done: Callable[[Outcome], None]) -> Outcome | None:
        span = begin(self._tracer, self._key, command)
        self._open = self._spans[self._key] = span
        command.metadata = within(span, command.metadata)

        def ended(outcome: Outcome) -> None:
            end(span, outcome.action)
            done(outcome)

        outcome = self._instance.handle(command_id, command, ended)
        if outcome is not None:
            end(span, outcome.action)
        return outcome

    def stop(self) -> None:
        self._spans.pop(self._key, None)
        self._instance.stop()
        if self._open is not None:
            give_up(self._open, "nothing was answered")


class TracedAction:
    """See ``ActionFunction``."""

    def __init__(self, action: ActionFunction, tracer: Tracer) -> None:
        self.service = action.service
        self.endpoints = action.endpoints
        self._action = action
        self._tracer = tracer

    def unary(
        self, name: str, message: Any, metadata: Metadata, deadline: float | None, done: Callable[[Outcome], None]
    ) -> Callable[[], None] | None:
        """See ``ActionFunction.unary``."""
        span = self._begin(name, metadata)

        def ended(outcome: Outcome) -> None:
            end(span, outcome.action)
            done(outcome)

        cancel = self._action.unary(name, message, within(span, metadata), deadline, ended)
        if cancel is None:
            return None

        def cancelled() -> None:
            give_up(span, "the caller has gone")
            cancel()

        return cancelled

    async def stream(
        self, name: str, messages: AsyncIterator[Any], metadata: Metadata, deadline: float | None
    ) -> AsyncGenerator[Outcome, None]:
        """See ``ActionFunction.stream``."""
        span = self._begin(name, metadata)
        try:
            async with aclosing(self._action.stream(name, messages, within(span, metadata), deadline)) as outcomes:
                async for outcome in outcomes:
                    if isinstance(outcome.action, Failure):
                        fail(span, outcome.action)
                    yield outcome
        except CloudStateError as error:
            fail(span, Failure(str(error), error.status))
            raise
        finally:
            span.end()

    def _begin(self, name: str, metadata: Metadata) -> Span:
        return self._tracer.start_span(f"handle {name}", context=parent_of(metadata))
