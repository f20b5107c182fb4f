"""The proxy process: clients in front, a user function in any language behind, the journal beside it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from importlib.metadata import version

from cloudstate import entity_pb2 as pb
from cloudstate.runtime.app import process
from cloudstate.runtime.app.membership import Clustered, opened_cluster
from cloudstate.runtime.app.wiring import Surroundings, Wired, opened_broker, opened_traces, wired
from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.compat import NONE, Compat
from cloudstate.runtime.errors import ServiceInvalid, StatusCode
from cloudstate.runtime.function.remote import Link, announced
from cloudstate.runtime.function.remote.discovery import DISCOVER, proxy_info
from cloudstate.runtime.function.remote.link import REPORT_ERROR
from cloudstate.runtime.journal import open_journal
from cloudstate.runtime.metrics import Metrics
from cloudstate.runtime.proxy import FrontDoor
from cloudstate.runtime.transport import CallFailed, Channel, HttpExchange, Method, Server, Status

logger = logging.getLogger(__name__)

#: Seconds that a function gets to say what it serves, or to hear of an error.
DISCOVERY_LIMIT = 30.0


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """What one proxy serves, and where.

    Attributes:
        function: the user function, ``host:port`` or ``unix:PATH``.
        host, port: where to listen; port 0 picks a free one.
        journal: ``memory:`` or ``sqlite:PATH``.
        check_version: refuse functions that speak another version of the protocol.
        compat: whom to follow.
        origins: the origins of web pages that may call; ``*`` for all.
        broker: where topics are, e.g. ``memory:``; None: nowhere.
        traces: the address of an OpenTelemetry collector; None: nothing is traced.
        metrics_port: where metrics, /ready and /alive are served; None: nowhere.
        cluster: the cluster to join; None: this process serves alone.
        grace: seconds that calls in progress get at shutdown.
    """

    function: str
    host: str = "127.0.0.1"
    port: int = 9000
    journal: str = "memory:"
    check_version: bool = True
    compat: Compat = NONE
    origins: tuple[str, ...] = ()
    broker: str | None = None
    traces: str | None = None
    metrics_port: int | None = None
    cluster: Clustered | None = None
    grace: float = 10.0


def run_proxy(settings: ProxySettings, ready: Callable[[str], None] = lambda address: None) -> None:
    """Wait for the function, then serve it until SIGTERM or SIGINT.

    Args:
        ready: called with ``host:port`` once connections are accepted.

    Raises:
        ServiceInvalid: the function cannot be served; it has been told why.
        JournalError: the journal cannot be opened.
        EngineUnavailable: the cluster cannot be reached.
        OSError: the address cannot be bound.
    """
    process.run(_serve(settings, ready))


async def _serve(settings: ProxySettings, ready: Callable[[str], None]) -> None:
    journal = open_journal(settings.journal, SystemClock())
    await journal.open()
    try:
        async with (
            opened_broker(settings.broker) as broker,
            opened_traces(settings.traces, "cloudstate-proxy") as traces,
            AsyncExitStack() as opened,
        ):
            proxy = _Proxy(settings, Surroundings(journal, SystemClock(), broker, traces), opened)
            # From here on it is alive; the function may be started only once somebody has seen that.
            async with process.managed(settings.host, settings.metrics_port, proxy, settings.grace):
                await _keep_serving(settings, proxy, ready)
    finally:
        await journal.close()


async def _keep_serving(settings: ProxySettings, proxy: _Proxy, ready: Callable[[str], None]) -> None:
    keeping = asyncio.create_task(proxy.link.keep(proxy.connected))
    try:
        discovered = asyncio.create_task(proxy.discovered.wait())
        await asyncio.wait({keeping, discovered}, return_when=asyncio.FIRST_COMPLETED)  # as long as the function takes
        discovered.cancel()
        if keeping.done():
            keeping.result()
        process.collect_rarely()
        server = Server(proxy.methods, proxy.http)
        await process.serve_until_stopped(server, proxy, settings.host, settings.port, settings.grace, ready)
    finally:
        keeping.cancel()
        await asyncio.wait({keeping})


class _Proxy:
    """One function's services. They are replaced as a whole when it comes back with others."""

    def __init__(self, settings: ProxySettings, around: Surroundings, opened: AsyncExitStack) -> None:
        self.link = Link(settings.function)
        self.discovered = asyncio.Event()
        self._settings = settings
        self._around = around
        self._opened = opened
        self._spec: pb.EntitySpec | None = None
        self._door: FrontDoor | None = None
        self._service: Wired | None = None
        self._leaving: set[asyncio.Task[None]] = set()

    # -- the function

    async def connected(self, channel: Channel) -> None:
        """Ask the function what it serves.

        Raises:
            CallFailed: it does not say, or it came back with something that cannot be served.
            ServiceInvalid: what it says first cannot be served.
        """
        info = proxy_info(version("cloudstate-py"))
        reply = await channel.unary(DISCOVER, info.SerializeToString(), timeout=DISCOVERY_LIMIT)
        spec = pb.EntitySpec.FromString(reply.payload)
        if spec == self._spec:
            return
        try:
            await self._take(spec)
        except ServiceInvalid as error:
            await _report(channel, str(error.args[0]))
            if self._spec is None:
                raise
            logger.error("the user function cannot be served any more: %s", error)
            raise CallFailed(Status(StatusCode.FAILED_PRECONDITION, str(error.args[0]))) from error

    async def _take(self, spec: pb.EntitySpec) -> None:
        settings = self._settings
        found = announced(spec, self.link, check_version=settings.check_version, compat=settings.compat)
        is_first = self._spec is None
        if is_first:
            joining = opened_cluster(settings.cluster, found.description, self._around.journal, self._around.clock)
            self._around = replace(self._around, cluster=await self._opened.enter_async_context(joining))
        service = wired(found.description, found.entities, found.crdts, found.actions, self._around, self.link.report)
        door = FrontDoor(found.description, service.router, compat=settings.compat, origins=settings.origins)
        if is_first:
            await service.join()
        else:
            service.serve()
        older, self._service, self._door, self._spec = self._service, service, door, spec
        service.start()
        info = spec.service_info
        logger.info(
            "serving the user function %s: %s",
            found.description.name,
            ", ".join(entity.service for entity in found.description.entities),
            extra={"library": f"{info.support_library_name} {info.support_library_version}".strip()},
        )
        self.discovered.set()
        if older is not None:
            # It ends by itself: its function is gone, and with it everything that was in progress.
            leaving = asyncio.create_task(older.drain())
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    # -- the port

    def methods(self, path: str) -> Method | None:
        """See ``FrontDoor.methods``."""
        assert self._door is not None
        return self._door.methods(path)

    def http(self, exchange: HttpExchange) -> None:
        """See ``FrontDoor.http``."""
        assert self._door is not None
        self._door.http(exchange)

    def metrics(self) -> Metrics:
        """What is counted."""
        return self._service.metrics() if self._service is not None else []

    def is_ready(self) -> bool:
        """Whether the function is known, and the end not near."""
        is_ready = self._service is not None and self._service.is_ready
        return is_ready and self._door is not None and not self._door.draining

    def leave(self) -> None:
        """See ``Serving.leave``."""
        if self._door is not None:
            self._door.draining = True

    async def hand_over(self, limit: float) -> None:
        """See ``Serving.hand_over``."""
        if self._service is not None:
            await self._service.hand_over(limit)

    async def drain(self) -> None:
        """See ``Serving.drain``."""
        if self._service is not None:
            await self._service.drain()


async def _report(channel: Channel, text: str) -> None:
    """Tell the function's author what is wrong, where they look: in the function's own log."""
    try:
        await channel.unary(
            REPORT_ERROR, pb.UserFunctionError(message=text).SerializeToString(), timeout=DISCOVERY_LIMIT
        )
    except CallFailed as failure:
        logger.warning("the user function did not take an error report: %s", failure)
