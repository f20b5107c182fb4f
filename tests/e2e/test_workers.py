"""``cloudstate run --workers``: several processes on one port, which are one service."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import grpc
import pytest
from tests.counting import wallets
from tests.processes import ROOT, server

WALLETS = [f"w{number}" for number in range(24)]
KIND = wallets()
#: Seconds in which something has to come true.
PATIENCE = 30.0


def arguments(*more: str) -> list[str]:
    return ["-m", "cloudstate.cli", "run", "specs/wallet", "--port", "0", "--workers", "2", *more]


@contextmanager
def channels(address: str, count: int) -> Iterator[list[grpc.Channel]]:
    """Connections of their own: the kernel gives each to one of the workers."""
    made = [grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]) for _ in range(count)]
    try:
        yield made
    finally:
        for channel in made:
            channel.close()


def deposit(channel: grpc.Channel, wallet: str) -> int:
    path, payload = KIND.add(wallet)
    method: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
    return KIND.size(method(payload, timeout=PATIENCE))


def workers_of(parent: int) -> list[int]:
    """Process ids of the workers, by asking the kernel."""
    found = subprocess.run(
        ["ps", "-ww", "--ppid", str(parent), "-o", "pid=", "-o", "args="], capture_output=True, text=True
    )
    return [int(line.split()[0]) for line in found.stdout.splitlines() if "--worker-of" in line]


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_every_wallet_is_one_whichever_worker_is_asked() -> None:
    with server(arguments("--journal", "memory:", "--log-level", "ERROR")) as (process, address):
        with channels(address, 12) as twelve:
            for wallet in WALLETS:
                assert [deposit(channel, wallet) for channel in twelve] == list(range(1, 13))
        assert len(workers_of(process.pid)) == 2
        process.terminate()
        assert process.wait(PATIENCE) == 0
        assert process.stdout is not None
        assert process.stdout.read() == ""


def test_a_worker_that_is_killed_is_started_again() -> None:
    with server(arguments("--journal", "memory:", "--log-level", "ERROR")) as (process, address):
        victim, other = workers_of(process.pid)
        os.kill(victim, signal.SIGKILL)
        until(lambda: len(set(workers_of(process.pid)) - {victim, other}) == 1)
        with channels(address, 8) as eight:
            for wallet in WALLETS:
                assert [deposit(channel, wallet) for channel in eight] == list(range(1, 9))


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes as Linux has them")
def test_workers_end_with_the_process_that_started_them() -> None:
    with server(arguments("--journal", "memory:", "--log-level", "ERROR")) as (process, _):
        workers = workers_of(process.pid)
        process.kill()
        process.wait()
        until(lambda: not any(os.path.exists(f"/proc/{worker}") for worker in workers))


def test_workers_cannot_share_a_file() -> None:
    refused = subprocess.run([sys.executable, *arguments()], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    assert refused.returncode == 1
    assert "2 workers cannot share a SQLite journal" in refused.stderr
    assert "help: give another with `--journal`" in refused.stderr
