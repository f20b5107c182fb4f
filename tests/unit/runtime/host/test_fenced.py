"""An owner that has lost its shard and does not know: its entities stop, its callers are told to try again."""

from __future__ import annotations

from collections.abc import Callable

from tests.processes import ROOT

from bank.wallet_pb2 import Balance, DepositRequest
from cloudstate.runtime.app.loading import load_functions
from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.description import load
from cloudstate.runtime.entity.messages import Failure, Reply
from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.host import EntityHost, Request, Router
from cloudstate.runtime.journal import (
    AppendEvents,
    EntityKey,
    Fence,
    History,
    Journal,
    MemoryJournal,
    Value,
    WriteValue,
)
from cloudstate.runtime.journal.around import JournalAround
from cloudstate.runtime.journal.port import Appended


class Owned(JournalAround):
    """A journal as the owner of one shard uses it."""

    def __init__(self, journal: Journal, fence: Fence) -> None:
        super().__init__(journal)
        self._fence = fence

    async def load(
        self, entity: EntityKey, *, window: int = 0, schema: str | None = None, fence: Fence | None = None
    ) -> History:
        return await super().load(entity, window=window, schema=schema, fence=self._fence)

    async def load_value(self, entity: EntityKey, *, window: int = 0, fence: Fence | None = None) -> Value:
        return await super().load_value(entity, window=window, fence=self._fence)

    def submit(self, append: AppendEvents | WriteValue, done: Callable[[Appended], None]) -> None:
        super().submit(append._replace(fence=self._fence), done)


def wallets(journal: Journal, fence: Fence) -> Router:
    generated, code = ROOT / "generated" / "wallet", ROOT / "specs" / "wallet"
    functions = load_functions(load(generated), generated, code)
    owned = Owned(journal, fence)
    return Router([EntityHost(function, owned) for function in functions.entities])


async def deposit(router: Router, cents: int) -> int | Failure:
    payload = DepositRequest(wallet_id="w", cents=cents).SerializeToString()
    result = await router.call(Request("com.example.bank.Wallet", "Deposit", payload))
    return Balance.FromString(result.payload).cents if isinstance(result, Reply) else result


async def test_a_stale_owner_stops() -> None:
    journal = MemoryJournal(SystemClock())
    stale = wallets(journal, await journal.take_over("s"))
    assert await deposit(stale, 5) == 5
    owner = wallets(journal, await journal.take_over("s"))
    assert await deposit(owner, 2) == 7
    for _ in range(2):  # what it has in memory is thrown away, and not loaded again
        refused = await deposit(stale, 1)
        assert isinstance(refused, Failure)
        assert refused.status is StatusCode.UNAVAILABLE
        assert "shard `s` has a newer owner" in refused.description
    assert await deposit(owner, 3) == 10
