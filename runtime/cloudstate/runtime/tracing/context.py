"""The W3C trace context in a command's metadata (``traceparent``, ``tracestate``)."""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from cloudstate.runtime.entity.messages import Action, Command, Failure
from cloudstate.runtime.journal import EntityKey
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


def begin(tracer: Tracer, key: EntityKey, command: Command) -> Span:
    """An entity's code begins to handle a command."""
    attributes = {
        "cloudstate.entity.type": key.type,
        "cloudstate.entity.id": key.id,
        "cloudstate.command.id": command.id,
    }
    return tracer.start_span(f"handle {command.name}", context=parent_of(command.metadata), attributes=attributes)


def fail(span: Span, failure: Failure) -> None:
    """The span's work came to this."""
    span.set_attribute("rpc.grpc.status_code", int(failure.status))
    span.set_status(Status(StatusCode.ERROR, failure.description))


def end(span: Span, action: Action | None) -> None:
    """The span's work is done, and this came of it. What comes when nobody waits any more is not told."""
    if not span.is_recording():
        return
    if isinstance(action, Failure):
        fail(span, action)
    span.end()


def give_up(span: Span, why: str) -> None:
    """No answer is waited for any more."""
    if span.is_recording():
        span.add_event(why)
        span.end()
