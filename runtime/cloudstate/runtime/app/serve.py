"""One runtime process: serve a compiled service until a signal comes, then drain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cloudstate.runtime.app import process
from cloudstate.runtime.app.loading import load_functions
from cloudstate.runtime.app.membership import Clustered, opened_cluster
from cloudstate.runtime.app.wiring import Surroundings, Wired, opened_broker, opened_traces, wired
from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.description import Placement, ServiceDescription, load
from cloudstate.runtime.errors import ServiceInvalid
from cloudstate.runtime.host.command_id import command_id
from cloudstate.runtime.journal import open_journal
from cloudstate.runtime.metrics import Metrics
from cloudstate.runtime.proxy import FrontDoor
from cloudstate.runtime.transport import Server


@dataclass(frozen=True, slots=True)
class Settings:
    """What one runtime process serves, and where.

    Attributes:
        generated: the compiled service's directory (with service.json).
        code: the directory of the spec, where the author's modules are.
        host, port: where to listen; port 0 picks a free one.
        journal: ``memory:`` or ``sqlite:PATH``; None: what the spec's store says.
        origins: the origins of web pages that may call; ``*`` for all.
        broker: where topics are, e.g. ``memory:``; None: nowhere.
        traces: the address of an OpenTelemetry collector; None: nothing is traced.
        metrics_port: where metrics, /ready and /alive are served; None: nowhere.
        cluster: the cluster to join; None: this process serves alone.
        reuse_port: other processes of this command listen on the same port.
        grace: seconds that calls in progress get at shutdown.
    """

    generated: Path
    code: Path
    host: str = "127.0.0.1"
    port: int = 9000
    journal: str | None = None
    origins: tuple[str, ...] = ()
    broker: str | None = None
    traces: str | None = None
    metrics_port: int | None = None
    cluster: Clustered | None = None
    reuse_port: bool = False
    grace: float = 10.0


def run(settings: Settings, ready: Callable[[str], None] = lambda address: None) -> None:
    """Serve until SIGTERM or SIGINT; returns after a clean drain.

    Args:
        ready: called with ``host:port`` once connections are accepted.

    Raises:
        ServiceInvalid: the compiled service, the author's code or the settings do not fit.
        JournalError: the journal cannot be opened.
        EngineUnavailable: the cluster cannot be reached.
        OSError: the address cannot be bound.
    """
    process.run(serve(settings, ready))


async def serve(settings: Settings, ready: Callable[[str], None]) -> None:
    """See ``run``."""
    description = load(settings.generated)
    _check_placement(description)
    functions = load_functions(description, settings.generated, settings.code)
    process.collect_rarely()
    journal = open_journal(settings.journal or default_journal(description, settings.code), SystemClock())
    await journal.open()
    try:
        async with (
            opened_broker(settings.broker) as broker,
            opened_traces(settings.traces, description.name) as traces,
            opened_cluster(settings.cluster, description, journal, SystemClock()) as cluster,
        ):
            around = Surroundings(journal, SystemClock(), broker, traces, cluster)
            service = wired(description, functions.entities, functions.crdts, functions.actions, around)
            for caller in functions.callers:
                caller.bind(service.router.call, command_id)
            await _serve_until_stopped(settings, description, service, ready)
    finally:
        await journal.close()


async def _serve_until_stopped(
    settings: Settings, description: ServiceDescription, service: Wired, ready: Callable[[str], None]
) -> None:
    serving = _Embedded(FrontDoor(description, service.router, origins=settings.origins), service)
    server = Server(serving.door.methods, serving.door.http)
    await service.join()
    service.start()
    async with process.managed(settings.host, settings.metrics_port, serving, settings.grace):
        await process.serve_until_stopped(
            server,
            serving,
            settings.host,
            settings.port,
            settings.grace,
            ready,
            reuse_port=settings.reuse_port,
        )


@dataclass(frozen=True, slots=True)
class _Embedded:
    """Entities in this process, and their front door."""

    door: FrontDoor
    service: Wired

    def metrics(self) -> Metrics:
        return self.service.metrics()

    def is_ready(self) -> bool:
        return not self.door.draining and self.service.is_ready

    def leave(self) -> None:
        self.door.draining = True

    async def hand_over(self, limit: float) -> None:
        await self.service.hand_over(limit)

    async def drain(self) -> None:
        await self.service.drain()


def _check_placement(description: ServiceDescription) -> None:
    if description.placement is not Placement.EMBEDDED:
        raise ServiceInvalid(
            f"the spec's placement is `{description.placement}`; `cloudstate run` serves `embedded`",
            help="start `cloudstate function` with the project and `cloudstate proxy` in front of it, or write "
            "`placement: embedded` and compile it again",
        )


def default_journal(description: ServiceDescription, code: Path) -> str:
    """The address of the journal that a spec's store says.

    Raises:
        ServiceInvalid: it is one that has to be given.
    """
    kind = description.store.kind
    if kind == "memory":
        return "memory:"
    if kind == "sqlite":
        return f"sqlite:{code / '.cloudstate' / description.name}.db"
    raise ServiceInvalid(
        f"the spec's store is `{kind}`, and nobody has said where that is",
        help="give its address with `--journal` or $CLOUDSTATE_JOURNAL, e.g. `postgresql://HOST/DATABASE`",
    )
