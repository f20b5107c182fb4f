"""A client that the compiler made lives through kill -9 of the service: every call returns, and has its effect once."""

from __future__ import annotations

import asyncio
import random
import subprocess
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import grpc.aio
from tests.e2e.test_idempotency_window import run, wallet_with_window
from tests.processes import server

from bank.wallet_pb2 import DepositRequest, GetBalanceRequest
from wallet_service.client import WalletClient

WALLETS = 3
AT_ONCE = 12
KILLS = 3
#: The channel looks for the service again soon, so that the test is short.
SOON = [(f"grpc.{which}_reconnect_backoff_ms", 200) for which in ("initial", "min", "max")]


class Relay:
    """An address that stays, in front of a service whose address does not.

    Attributes:
        target: where the service is, ``host:port``.
        passing: a task for each connection.
    """

    def __init__(self) -> None:
        self.target = "127.0.0.1:1"  # nobody listens there
        self.passing: set[asyncio.Task[None]] = set()

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._connect(reader, writer))
        self.passing.add(task)
        task.add_done_callback(self.passing.discard)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = self.target.rpartition(":")
        try:
            behind_reader, behind_writer = await asyncio.open_connection(host, int(port))
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pass_on(reader, behind_writer), _pass_on(behind_reader, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass  # what is lost here is what the test is about
    finally:
        writer.close()


@asynccontextmanager
async def relayed(relay: Relay) -> AsyncIterator[str]:
    listener = await asyncio.start_server(relay.connected, "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        yield f"127.0.0.1:{port}"
    if relay.passing:
        await asyncio.wait(relay.passing)


@asynccontextmanager
async def serving(arguments: list[str], relay: Relay) -> AsyncIterator[subprocess.Popen[str]]:
    """Wallets behind the relay; the loop goes on while they start."""
    with ExitStack() as stack:
        process, relay.target = await asyncio.to_thread(stack.enter_context, server(arguments))
        yield process


class Load:
    """Deposits of one cent each, some at a time, until they are told to end."""

    def __init__(self, client: WalletClient) -> None:
        self.replies: dict[str, list[int]] = defaultdict(list)
        self.has_ended = False
        self._client = client
        self._wanted = 0
        self._reached = asyncio.Event()

    async def work(self, wallet: str) -> None:
        while not self.has_ended:
            reply = await self._client.deposit(DepositRequest(wallet_id=wallet, cents=1))
            self.replies[wallet].append(reply.cents)
            if sum(map(len, self.replies.values())) >= self._wanted:
                self._reached.set()

    async def more(self, answers: int) -> None:
        """Wait for so many answers more."""
        self._wanted = sum(map(len, self.replies.values())) + answers
        self._reached.clear()
        await self._reached.wait()


async def test_every_call_returns_and_counts_once(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    moments, relay = random.Random(seed), Relay()
    # Less than a thousand commands are sent, so that none can come again when its answer has been dropped.
    arguments = run(wallet_with_window(tmp_path / "project", 1000), f"sqlite:{tmp_path}/w.db")
    async with relayed(relay) as address, grpc.aio.insecure_channel(address, options=SOON) as channel:
        client = WalletClient(channel, attempts=30)
        load = Load(client)
        async with asyncio.timeout(120), asyncio.TaskGroup() as working:
            workers = [working.create_task(load.work(f"w{n % WALLETS}")) for n in range(AT_ONCE)]
            for _ in range(KILLS):
                async with serving(arguments, relay) as process:
                    await load.more(moments.randrange(20, 200))
                    process.kill()
            async with serving(arguments, relay):
                await load.more(20)
                load.has_ended = True
                await asyncio.wait(workers)
                for wallet, cents in load.replies.items():
                    assert sorted(cents) == list(range(1, len(cents) + 1))
                    assert (await client.get_balance(GetBalanceRequest(wallet_id=wallet))).cents == len(cents)
