"""Server processes of benchmarks and end-to-end tests: started, waited for, ended by their id."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

#: Seconds that a process may take to serve.
PATIENCE = 60.0

ROOT = Path(__file__).parents[1]


@contextmanager
def server(arguments: Sequence[str], heard: list[str] | None = None) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run ``python ARGUMENTS`` until the block ends; gives the process and the address it printed.

    The process must print its address (``host:port`` or ``unix:PATH``) as the last word of a line when it accepts
    connections. What it prints until then goes into ``heard``.
    """
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    watchdog = Timer(PATIENCE, process.kill)  # then it has not printed an address, and the test says so
    watchdog.start()
    try:
        address = _address(process, heard if heard is not None else [])
        watchdog.cancel()
        yield process, address
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _address(process: subprocess.Popen[str], printed: list[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        printed.append(line)
        word = line.split()[-1] if line.split() else ""
        if word.startswith("unix:") or (":" in word and word.rpartition(":")[2].isdigit()):
            return word
    raise AssertionError(f"the server ended before it served:\n{''.join(printed)}")


def function(service: str, *where: str) -> list[str]:
    """Arguments that serve an example's code as a user function."""
    return ["-m", "cloudstate.cli", "function", f"specs/{service}", *where]


def proxy(user_function: str, *more: str) -> list[str]:
    """Arguments that serve a user function on a free port."""
    return ["-m", "cloudstate.cli", "proxy", "--user-function", user_function, "--port", "0", *more]


def cart(journal: str) -> list[str]:
    """Arguments that serve the shopping cart on a free port."""
    return ["-m", "cloudstate.cli", "run", "specs/shopping-cart", "--port", "0", "--journal", journal]
