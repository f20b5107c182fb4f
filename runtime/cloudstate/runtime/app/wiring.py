"""One service's entities and actions behind a router: subscribed as its methods declare, traced if asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudstate.runtime.clock import Clock
from cloudstate.runtime.description import ServiceDescription
from cloudstate.runtime.errors import ServiceInvalid
from cloudstate.runtime.eventing import Broker, Eventing, open_broker
from cloudstate.runtime.function.port import ActionFunction, CrdtFunction, EntityFunction
from cloudstate.runtime.host import CrdtHost, EntityHost, HostLimits, Router
from cloudstate.runtime.journal import Journal

if TYPE_CHECKING:
    from cloudstate.runtime.tracing import Exporting


@dataclass(frozen=True, slots=True)
class Wired:
    """A service that can be called. ``start`` begins to consume what it subscribes to."""

    router: Router
    eventing: Eventing

    def start(self) -> None:
        """Begin to consume."""
        self.eventing.start(self.router)

    async def drain(self) -> None:
        """Stop consuming, then wait until nothing is in progress."""
        await self.eventing.stop()
        await self.router.drain()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a process has beside its service.

    Attributes:
        broker: where topics are; None: nowhere.
        traces: where spans go; None: nowhere.
    """

    journal: Journal
    clock: Clock
    broker: Broker | None = None
    traces: Exporting | None = None


def wired(
    description: ServiceDescription,
    entities: Iterable[EntityFunction],
    crdts: Iterable[CrdtFunction],
    actions: Iterable[ActionFunction],
    around: Surroundings,
    report: Callable[[str], None] | None = None,
) -> Wired:
    """Put a service's functions behind a router.

    Args:
        report: tells the functions' author what they said that leads to nothing.

    Raises:
        ServiceInvalid: its methods declare what cannot be done here.
    """
    eventing = Eventing(description, around.journal, around.broker, around.clock)
    if around.traces is None:
        replicated = [CrdtHost(function, around.journal) for function in crdts]
        hosts = [EntityHost(function, around.journal, _limits(description, function)) for function in entities]
        return Wired(Router([*hosts, *replicated], actions, eventing, report), eventing)
    from cloudstate.runtime import tracing

    tracer = around.traces.tracer
    spans: tracing.Spans = {}
    journal = tracing.TracedJournal(around.journal, tracer, spans)
    traced = [
        EntityHost(tracing.TracedFunction(function, tracer, spans), journal, _limits(description, function))
        for function in entities
    ]
    replicated = [CrdtHost(tracing.TracedCrdtFunction(function, tracer, spans), journal) for function in crdts]
    seen = [tracing.TracedAction(action, tracer) for action in actions]
    return Wired(tracing.TracedRouter(tracer, [*traced, *replicated], seen, eventing, report), eventing)


def _limits(description: ServiceDescription, function: EntityFunction) -> HostLimits:
    entity = description.entity(function.service)
    if entity is None or entity.idempotency_window is None:
        return HostLimits()
    return HostLimits(window=entity.idempotency_window)


@asynccontextmanager
async def opened_broker(url: str | None) -> AsyncIterator[Broker | None]:
    """The message broker at an address, open; None where there is none.

    Raises:
        ServiceInvalid: the address names no broker, or does not fit.
        CloudStateError: it cannot be reached.
    """
    if url is None:
        yield None
        return
    broker = open_broker(url)
    await broker.open()
    try:
        yield broker
    finally:
        await broker.close()


@asynccontextmanager
async def opened_traces(endpoint: str | None, service: str) -> AsyncIterator[Exporting | None]:
    """Where spans go; None where that is nowhere.

    Raises:
        ServiceInvalid: OpenTelemetry is not installed.
    """
    if endpoint is None:
        yield None
        return
    try:
        from cloudstate.runtime.tracing import exporting
    except ImportError as error:
        raise ServiceInvalid(
            f"traces need a package that is not installed ({error.name})",
            help="install the extra: `pip install cloudstate-py[telemetry]`",
        ) from error
    traces = exporting(endpoint, service)
    try:
        yield traces
    finally:
        traces.close()
