"""Where spans go: an OpenTelemetry collector, over gRPC."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Tracer

#: Milliseconds that the last spans get to leave at the end of the process.
FAREWELL = 5000


@dataclass(frozen=True, slots=True)
class Exporting:
    """A tracer whose spans leave in the background.

    What the collector does not take is dropped: the queue is bounded.
    """

    tracer: Tracer
    provider: TracerProvider

    def close(self) -> None:
        """Send what waits."""
        self.provider.force_flush(FAREWELL)
        self.provider.shutdown()


def exporting(endpoint: str, service: str) -> Exporting:
    """Send the spans of a service to a collector.

    Args:
        endpoint: ``host:port``, ``otlp:host:port`` or ``http://host:port``, without TLS; or ``https://host:port``.
    """
    endpoint = endpoint.removeprefix("otlp:")
    resource = Resource.create({"service.name": service, "service.version": version("cloudstate-py")})
    provider = TracerProvider(resource=resource)
    exporter = OTLPSpanExporter(endpoint=endpoint, insecure=not endpoint.startswith("https://"))
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
    return Exporting(provider.get_tracer("cloudstate"), provider)
