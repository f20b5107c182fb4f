"""The W3C trace context in a command's metadata (``traceparent``, ``tracestate``)."""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from cloudstate.runtime.entity.messages import Action, Failure
from cloudstate.runtime.payload import Metadata

_PROPAGATOR = TraceContextTextMapPropagator()
_NAMES = frozenset(_PROPAGATOR.fields)


def parent_of(metadata: Metadata) -> Context:
    """The context that the metadata names; an empty one where it names none, or a malformed one."""
    return _PROPAGATOR.extract({name: value for name, value in metadata if name in _NAMES and isinstance(value, str)})


def within(span: Span, metadata: Metadata) -> Metadata:
    """The metadata, with this span as the parent of what comes next."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, set_span_in_context(span))
    return (*(entry for entry in metadata if entry[0] not in _NAMES), *carrier.items())


def end(span: Span, action: Action | None) -> None:
    """The span's work is done, and this came of it."""
    if isinstance(action, Failure):
        span.set_attribute("rpc.grpc.status_code", int(action.status))
        span.set_status(Status(StatusCode.ERROR, action.description))
    span.end()
