"""One service's entities and actions behind a router: subscribed as its methods declare, traced if asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudstate.runtime.app.membership import Cluster
from cloudstate.runtime.clock import Clock
from cloudstate.runtime.description import ServiceDescription
from cloudstate.runtime.errors import ServiceInvalid
from cloudstate.runtime.eventing import Broker, Eventing, everything_is_mine, open_broker
from cloudstate.runtime.function.port import ActionFunction, CrdtFunction, EntityFunction
from cloudstate.runtime.host import CrdtHost, EntityHost, HostLimits, Router
from cloudstate.runtime.journal import Journal
from cloudstate.runtime.metrics import Metrics

if TYPE_CHECKING:
    from cloudstate.runtime.tracing import Exporting


@dataclass(frozen=True, slots=True)
class Wired:
    """A service that can be called. ``start`` begins to consume what it subscribes to."""

    router: Router
    eventing: Eventing
    cluster: Cluster | None = None

    @property
    def is_ready(self) -> bool:
        """Whether calls can be served: in a cluster, whether this process is a member that the others see."""
        return self.cluster is None or self.cluster.sharding.node.is_member

    def metrics(self) -> Metrics:
        """What is counted."""
        of_hosts = [host.metrics for host in self.router.hosts]
        if self.cluster is None:
            return of_hosts
        return [*of_hosts, *self.cluster.sharding.figures(), *self.cluster.replication.figures()]

    async def join(self) -> None:
        """Join the cluster, if there is one: from now on this process may be given shards.

        Raises:
            EngineUnavailable: the cluster cannot be reached.
        """
        if self.cluster is not None:
            self.serve()
            await self.cluster.sharding.join()
            await self.cluster.replication.start()

    def serve(self) -> None:
        """Have the commands that come from other members run here, in the place of whatever ran them before."""
        if self.cluster is not None:
            self.cluster.sharding.serve(self.router.unary, self.router.vacate)

    def start(self) -> None:
        """Begin to consume."""
        self.eventing.start(self.router)

    async def hand_over(self, limit: float) -> None:
        """Give the shards of this process to others, for so many seconds at most. Calls are passed on meanwhile."""
        await self.eventing.stop()
        if self.cluster is not None:
            await self.cluster.sharding.leave(limit)

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
        cluster: what the process is a member of; None: it serves all entities itself.
    """

    journal: Journal
    clock: Clock
    broker: Broker | None = None
    traces: Exporting | None = None
    cluster: Cluster | None = None


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
    cluster = around.cluster
    sharding, replication = (None, None) if cluster is None else cluster
    is_mine = everything_is_mine if sharding is None else sharding.is_mine
    eventing = Eventing(description, around.journal, around.broker, around.clock, is_mine=is_mine)
    owned = around.journal if sharding is None else sharding.journal
    if around.traces is None:
        hosts = [EntityHost(function, owned, _limits(description, function)) for function in entities]
        replicated = [CrdtHost(function, around.journal, replication=replication) for function in crdts]
        router = Router([*hosts, *replicated], actions, eventing, report, sharding)
        return Wired(router, eventing, cluster)
    from cloudstate.runtime import tracing

    tracer = around.traces.tracer
    spans: tracing.Spans = {}
    told, shared = (tracing.TracedJournal(it, tracer, spans) for it in (owned, around.journal))
    traced = [
        EntityHost(tracing.TracedFunction(function, tracer, spans), told, _limits(description, function))
        for function in entities
    ]
    replicated = [
        CrdtHost(tracing.TracedCrdtFunction(function, tracer, spans), shared, replication=replication)
        for function in crdts
    ]
    seen = [tracing.TracedAction(action, tracer) for action in actions]
    watched = tracing.TracedRouter(tracer, [*traced, *replicated], seen, eventing, report, sharding)
    return Wired(watched, eventing, cluster)


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
