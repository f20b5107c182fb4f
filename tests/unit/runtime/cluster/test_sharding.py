"""Several members in one process, on a table that never fails: who serves what, and how commands get there."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.processes import ROOT

from bank.wallet_pb2 import Balance, DepositRequest, GetBalanceRequest
from cloudstate.runtime.app.loading import load_functions
from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.cluster.engine import Engine, Entry, Overtaken
from cloudstate.runtime.cluster.setting import Lease, Setting
from cloudstate.runtime.cluster.sharding import Sharding
from cloudstate.runtime.description import load
from cloudstate.runtime.entity.messages import Failure
from cloudstate.runtime.host import EntityHost, Request, Router
from cloudstate.runtime.journal import Journal, MemoryJournal

SERVICE = "com.example.bank.Wallet"
LEASE = Lease(length=0.6, settle=0.05)


class Board:
    """What the engines of all members have in common."""

    def __init__(self) -> None:
        self.records: dict[str, Entry] = {}
        self.revision = 0
        self.watchers: list[Callable[[Entry], None]] = []
        self.listeners: dict[str, list[Callable[[bytes], None]]] = {}
        self.cut: set[Engine] = set()


class BoardEngine(Engine):
    """An engine that answers at once."""

    largest = 1_000_000

    def __init__(self, board: Board) -> None:
        self.board = board

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def put(self, key: str, value: bytes, revision: int | None = None) -> int:
        await asyncio.sleep(0)
        known = self.board.records.get(key)
        if revision is not None and revision != (known.revision if known else 0):
            raise Overtaken(f"`{key}` is elsewhere")
        self.board.revision += 1
        entry = self.board.records[key] = Entry(key, value, self.board.revision)
        for watcher in self.board.watchers:
            asyncio.get_running_loop().call_soon(watcher, entry)
        return entry.revision

    async def delete(self, key: str, revision: int | None = None) -> None:
        await self.put(key, b"", revision)

    async def watch(self, changed: Callable[[Entry], None]) -> None:
        for entry in list(self.board.records.values()):
            changed(entry)
        self.board.watchers.append(changed)

    async def listen(self, subject: str, heard: Callable[[bytes], None]) -> None:
        self.board.listeners.setdefault(subject, []).append(heard)

    def send(self, subject: str, message: bytes) -> None:
        for heard in self.board.listeners.get(subject, []):
            asyncio.get_running_loop().call_soon(heard, message)


class Member:
    """One process of the service."""

    def __init__(self, name: str, board: Board, journal: Journal, setting: Setting) -> None:
        generated, code = ROOT / "generated" / "wallet", ROOT / "specs" / "wallet"
        functions = load_functions(load(generated), generated, code)
        self.sharding = Sharding(name, setting, BoardEngine(board), journal, SystemClock())
        self.hosts = [EntityHost(function, self.sharding.journal) for function in functions.entities]
        self.router = Router(self.hosts, placement=self.sharding)

    async def start(self) -> None:
        self.sharding.serve(self.router.unary, self.router.vacate)
        await self.sharding.join()

    async def deposit(self, wallet: str, cents: int = 1) -> int:
        payload = DepositRequest(wallet_id=wallet, cents=cents).SerializeToString()
        return await self.balance_of(Request(SERVICE, "Deposit", payload))

    async def balance(self, wallet: str) -> int:
        payload = GetBalanceRequest(wallet_id=wallet).SerializeToString()
        return await self.balance_of(Request(SERVICE, "GetBalance", payload))

    async def balance_of(self, request: Request) -> int:
        result = await self.router.call(request)
        assert not isinstance(result, Failure), result
        return Balance.FromString(result.payload).cents


@asynccontextmanager
async def members(count: int, shards: int = 32) -> AsyncIterator[tuple[list[Member], Callable[[str], Member]]]:
    board, journal = Board(), MemoryJournal(SystemClock())
    setting = Setting("wallet", shards, LEASE)
    made = [Member(f"m{number}", board, journal, setting) for number in range(count)]
    for member in made:
        await member.start()
    try:
        yield made, lambda name: Member(name, board, journal, setting)
    finally:
        for member in made:
            await member.sharding.node.leave(0.01)


async def until(true: Callable[[], bool], limit: float = 5.0) -> None:
    async with asyncio.timeout(limit):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def served(members: list[Member]) -> list[int]:
    return [member.sharding.node.served for member in members]


async def test_commands_reach_the_owner_wherever_they_arrive() -> None:
    async with members(3) as (three, _):
        for round in range(1, 4):
            for number in range(60):
                assert await three[(number + round) % 3].deposit(f"w{number}") == round
        assert sum(served(three)) == 32
        assert max(served(three)) - min(served(three)) <= 1
        assert sum(len(member.hosts[0]) for member in three) == 60
        assert sum(member.sharding.passed_on for member in three) > 60


async def test_members_come_and_go_and_nothing_is_lost_or_refused() -> None:
    async with members(3) as (there, another):
        counts: Counter[str] = Counter()
        stop = asyncio.Event()

        async def load(number: int) -> None:
            turn = 0
            while not stop.is_set():
                member = there[turn % len(there)]
                turn += 1
                wallet = f"w{number}-{turn % 7}"
                counts[wallet] += 1
                assert await member.deposit(wallet) == counts[wallet]

        loads = [asyncio.ensure_future(load(number)) for number in range(16)]
        for name in ("m3", "m4", "m5"):
            new = another(name)
            await new.start()
            there.append(new)
        await until(lambda: sum(served(there)) == 32 and max(served(there)) - min(served(there)) <= 1)
        for _ in range(4):
            enough = sum(counts.values()) + 50
            await until(lambda: sum(counts.values()) > enough)  # noqa: B023
            gone = there.pop(0)
            await gone.sharding.leave(5.0)
            assert gone.sharding.node.served == 0
        await until(lambda: sum(served(there)) == 32)
        stop.set()
        await asyncio.gather(*loads)
        assert sum(counts.values()) > 200
        for wallet, count in counts.items():
            assert await there[0].balance(wallet) == count
