"""The author's code of CRDT entities as spans, wherever it runs; a span ends with the first answer to its command."""

from __future__ import annotations

from typing import Any

from opentelemetry.trace import Span, Tracer

from cloudstate.runtime.crdt import Change
from cloudstate.runtime.entity.crdt_messages import CrdtReply
from cloudstate.runtime.entity.messages import Command, FunctionLost
from cloudstate.runtime.function.port import CrdtFunction, CrdtInstance, CrdtTold
from cloudstate.runtime.journal import EntityKey
from cloudstate.runtime.tracing.context import begin, end, give_up, within
from cloudstate.runtime.tracing.journal import Spans


class TracedCrdtFunction:
    """See ``CrdtFunction``.

    Args:
        spans: told which span an entity's next write belongs to.
    """

    def __init__(self, function: CrdtFunction, tracer: Tracer, spans: Spans) -> None:
        self.service = function.service
        self.entity_type = function.entity_type
        self.metrics_prefix = function.metrics_prefix
        self.passivation = function.passivation
        self.endpoints = function.endpoints
        self.pipeline = function.pipeline
        self._function = function
        self._tracer = tracer
        self._spans = spans

    def report(self, text: str) -> None:
        """See ``CrdtFunction.report``."""
        self._function.report(text)

    def instance(self, key: EntityKey, told: CrdtTold) -> CrdtInstance:
        """See ``CrdtFunction.instance``."""
        return _TracedInstance(self._function, key, told, self._tracer, self._spans)


class _TracedInstance:
    __slots__ = ("_instance", "_key", "_open", "_spans", "_told", "_tracer")

    def __init__(self, function: CrdtFunction, key: EntityKey, told: CrdtTold, tracer: Tracer, spans: Spans) -> None:
        self._open: dict[int, Span] = {}
        self._told = told
        self._instance = function.instance(key, self._hear)
        self._key = key
        self._tracer = tracer
        self._spans = spans

    async def open(self, change: Change | None) -> None:
        await self._instance.open(change)

    def handle(self, command_id: int, command: Command) -> None:
        span = begin(self._tracer, self._key, command)
        self._open[command_id] = self._spans[self._key] = span
        command.metadata = within(span, command.metadata)
        self._instance.handle(command_id, command)

    def tell(self, change: Change | None) -> None:
        self._instance.tell(change)

    def cancel(self, command_id: int) -> None:
        self._instance.cancel(command_id)

    def stop(self) -> None:
        self._spans.pop(self._key, None)
        self._instance.stop()
        self._end_all()

    def _hear(self, *messages: Any) -> None:
        for message in messages:
            if isinstance(message, CrdtReply) and message.command_id in self._open:
                end(self._open.pop(message.command_id), message.action)
            elif isinstance(message, FunctionLost):
                self._end_all()
        self._told(*messages)

    def _end_all(self) -> None:
        """No answer to these comes any more."""
        for span in self._open.values():
            give_up(span, "nothing was answered")
        self._open.clear()
