"""OpenTelemetry traces, behind the extra `telemetry`: import this room only where they are asked for.

Each part wraps one of the runtime's: calls (``router``), the author's code (``function``), the journal (``journal``).
What is not traced does not pay for it.
"""

from cloudstate.runtime.tracing.crdt import TracedCrdtFunction
from cloudstate.runtime.tracing.exporting import Exporting, exporting
from cloudstate.runtime.tracing.function import TracedAction, TracedFunction
from cloudstate.runtime.tracing.journal import Spans, TracedJournal
from cloudstate.runtime.tracing.router import TracedRouter

__all__ = [
    "Exporting",
    "Spans",
    "TracedAction",
    "TracedCrdtFunction",
    "TracedFunction",
    "TracedJournal",
    "TracedRouter",
    "exporting",
]
