"""Nothing acknowledged is lost, nothing is applied twice: the runtime is killed under load, again and again."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import defaultdict
from collections.abc import Callable
from itertools import count
from pathlib import Path

import grpc
import pytest
from tests.processes import ROOT, cart, server

from cloudstate.runtime.transport import Channel, Outcome, Reply

sys.path.insert(0, str(ROOT / "generated" / "shopping-cart"))

ROUNDS = 20
CARTS = 16
SERVICE = "/com.example.shoppingcart.ShoppingCart/"


class Ledger:
    """What the clients know: which items were acknowledged, and which were sent without an answer."""

    def __init__(self) -> None:
        self.numbers = count()
        self.acknowledged: dict[str, set[str]] = defaultdict(set)
        self.unknown: dict[str, set[str]] = defaultdict(set)
        self.total = 0
        self.kill_at = 0
        self.kill: Callable[[], None] = lambda: None

    def sent(self, user: str, product: str) -> None:
        self.unknown[user].add(product)

    def answered(self, user: str, product: str) -> None:
        self.unknown[user].discard(product)
        self.acknowledged[user].add(product)
        self.total += 1
        if self.total == self.kill_at:
            self.kill()

    def check(self, user: str, items: dict[str, int]) -> None:
        """The cart holds every acknowledged item once, and nothing that was not sent."""
        assert set(items.values()) <= {1}, f"{user}: applied twice: {items}"
        lost = self.acknowledged[user] - items.keys()
        assert not lost, f"{user}: acknowledged and lost: {lost}"
        invented = items.keys() - self.acknowledged[user] - self.unknown[user]
        assert not invented, f"{user}: never sent: {invented}"
        self.acknowledged[user] |= self.unknown[user] & items.keys()
        self.unknown[user].clear()


class Client:
    """Adds items back to back, each with a product id of its own, until the server is gone."""

    def __init__(self, ledger: Ledger, channel: Channel) -> None:
        self.ledger = ledger
        self.channel = channel
        self.gone = asyncio.get_running_loop().create_future()
        self.next()

    def next(self) -> None:
        from shoppingcart.shoppingcart_pb2 import AddLineItem

        number = next(self.ledger.numbers)
        self.user, self.product = f"user-{number % CARTS}", f"product-{number}"
        item = AddLineItem(user_id=self.user, product_id=self.product, name="Pen", quantity=1)
        self.ledger.sent(self.user, self.product)
        self.channel.start_unary(SERVICE + "AddItem", item.SerializeToString(), (), None, self.done)

    def done(self, outcome: Outcome) -> None:
        if not isinstance(outcome, Reply):
            if not self.gone.done():
                self.gone.set_result(outcome)
            return
        self.ledger.answered(self.user, self.product)
        self.next()


async def load_until_gone(address: str, ledger: Ledger) -> None:
    channels = [await Channel.connect(address) for _ in range(4)]
    clients = [Client(ledger, channel) for channel in channels for _ in range(4)]
    async with asyncio.timeout(60):
        await asyncio.gather(*(client.gone for client in clients))
    for channel in channels:
        await channel.close()


def carts(address: str) -> dict[str, dict[str, int]]:
    """Every cart, read with a stock gRPC client."""
    from shoppingcart.shoppingcart_pb2 import Cart, GetShoppingCart

    with grpc.insecure_channel(address) as channel:
        get = channel.unary_unary(
            SERVICE + "GetCart",
            request_serializer=GetShoppingCart.SerializeToString,
            response_deserializer=Cart.FromString,
        )
        users = [f"user-{n}" for n in range(CARTS)]
        read = {user: get(GetShoppingCart(user_id=user), timeout=10) for user in users}
    return {user: {item.product_id: item.quantity for item in read[user].items} for user in users}


def test_killed_at_random_moments_under_load(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    ledger = Ledger()
    journal = f"sqlite:{tmp_path}/carts.db"
    for _ in range(ROUNDS):
        with server(cart(journal)) as (process, address):
            for user, items in carts(address).items():
                ledger.check(user, items)
            ledger.kill_at, ledger.kill = ledger.total + moments.randrange(1, 600), process.kill
            asyncio.run(load_until_gone(address, ledger))
    with server(cart(journal)) as (_, address):
        for user, items in carts(address).items():
            ledger.check(user, items)
    assert ledger.total > ROUNDS


def test_a_second_runtime_on_the_same_journal_is_refused(tmp_path: Path) -> None:
    journal = f"sqlite:{tmp_path}/carts.db"
    with server(cart(journal)), pytest.raises(AssertionError, match="in use by another process"), server(cart(journal)):
        pass
