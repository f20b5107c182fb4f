"""The Go support library's own function for the compatibility kit, behind our proxy and alone: all cases of both sides.

It is built from the module that the Go proxy serves, at the version and checksums of ``go_support``. ``go install
MODULE@VERSION`` asks for less than it seems: it also wants the list of all versions, which not every index has. A
module that requires the version does not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest
from tests.conformance.protocol import players_function as functions
from tests.conformance.protocol.case import Case, Discover, Role, load_cases
from tests.e2e.test_sidecar import free_port
from tests.peers.between import between, play_case, proxy_cases
from tests.peers.caching import cached

from cloudstate.runtime.compat import NONE

VERSION = "v0.3.0"
PROGRAM = "github.com/cloudstateio/go-support/tck/cmd/tck_eventsourced"
MODULE = Path(__file__).parent / "go_support"
#: Seconds that the index may take to give the module and what it needs, and the compiler to build it.
FETCH, BUILD = 60, 300
#: Cases in which metadata or the status of HTTP could matter.
OURS = ("AP5", "AP9", "CP4", "CP5", "EP2", "EP3", "EP4", "L3", "VP4")


def go(arguments: list[str], folder: Path, seconds: float) -> subprocess.CompletedProcess[str]:
    """Run the toolchain that is here, in a module.

    Raises:
        subprocess.TimeoutExpired: it took longer.
    """
    flags = {"GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    return subprocess.run(
        ["go", *arguments],
        cwd=folder,
        env={**os.environ, **flags},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built once on a machine. Skips where there is no toolchain, or no index that gives the module."""
    if shutil.which("go") is None:
        pytest.skip(f"no `go` on the PATH, which builds {PROGRAM}@{VERSION}")
    scratch = tmp_path_factory.mktemp("go_support")
    return cached(f"go-support-{VERSION}", lambda folder: build(folder, scratch)) / "tck_eventsourced"


def build(folder: Path, scratch: Path) -> None:
    """Fetch what the program needs, and build it into a folder."""
    shutil.copytree(MODULE, scratch, dirs_exist_ok=True)
    try:
        fetched = go(["list", "-deps", PROGRAM], scratch, FETCH)
    except subprocess.TimeoutExpired:
        pytest.skip(f"`go list -deps {PROGRAM}` ({VERSION}) got no answer from the module index in {FETCH} s")
    if fetched.returncode:
        pytest.skip(f"`go list -deps {PROGRAM}` does not get {VERSION}: {' '.join(fetched.stderr.split()[-40:])}")
    built = go(["build", "-o", str(folder / "tck_eventsourced"), PROGRAM], scratch, BUILD)
    assert built.returncode == 0, built.stderr


@pytest.fixture(scope="module")
def address(program: Path) -> Iterator[str]:
    """Where the function listens. It keeps nothing between streams, so one serves all cases."""
    port = free_port()
    process = subprocess.Popen(
        [str(program)],
        env={**os.environ, "HOST": "127.0.0.1", "PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    where = f"127.0.0.1:{port}"
    try:
        with grpc.insecure_channel(where) as channel:
            grpc.channel_ready_future(channel).result(timeout=30)
        yield where
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("case", proxy_cases(), ids=lambda case: case.id)
async def test_behind_our_proxy(address: str, case: Case) -> None:
    async with between(address) as (play, _):
        await play_case(play, case)


@pytest.mark.parametrize("case", [case for case in proxy_cases() if case.id in OURS], ids=lambda case: case.id)
async def test_behind_our_proxy_as_users_have_it(address: str, case: Case) -> None:
    """Without the switch that makes the proxy behave as the reference."""
    async with between(address, compat=NONE) as (play, _):
        await play_case(play, case)


async def test_what_our_proxy_says_of_itself(address: str) -> None:
    [case] = [case for case in load_cases(Role.STACK, "discovery") if case.id == "D1"]
    [said] = case.steps
    assert isinstance(said, Discover)
    async with between(address) as (_, relay):
        assert relay.info is not None
        assert (relay.info.protocol_major_version, relay.info.protocol_minor_version) == said.version
        assert sorted(relay.info.supported_entity_types) == sorted(said.supported)


@pytest.fixture
async def channel(address: str) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(address) as made:
        yield made


@pytest.mark.parametrize("case", load_cases(Role.FUNCTION), ids=lambda case: case.id)
async def test_our_cases_are_those_of_the_reference(channel: grpc.aio.Channel, case: Case) -> None:
    """The cases that we hold our own functions to, played at a function that we did not write."""
    await functions.play_case(channel, case)
