"""A retry inside the window that the spec declares changes nothing, one outside is a new command."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.test_retries import WALLET, balance, call, connected, deposit
from tests.processes import ROOT, proxy, server

CLOUDSTATE = ["-m", "cloudstate.cli"]


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wallet_with_window(tmp_path_factory.mktemp("project"), 2)


def wallet_with_window(project: Path, answers: int) -> Path:
    """Compile the wallet, with so many kept answers, in an empty folder; gives the folder of its spec."""
    spec = project / "specs" / "wallet"
    shutil.copytree(ROOT / "specs" / "wallet", spec, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    written = (spec / "service.yaml").read_text()
    (spec / "service.yaml").write_text(written.replace("passivation: 30s", f"idempotency: {{window: {answers}}}"))
    subprocess.run([sys.executable, *CLOUDSTATE, "compile", "specs/wallet"], cwd=project, check=True)
    return spec


def run(spec: Path, journal: str) -> list[str]:
    """Arguments that serve a spec on a free port."""
    return [*CLOUDSTATE, "run", str(spec), "--port", "0", "--journal", journal]


async def paid(address: str, *ids: str) -> int:
    """Pay a cent under each of the ids in turn; gives what is there then."""
    async with connected(address) as channel:
        for id in ids:
            assert isinstance(await call(channel, WALLET + "Deposit", deposit("w", 1), id), bytes)
        return await balance(channel, "w")


def test_the_window_of_the_spec(spec: Path, tmp_path: Path) -> None:
    arguments = run(spec, f"sqlite:{tmp_path}/w.db")
    with server(arguments) as (process, address):
        assert asyncio.run(paid(address, "a", "b", "c")) == 3
        assert asyncio.run(paid(address, "b", "c")) == 3
        process.kill()
    with server(arguments) as (_, address):
        assert asyncio.run(paid(address, "c", "b")) == 3
        assert asyncio.run(paid(address, "a")) == 4
        assert asyncio.run(paid(address, "c", "a")) == 4


def test_the_window_behind_a_sidecar(spec: Path) -> None:
    with (
        server([*CLOUDSTATE, "function", str(spec), "--port", "0"]) as (_, behind),
        server(proxy(behind, "--journal", "memory:")) as (_, address),
    ):
        assert asyncio.run(paid(address, "a", "b", "c", "c", "b")) == 3
        assert asyncio.run(paid(address, "a")) == 4
