"""One runtime process: serve a compiled service until a signal comes, then drain."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cloudstate.runtime.app.loading import load_functions
from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.description import Placement, ServiceDescription, load
from cloudstate.runtime.errors import ServiceInvalid
from cloudstate.runtime.host import EntityHost, Router
from cloudstate.runtime.journal import open_journal
from cloudstate.runtime.proxy import FrontDoor
from cloudstate.runtime.transport import Server

logger = logging.getLogger(__name__)

#: How many more objects than were freed must have been made before the garbage collector looks at them.
_COLLECT_AFTER = 100_000


@dataclass(frozen=True, slots=True)
class Settings:
    """What one runtime process serves, and where.

    Attributes:
        generated: the compiled service's directory (with service.json).
        code: the directory of the spec, where the author's modules are.
        host, port: where to listen; port 0 picks a free one.
        journal: ``memory:`` or ``sqlite:PATH``; None: what the spec's store says.
        grace: seconds that calls in progress get at shutdown.
    """

    generated: Path
    code: Path
    host: str = "127.0.0.1"
    port: int = 9000
    journal: str | None = None
    grace: float = 10.0


def run(settings: Settings, ready: Callable[[str], None] = lambda address: None) -> None:
    """Serve until SIGTERM or SIGINT; returns after a clean drain.

    Args:
        ready: called with ``host:port`` once connections are accepted.

    Raises:
        ServiceInvalid: the compiled service, the author's code or the settings do not fit.
        JournalError: the journal cannot be opened.
        OSError: the address cannot be bound.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(settings, ready))


async def serve(settings: Settings, ready: Callable[[str], None]) -> None:
    """See ``run``."""
    description = load(settings.generated)
    _check_placement(description)
    functions = load_functions(description, settings.generated, settings.code)
    _collect_rarely()
    journal = open_journal(settings.journal or _default_journal(description, settings.code), SystemClock())
    await journal.open()
    try:
        router = Router([EntityHost(function, journal) for function in functions.entities], functions.actions)
        await _listen(settings, description, router, ready)
    finally:
        await journal.close()


async def _listen(
    settings: Settings, description: ServiceDescription, router: Router, ready: Callable[[str], None]
) -> None:
    stop = _stop_signal()
    front_door = FrontDoor(description, router)
    server = Server(front_door.methods, front_door.http)
    port = await server.listen(settings.host, settings.port)
    ready(f"{settings.host}:{port}")
    await stop.wait()  # without a deadline: serving ends when somebody asks for it
    logger.info("draining for at most %g seconds", settings.grace)
    front_door.draining = True
    try:
        async with asyncio.timeout(settings.grace):
            await server.drain(settings.grace)
            await router.drain()
    except TimeoutError:
        logger.warning("some calls did not finish within %g seconds", settings.grace)


def _check_placement(description: ServiceDescription) -> None:
    if description.placement is not Placement.EMBEDDED:
        raise ServiceInvalid(
            f"the spec's placement is `{description.placement}`; this version serves `embedded` only",
            help="write `placement: embedded` in the spec and compile it again",
        )


def _collect_rarely() -> None:
    """Have the garbage collector look at what lives long less often.

    A command leaves no cycles behind (tests/e2e/test_garbage.py), but makes dozens of objects, while those of thousands
    of entities stay in memory: the defaults would look through them many times a second and find nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 50, 100)


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _default_journal(description: ServiceDescription, code: Path) -> str:
    kind = description.store.kind
    if kind == "memory":
        return "memory:"
    if kind == "sqlite":
        return f"sqlite:{code / '.cloudstate' / description.name}.db"
    raise ServiceInvalid(
        f"the spec's store is `{kind}`, which this version does not serve",
        help="give a journal that it does, e.g. `--journal sqlite:shop.db`",
    )


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not available on this platform: asyncio's own loop serves as well, a little slower
        return None
    return uvloop.new_event_loop
