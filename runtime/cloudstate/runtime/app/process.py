"""What every runtime process does, whatever it serves: its event loop, its memory, its port, its end."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from cloudstate.runtime.app.management import Management
from cloudstate.runtime.metrics import Metrics
from cloudstate.runtime.transport import Server

logger = logging.getLogger(__name__)

#: How many more objects than were freed must have been made before the garbage collector looks at them.
_COLLECT_AFTER = 100_000


class Serving(Protocol):
    """What is behind the port."""

    def leave(self) -> None:
        """The process is about to end: say so to whoever asks for its health."""
        ...

    async def hand_over(self, limit: float) -> None:
        """Give what this process owns to others, for so many seconds at most; calls are served all the while."""
        ...

    async def drain(self) -> None:
        """Wait until nothing is in progress."""
        ...


class Managed(Serving, Protocol):
    """What the management port is about."""

    def metrics(self) -> Metrics:
        """What is counted; asked at each scrape."""
        ...

    def is_ready(self) -> bool:
        """Whether calls are served."""
        ...


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a process on the fastest event loop that there is."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(main)


@asynccontextmanager
async def managed(host: str, port: int | None, serving: Managed, grace: float) -> AsyncIterator[None]:
    """Serve metrics, /alive, /ready and /drain as long as the block lasts; nowhere if the port is None.

    Args:
        grace: seconds that draining may take.

    Raises:
        OSError: the address cannot be bound.
    """

    async def drain() -> None:
        logger.info("draining, as somebody asked for it")
        serving.leave()
        await serving.hand_over(grace / 2)

    management = Management(serving.metrics, serving.is_ready, drain)
    if port is not None:
        bound = await management.listen(host, port)
        logger.info("metrics, /ready, /alive and /drain are on port %d", bound)
    try:
        yield
    finally:
        await management.close()


async def serve_until_stopped(
    server: Server,
    serving: Serving,
    host: str,
    port: int,
    grace: float,
    ready: Callable[[str], None],
    *,
    reuse_port: bool = False,
) -> None:
    """Listen until SIGTERM or SIGINT, then drain.

    Args:
        host: an address, or ``unix:PATH``.
        grace: seconds that calls in progress get.
        ready: called with ``host:port`` or ``unix:PATH`` once connections are accepted.
        reuse_port: other processes of this command listen on the same port.

    Raises:
        OSError: the address cannot be bound.
    """
    stop = stop_signal()
    ready(await _listen(server, host, port, reuse_port))
    await stop.wait()  # without a deadline: serving ends when somebody asks for it
    logger.info("draining for at most %g seconds", grace)
    serving.leave()
    try:
        async with asyncio.timeout(grace):
            await serving.hand_over(grace / 2)
            await server.drain(grace)
            await serving.drain()
    except TimeoutError:
        logger.warning("some calls did not finish within %g seconds", grace)


async def _listen(server: Server, host: str, port: int, reuse_port: bool) -> str:
    if not host.startswith("unix:"):
        return f"{host}:{await server.listen(host, port, reuse_port=reuse_port)}"
    path = host.removeprefix("unix:")
    _take_away(Path(path))
    await server.listen_unix(path)
    return host


def _take_away(socket: Path) -> None:
    """Remove the socket of a process that was killed; one that lives keeps its connections, and gets no new ones."""
    if socket.is_socket():
        socket.unlink()


def collect_rarely() -> None:
    """Have the garbage collector look at what lives long less often.

    A command leaves no cycles behind (tests/e2e/test_garbage.py), but makes dozens of objects, while those of thousands
    of entities stay in memory: the defaults would look through them many times a second and find nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 50, 100)


def stop_signal() -> asyncio.Event:
    """Set by SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not available on this platform: asyncio's own loop serves as well, a little slower
        return None
    return uvloop.new_event_loop
