"""Several processes that serve one service on one port of one machine: members of a cluster, and one that looks on.

The kernel gives every new connection to one of the processes that listen on the port (SO_REUSEPORT). A worker that
ends by itself is started again. All end with this process, whatever ends it: each reads from a pipe that it holds.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from cloudstate.runtime.app import process
from cloudstate.runtime.app.embedded_nats import embedded_nats
from cloudstate.runtime.errors import ServiceInvalid

logger = logging.getLogger(__name__)

_STDIN = 0
#: Seconds before a worker that has ended is started again.
_AGAIN = 1.0


@dataclass(frozen=True, slots=True)
class Workers:
    """What to start.

    Attributes:
        count: how many processes.
        command: a worker's command line, but for its port and its cluster.
        host, port: where they listen; port 0 picks a free one.
        journal: the address of their journal.
        cluster: the NATS servers that they meet on; None: one is started for them.
        metrics_port: of the first; each other one's is one higher. None: nowhere.
        grace: seconds that a worker gets to end.
    """

    count: int
    command: tuple[str, ...]
    host: str
    port: int
    journal: str
    cluster: str | None
    metrics_port: int | None = None
    grace: float = 15.0


def run_workers(workers: Workers, ready: Callable[[str], None]) -> int:
    """Start the workers and keep them running until SIGTERM or SIGINT; gives an exit code.

    Args:
        ready: called with ``host:port`` once all of them serve.

    Raises:
        ServiceInvalid: they could not share the journal, or there is no NATS server to start.
        OSError: the address cannot be bound.
    """
    if workers.journal.startswith("sqlite:"):
        raise ServiceInvalid(
            f"{workers.count} workers cannot share a SQLite journal: it is for one process",
            help="give another with `--journal`: `postgresql://...`, `nats://...`, or `memory:` if nothing has to last",
        )
    with _reserved(workers.host, workers.port) as holder:
        return asyncio.run(_run(workers, holder.getsockname()[1], ready))


def end_with_parent() -> None:
    """Have this process, a worker, end as on SIGTERM as soon as the one that started it is gone."""

    def wait() -> None:
        while os.read(_STDIN, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="end-with-parent", daemon=True).start()


async def _run(workers: Workers, port: int, ready: Callable[[str], None]) -> int:
    stop = process.stop_signal()
    async with AsyncExitStack() as stack:
        url = workers.cluster
        if url is None:
            url = await stack.enter_async_context(embedded_nats())
        made = [_Worker(_command(workers, number, port), url) for number in range(workers.count)]
        keeping = [asyncio.create_task(worker.keep(stop)) for worker in made]
        stopped = asyncio.create_task(stop.wait())
        serving = asyncio.create_task(_all_serve(made))
        await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            ready(f"{workers.host}:{port}")
            await stopped
        serving.cancel()
        for worker in made:
            worker.end()
        _, late = await asyncio.wait(keeping, timeout=workers.grace)
        for worker in made if late else ():
            worker.kill()
        await asyncio.wait(keeping)
    return max(worker.code for worker in made)


async def _all_serve(made: Sequence[_Worker]) -> None:
    for worker in made:
        await worker.serves.wait()  # as long as they take to start: one that ends first stops everything


class _Worker:
    """One worker, again and again.

    Attributes:
        serves: set once it has said that it serves.
        code: what it exited with, if it never served; else 0.
    """

    def __init__(self, command: Sequence[str], cluster: str) -> None:
        self.serves = asyncio.Event()
        self.code = 0
        self._command = command
        self._environment = {**os.environ, "CLOUDSTATE_CLUSTER": cluster}  # it may have a login: arguments are public
        self._process: asyncio.subprocess.Process | None = None

    async def keep(self, stop: asyncio.Event) -> None:
        """Start it, and start it again when it ends, until ``stop``. One that never serves stops everything."""
        while not stop.is_set():
            pipe = asyncio.subprocess.PIPE
            started = self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=pipe, stdout=pipe, env=self._environment
            )
            assert started.stdout is not None
            if (await started.stdout.readline()).strip():
                self.serves.set()
            code = await started.wait()  # it serves until somebody ends it
            if stop.is_set():
                return
            if not self.serves.is_set():
                self.code = code or 1
                stop.set()
                return
            logger.error("worker %d ended with %d and is started again", started.pid, code)
            await asyncio.sleep(_AGAIN)

    def end(self) -> None:
        """Ask it to end."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()

    def kill(self) -> None:
        """Have it end."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()


def _command(workers: Workers, number: int, port: int) -> list[str]:
    command = [*workers.command, "--port", str(port), "--worker-of", str(workers.count)]
    if workers.metrics_port is not None:
        command += ["--metrics-port", str(workers.metrics_port + number if workers.metrics_port else 0)]
    return command


def _reserved(host: str, port: int) -> socket.socket:
    """A socket that holds the port without listening: the workers' sockets get the connections."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    holder = socket.socket(family, socket.SOCK_STREAM)
    try:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind((host, port))
    except OSError:
        holder.close()
        raise
    return holder
