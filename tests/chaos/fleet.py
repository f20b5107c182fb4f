"""Real members of one cluster, each a process, which a test starts, stops, kills, pauses and cuts off."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

from tests.chaos.relay import Relay, relay
from tests.processes import ROOT
from tests.servers.nats import Nats
from tests.servers.postgresql import free_port

#: Seconds that a member may take to serve, and to end.
PATIENCE = 60.0


class Member:
    """One process. ``wire`` is its way to NATS."""

    def __init__(self, project: str, journal: str, wire: Relay, replicas: int) -> None:
        self.port = free_port()
        self.wire = wire
        self.is_ready = False
        self.log = b""
        self._command = [sys.executable, "-m", "cloudstate.cli", "run", f"specs/{project}", "--port", str(self.port)]
        self.metrics_port = free_port()
        self._command += [
            "--metrics-port",
            str(self.metrics_port),
            "--journal",
            journal,
            "--cluster",
            f"nats://127.0.0.1:{wire.port}?replicas={replicas}",
            "--log-level",
            "WARNING",
        ]
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it and wait until it serves."""
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(*self._command, cwd=ROOT, stdout=pipe, stderr=pipe)
        assert self._process.stdout is not None
        self._reading = asyncio.create_task(self._read())
        async with asyncio.timeout(PATIENCE):
            line = await self._process.stdout.readline()
        assert b"serving" in line, self.log.decode()
        self.is_ready = True

    async def stop(self) -> None:
        """SIGTERM, and wait until it has handed everything over. Clients have heard that it leaves."""
        await self._end(signal.SIGTERM)
        assert self._process is not None
        assert self._process.returncode == 0, self.log.decode()

    async def drain(self) -> None:
        """Have it hand everything over and live on. Clients have heard that it leaves."""
        self.is_ready = False
        asked = urllib.request.Request(f"http://127.0.0.1:{self.metrics_port}/drain", method="POST")
        answer = await asyncio.to_thread(urllib.request.urlopen, asked, timeout=PATIENCE)
        assert answer.read() == b"drained\n"

    def figure(self, name: str) -> float:
        """One of its metrics."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=PATIENCE) as answer:
            lines = answer.read().decode().splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))

    async def kill(self) -> None:
        """kill -9."""
        await self._end(signal.SIGKILL)

    def pause(self) -> None:
        """SIGSTOP."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    async def _end(self, number: int) -> None:
        self.is_ready = False
        if self.runs:
            self._signal(number)
            assert self._process is not None
            async with asyncio.timeout(PATIENCE):
                await self._process.wait()
                if self._reading is not None:
                    await self._reading

    def _signal(self, number: int) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self.log = (self.log + line)[-20_000:]


class Fleet:
    """Members of one cluster, by the order in which they were added."""

    def __init__(self, stack: AsyncExitStack, project: str, journal: str, servers: Iterable[Nats]) -> None:
        self.members: list[Member] = []
        self._stack = stack
        self._project = project
        self._journal = journal
        self._ports = [server.port for server in servers]

    @property
    def running(self) -> list[Member]:
        """Those that run."""
        return [member for member in self.members if member.runs]

    @property
    def ready(self) -> list[Member]:
        """Those that clients may call."""
        return [member for member in self.members if member.is_ready]

    async def add(self) -> Member:
        """One more, started."""
        wire = await self._stack.enter_async_context(relay(self._ports[len(self.members) % len(self._ports)]))
        member = Member(self._project, self._journal, wire, len(self._ports))
        self.members.append(member)
        await member.start()
        return member


@asynccontextmanager
async def fleet(project: str, journal: str, servers: Iterable[Nats], size: int) -> AsyncIterator[Fleet]:
    """So many members, started; all that are left at the end are killed."""
    async with AsyncExitStack() as stack:
        made = Fleet(stack, project, journal, servers)
        try:
            await asyncio.gather(*(made.add() for _ in range(size)))
            yield made
        finally:
            for member in made.members:
                if member.runs:
                    member.resume()
                    await member.kill()
