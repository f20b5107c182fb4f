"""A retried command changes nothing and gets the same bytes: over gRPC and HTTP, in any order, across kill -9."""

from __future__ import annotations

import asyncio
import http.client
import json
import random
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import pytest
from tests.processes import ROOT, cart, function, proxy, server

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.transport import Channel, Outcome, Reply, Status

sys.path.insert(0, str(ROOT / "generated" / "wallet"))
sys.path.insert(0, str(ROOT / "generated" / "shopping-cart"))

CART = "/com.example.shoppingcart.ShoppingCart/"
WALLET = "/com.example.bank.Wallet/"

#: The bytes of a reply, or a failure.
Answer: TypeAlias = bytes | Status

#: The storm: so many commands, each sent one to five times, while the server is killed so many times.
COMMANDS = 600
KILLS = 5
ENTITIES = 11
AT_ONCE = 48


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Channel]:
    channel = await Channel.connect(address)
    try:
        yield channel
    finally:
        await channel.close()


async def call(channel: Channel, path: str, payload: bytes, id: str = "", header: str = "idempotency-key") -> Answer:
    answered: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    metadata = ((header, id),) if id else ()
    channel.start_unary(path, payload, metadata, None, answered.set_result)
    outcome = await answered
    return outcome.payload if isinstance(outcome, Reply) else outcome.status_value


def add(user: str, product: str, quantity: int = 1) -> bytes:
    from shoppingcart.shoppingcart_pb2 import AddLineItem

    return AddLineItem(user_id=user, product_id=product, name="Pen", quantity=quantity).SerializeToString()


async def quantities(channel: Channel, user: str) -> dict[str, int]:
    from shoppingcart.shoppingcart_pb2 import Cart, GetShoppingCart

    reply = await call(channel, CART + "GetCart", GetShoppingCart(user_id=user).SerializeToString())
    assert isinstance(reply, bytes)
    return {item.product_id: item.quantity for item in Cart.FromString(reply).items}


def deposit(wallet: str, cents: int) -> bytes:
    from bank.wallet_pb2 import DepositRequest

    return DepositRequest(wallet_id=wallet, cents=cents).SerializeToString()


def withdraw(wallet: str, cents: int) -> bytes:
    from bank.wallet_pb2 import WithdrawRequest

    return WithdrawRequest(wallet_id=wallet, cents=cents).SerializeToString()


async def balance(channel: Channel, wallet: str) -> int:
    from bank.wallet_pb2 import Balance, GetBalanceRequest

    reply = await call(channel, WALLET + "GetBalance", GetBalanceRequest(wallet_id=wallet).SerializeToString())
    assert isinstance(reply, bytes)
    return Balance.FromString(reply).cents


def wallets(journal: str) -> list[str]:
    return ["-m", "cloudstate.cli", "run", "specs/wallet", "--port", "0", "--journal", journal]


@pytest.mark.parametrize("header", ["idempotency-key", "ce-id"])
def test_a_retry_after_kill_9_gets_the_stored_reply(tmp_path: Path, header: str) -> None:
    journal = f"sqlite:{tmp_path}/wallets.db"

    async def paid(address: str, *cents: int) -> list[Answer]:
        async with connected(address) as channel:
            return [await call(channel, WALLET + "Deposit", deposit("w", n), f"deposit-{n}", header) for n in cents]

    with server(wallets(journal)) as (process, address):
        first = asyncio.run(paid(address, 5, 7, 5, 7))
        process.kill()
    with server(wallets(journal)) as (_, address):
        again = asyncio.run(paid(address, 7, 5))
    assert all(isinstance(outcome, bytes) for outcome in first + again)
    assert first[:2] == first[2:]
    assert again == [first[1], first[0]]


def test_an_id_that_was_used_for_another_command_is_refused(tmp_path: Path) -> None:
    async def paid(address: str) -> tuple[Answer, int]:
        async with connected(address) as channel:
            await call(channel, WALLET + "Deposit", deposit("w", 5), "one")
            return await call(channel, WALLET + "Deposit", deposit("w", 6), "one"), await balance(channel, "w")

    with server(wallets("memory:")) as (_, address):
        outcome, cents = asyncio.run(paid(address))
    assert isinstance(outcome, Status)
    assert outcome.code == 3
    assert "`one` was used for another command" in outcome.message
    assert cents == 5


def test_an_id_that_is_too_long_is_refused() -> None:
    async def paid(address: str) -> Answer:
        async with connected(address) as channel:
            return await call(channel, WALLET + "Deposit", deposit("w", 5), "x" * 257)

    with server(wallets("memory:")) as (_, address):
        outcome = asyncio.run(paid(address))
    assert isinstance(outcome, Status)
    assert (outcome.code, "257 characters" in outcome.message) == (3, True)


def test_header_of_an_http_request(tmp_path: Path) -> None:
    def post(address: str, id: str) -> tuple[int, object]:
        connection = http.client.HTTPConnection(address, timeout=10)
        body = json.dumps({"cents": 5})
        headers = {"content-type": "application/json", "Idempotency-Key": id}
        connection.request("POST", "/wallets/w/deposit", body, headers)
        response = connection.getresponse()
        answer = response.status, json.loads(response.read())
        connection.close()
        return answer

    with server(wallets(f"sqlite:{tmp_path}/w.db")) as (_, address):
        answers = [post(address, id) for id in ("a", "a", "b", "a")]
    assert answers == [(200, {"cents": cents}) for cents in ("5", "5", "10", "5")]


def test_retries_through_a_sidecar(tmp_path: Path) -> None:
    async def added(address: str) -> dict[str, int]:
        async with connected(address) as channel:
            for id in ("a", "a", "b", "a"):
                assert isinstance(await call(channel, CART + "AddItem", add("u", "pen"), id), bytes)
            return await quantities(channel, "u")

    with (
        server(function("shopping-cart", "--port", "0")) as (_, behind),
        server(proxy(behind, "--journal", f"sqlite:{tmp_path}/c.db")) as (_, address),
    ):
        assert asyncio.run(added(address)) == {"pen": 2}


class Storm:
    """Every command is sent one to five times, in any order; what is not answered is sent again."""

    def __init__(self, seed: int, commands: dict[str, tuple[str, bytes]]) -> None:
        self.chance = random.Random(seed)
        self.commands = commands
        self.replies: dict[str, set[Answer]] = defaultdict(set)
        self.unsent = [id for id in commands for _ in range(self.chance.randint(1, 5))]
        self.chance.shuffle(self.unsent)
        self.answered = 0
        self.kill_at = 0
        self.kill: Callable[[], None] = lambda: None

    async def rage(self, address: str) -> None:
        """Send until everything is answered or the server is gone."""
        channels = [await Channel.connect(address) for _ in range(4)]
        waiting, self.unsent = self.unsent, []
        workers = [self._work(channels[n % 4], waiting) for n in range(AT_ONCE)]
        async with asyncio.timeout(60):
            await asyncio.gather(*workers)
        self.unsent += waiting
        self.chance.shuffle(self.unsent)
        for channel in channels:
            await channel.close()

    async def _work(self, channel: Channel, waiting: list[str]) -> None:
        while waiting:
            id = waiting.pop()
            outcome = await call(channel, *self.commands[id], id)
            if isinstance(outcome, Status) and outcome.code is StatusCode.UNAVAILABLE:
                self.unsent.append(id)
                return
            self.replies[id].add(outcome)
            self.answered += 1
            if self.answered == self.kill_at:
                self.kill()


def stormed(storm: Storm, arguments: list[str]) -> None:
    for _ in range(KILLS):
        with server(arguments) as (process, address):
            storm.kill_at, storm.kill = storm.answered + storm.chance.randrange(20, 250), process.kill
            asyncio.run(storm.rage(address))
    while storm.unsent:
        with server(arguments) as (_, address):
            asyncio.run(storm.rage(address))


def test_storm_of_retries_on_value_entities(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    commands = {}
    for number in range(COMMANDS):
        wallet, cents = f"w{number % ENTITIES}", 1 + number % 7
        method, payload = (
            ("Withdraw", withdraw(wallet, cents)) if number % 3 == 2 else ("Deposit", deposit(wallet, cents))
        )
        commands[f"id-{number}"] = (WALLET + method, payload)
    storm = Storm(seed, commands)
    arguments = wallets(f"sqlite:{tmp_path}/w.db")
    stormed(storm, arguments)

    assert storm.replies.keys() == commands.keys()
    different = {id: replies for id, replies in storm.replies.items() if len(replies) > 1}
    assert not different
    expected: dict[str, int] = defaultdict(int)
    for number in range(COMMANDS):
        (reply,) = storm.replies[f"id-{number}"]
        cents = 1 + number % 7
        if isinstance(reply, bytes):
            expected[f"w{number % ENTITIES}"] += -cents if number % 3 == 2 else cents
        else:
            assert number % 3 == 2  # only what there is can be withdrawn
            assert reply.code in (StatusCode.NOT_FOUND, StatusCode.FAILED_PRECONDITION)

    async def found(address: str) -> dict[str, int]:
        async with connected(address) as channel:
            return {wallet: await balance(channel, wallet) for wallet in expected}

    with server(arguments) as (_, address):
        assert asyncio.run(found(address)) == expected


def test_storm_of_retries_on_event_sourced_entities(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    commands = {
        f"id-{number}": (CART + "AddItem", add(f"u{number % ENTITIES}", f"p{number}", 1 + number % 5))
        for number in range(COMMANDS)
    }
    storm = Storm(seed, commands)
    arguments = cart(f"sqlite:{tmp_path}/c.db")
    stormed(storm, arguments)
    assert storm.replies.keys() == commands.keys()
    assert {len(replies) for replies in storm.replies.values()} == {1}

    async def found(address: str) -> dict[str, int]:
        async with connected(address) as channel:
            return {p: n for user in range(ENTITIES) for p, n in (await quantities(channel, f"u{user}")).items()}

    with server(arguments) as (_, address):
        assert asyncio.run(found(address)) == {f"p{number}": 1 + number % 5 for number in range(COMMANDS)}
