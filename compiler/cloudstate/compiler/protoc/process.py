"""The side that asks: one process for all runs, started anew should it die."""

from __future__ import annotations

import atexit
import marshal
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO, NamedTuple


class ProtocMissing(Exception):
    """The Python environment has no protoc (grpcio-tools), or not what it needs beside it."""


class Done(NamedTuple):
    """How a run has ended: the exit code, and what protoc said."""

    code: int
    told: str


class Running:
    """A run that has been asked for. It goes on while its caller does something else."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        self._done: Done | None = None

    def result(self) -> Done:
        """How it has ended; waits for that."""
        with self._server.lock:
            return self.collect()

    def collect(self) -> Done:
        """The same, for who holds the server's lock."""
        if self._done is None:
            self._done = self._server.answer()
        return self._done


def run(arguments: Sequence[str], folder: Path) -> Done:
    """Run protoc in a folder and capture what it says. No include path is added.

    Raises:
        ProtocMissing: it is not installed.
    """
    return start(arguments, folder).result()


def start(arguments: Sequence[str], folder: Path) -> Running:
    """Have protoc run in a folder, without waiting for it.

    Raises:
        ProtocMissing: it is not installed.
    """
    with _starting:
        return _living().ask(arguments, folder)


def prepare() -> None:
    """Start the process, without waiting for it, if it is known that there will be something to ask.

    Raises:
        ProtocMissing: it is not installed.
    """
    with _starting:
        _living()


def _living() -> _Server:
    global _server
    if _server is None or not _server.lives():
        _server = _Server(tools().parent)
    return _server


class _Server:
    """The process. It has one request at a time."""

    def __init__(self, tools: Path) -> None:
        self.lock = threading.Lock()
        self._owner = os.getpid()
        self._pending: Running | None = None
        self._told: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
        script = str(Path(__file__).with_name("server.py"))
        command = [sys.executable, "-I", "-S", script, str(tools)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._told)
        atexit.register(self.close)

    def lives(self) -> bool:
        """It can be asked: it has not ended, and it is not that of a process that this one was forked from."""
        return self._owner == os.getpid() and self._process.poll() is None

    def ask(self, arguments: Sequence[str], folder: Path) -> Running:
        assert self._process.stdin is not None
        with self.lock:
            if self._pending is not None:
                self._pending.collect()
            request = Running(self)
            with suppress(BrokenPipeError):  # the answer will say that it has died
                marshal.dump((str(folder.absolute()), tuple(arguments)), self._process.stdin)
                self._process.stdin.flush()
            self._pending = request
            return request

    def answer(self) -> Done:
        """The answer to what was asked last. One that dies instead answers with what it said before."""
        assert self._process.stdout is not None
        self._pending = None
        try:
            code, told = marshal.load(self._process.stdout)  # noqa: S302 - of the process that was started here
        except (EOFError, ValueError, TypeError):
            self._process.kill()  # it is dead already, or says what nobody understands
            code = self._process.wait()
            self._told.seek(0)
            told = self._told.read()
        except BaseException:
            self._process.kill()  # a later request must not get this answer
            self._process.wait()
            raise
        return Done(code, told.decode("utf-8", errors="replace"))

    def close(self) -> None:
        """End the process."""
        if self._owner != os.getpid():
            return
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._told.close()


_server: _Server | None = None
_starting = threading.Lock()


@cache
def tools() -> Path:
    """The folder of grpcio-tools.

    Raises:
        ProtocMissing: it is not installed.
    """
    spec = find_spec("grpc_tools")
    if spec is None or spec.origin is None:
        raise ProtocMissing("the package grpcio-tools is not installed")
    return Path(spec.origin).parent
