"""Commands through router, host, function and memory journal: what callers see and what is kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from google.type.money_pb2 import Money
from tests.unit.runtime.accounts import Account, Note, Sums

from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.errors import CommandRejected, StatusCode
from cloudstate.runtime.function.action import EmbeddedAction
from cloudstate.runtime.function.event_sourced import EmbeddedEventSourced
from cloudstate.runtime.function.value import EmbeddedValue
from cloudstate.runtime.host import EntityHost, Failure, HostLimits, Reply, Request, Result, Router
from cloudstate.runtime.journal.memory import MemoryJournal
from cloudstate.runtime.journal.port import AppendEvents, EntityKey
from cloudstate.runtime.payload import Payload


class Runtime:
    """A router over the test's entities; ``restart`` forgets memory and keeps the journal."""

    def __init__(self, limits: HostLimits | None = None) -> None:
        self.journal = MemoryJournal(SystemClock())
        self.limits = limits
        self.restart()

    def restart(self) -> None:
        self.account = Account()
        self.accounts = EntityHost(EmbeddedEventSourced(self.account), self.journal, self.limits)
        self.notes = EntityHost(EmbeddedValue(Note()), self.journal, self.limits)
        self.router = Router([self.accounts, self.notes], [EmbeddedAction(Sums())])

    async def run(self, service: str, command: str, units: int = 0, key: str = "a") -> Result:
        payload = Money(currency_code=key, units=units).SerializeToString()
        return await self.router.call(Request(f"test.{service}", command, payload))

    async def units(self, service: str, command: str, units: int = 0, key: str = "a") -> int:
        result = await self.run(service, command, units, key)
        assert isinstance(result, Reply), result
        amount: int = Money.FromString(result.payload).units
        return amount


@pytest.fixture
def runtime() -> Runtime:
    return Runtime()


async def test_an_event_is_in_the_reply_and_survives_the_memory(runtime: Runtime) -> None:
    assert await runtime.units("Account", "Deposit", 5) == 5
    assert await runtime.units("Account", "Deposit", 2) == 7
    runtime.restart()
    assert await runtime.units("Account", "Balance") == 7
    assert await runtime.units("Account", "Balance", key="b") == 0


async def test_reply_metadata_reaches_the_caller(runtime: Runtime) -> None:
    result = await runtime.run("Account", "Deposit", 5)
    assert isinstance(result, Reply)
    assert result.metadata == (("sequence", "1"),)


async def test_an_async_handler_is_as_good(runtime: Runtime) -> None:
    assert await runtime.units("Account", "DepositLater", 5) == 5
    runtime.restart()
    assert await runtime.units("Account", "Balance") == 5


@pytest.mark.parametrize(
    ("command", "status", "text"),
    [
        ("EmitThenReject", StatusCode.ABORTED, "changed my mind"),
        ("EmitThenCrash", StatusCode.UNKNOWN, "Unexpected entity failure"),
        ("WrongReply", StatusCode.UNKNOWN, "Unexpected entity failure"),
        ("WrongEvent", StatusCode.UNKNOWN, "Unexpected entity failure"),
        ("EmitInRead", StatusCode.UNKNOWN, "Unexpected entity failure"),
    ],
)
async def test_a_failed_command_leaves_nothing_behind(
    runtime: Runtime, command: str, status: StatusCode, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    await runtime.units("Account", "Deposit", 5)
    with caplog.at_level(logging.CRITICAL):
        assert await runtime.run("Account", command, 100) == Failure(text, status, restart=True)
    assert await runtime.units("Account", "Balance") == 5
    assert await runtime.units("Account", "Deposit", 1) == 6
    runtime.restart()
    assert await runtime.units("Account", "Balance") == 6


async def test_an_unexpected_failure_is_logged_with_the_entity_and_hidden_from_the_caller(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    await runtime.run("Account", "EmitThenCrash", 1, key="acme")
    assert "`account` entity `acme` failed while handling `EmitThenCrash`" in caplog.text
    assert "secret details" in caplog.text


async def test_a_snapshot_is_written_when_its_multiple_is_crossed_and_shortens_the_replay(runtime: Runtime) -> None:
    for _ in range(3):
        await runtime.units("Account", "Deposit", 1)
    await runtime.units("Account", "DepositTwice", 1)
    history = await runtime.journal.load(EntityKey("account", "a"))
    assert history.snapshot is not None
    assert (history.snapshot.sequence, history.events) == (5, [])
    runtime.restart()
    assert await runtime.units("Account", "Balance") == 5
    assert runtime.account.replayed == 0


async def test_values_are_kept_replaced_and_deleted(runtime: Runtime) -> None:
    assert await runtime.units("Note", "Get") == -404
    assert await runtime.units("Note", "Put", 3) == 3
    runtime.restart()
    assert await runtime.units("Note", "Get") == 3
    await runtime.units("Note", "Drop")
    assert await runtime.units("Note", "Get") == -404
    runtime.restart()
    assert await runtime.units("Note", "Get") == -404
    assert await runtime.units("Note", "Put", 4) == 4


async def test_a_value_changes_only_by_update_and_only_if_the_command_succeeds(runtime: Runtime) -> None:
    await runtime.units("Note", "Put", 3)
    await runtime.units("Note", "Scribble")
    assert await runtime.units("Note", "Get") == 3
    failure = await runtime.run("Note", "PutThenReject", 9)
    assert failure == Failure("no", StatusCode.FAILED_PRECONDITION, restart=False)
    assert await runtime.units("Note", "Get") == 3


async def test_a_forward_answers_for_the_first_command_after_its_state_is_durable(runtime: Runtime) -> None:
    assert await runtime.units("Account", "DepositAndForward", 8) == 8
    runtime.restart()
    assert await runtime.units("Account", "Balance") == 8


async def test_forwards_that_go_round_are_refused(runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    failure = await runtime.run("Account", "ForwardToItself")
    assert failure == Failure("forwarded more than 16 times", StatusCode.INTERNAL)


async def test_side_effects_run_and_their_failure_does_not_reach_the_caller(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    assert await runtime.units("Account", "DepositWithEffects", 2) == 2
    await runtime.router.drain()
    assert [await runtime.units("Account", "Balance", key=key) for key in ("first", "second", "third")] == [2, 2, 2]
    assert "`test.Nowhere/Deposit`, side effect of `test.Account/DepositWithEffects`, failed" in caplog.text


@pytest.mark.parametrize(
    ("service", "command", "payload", "status", "text"),
    [
        ("test.Account", "Nothing", b"", StatusCode.UNIMPLEMENTED, "`test.Account/Nothing` is not served here"),
        ("test.Sums", "Count", b"", StatusCode.UNIMPLEMENTED, "is streamed and was called otherwise"),
        ("test.Account", "Deposit", b"\xff", StatusCode.INVALID_ARGUMENT, "is not valid protobuf"),
        ("test.Account", "Deposit", b"", StatusCode.INVALID_ARGUMENT, "the key of its message is empty"),
    ],
)
async def test_what_cannot_be_routed_says_why(
    runtime: Runtime, service: str, command: str, payload: bytes, status: StatusCode, text: str
) -> None:
    failure = await runtime.router.call(Request(service, command, payload))
    assert isinstance(failure, Failure)
    assert failure.status is status
    assert text in failure.description


async def test_different_entities_do_not_wait_for_each_other(runtime: Runtime) -> None:
    results = await asyncio.gather(*(runtime.units("Account", "DepositLater", n, f"k{n % 10}") for n in range(100)))
    assert max(results) == sum(range(9, 100, 10))
    assert await runtime.units("Account", "Balance", key="k0") == sum(range(0, 100, 10))


async def test_a_write_from_elsewhere_is_noticed_and_nothing_is_lost(runtime: Runtime) -> None:
    await runtime.units("Account", "Deposit", 5)
    history = await runtime.journal.load(EntityKey("account", "a"))
    foreign = Payload("type.googleapis.com/google.type.Date", b"\x08\x07")
    await runtime.journal.append(AppendEvents(EntityKey("account", "a"), history.sequence, (foreign,)))
    failure = await runtime.run("Account", "Deposit", 100)
    assert isinstance(failure, Failure)
    assert failure.status is StatusCode.ABORTED
    assert await runtime.units("Account", "Deposit", 1) == 13


async def test_an_event_of_an_unknown_type_fails_the_command_and_not_the_others(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    await runtime.journal.append(AppendEvents(EntityKey("account", "bad"), 0, (Payload("x/unknown.Event", b""),)))
    failure = await runtime.run("Account", "Balance", key="bad")
    assert isinstance(failure, Failure)
    assert "`account` entity `bad` failed while replaying (sequence 1)" in failure.description
    assert "no handler for stored events of type x/unknown.Event" in caplog.text
    assert "write an upcaster" in caplog.text
    assert await runtime.units("Account", "Balance", key="good") == 0


async def test_idle_entities_leave_memory_and_come_back(runtime: Runtime) -> None:
    await runtime.units("Account", "Deposit", 5)
    now = asyncio.get_running_loop().time()
    runtime.accounts.sweep(now + 29)
    assert len(runtime.accounts) == 1
    runtime.accounts.sweep(now + 31)
    assert len(runtime.accounts) == 0
    assert await runtime.units("Account", "Balance") == 5


async def test_memory_is_bounded_by_letting_the_longest_idle_go() -> None:
    runtime = Runtime(HostLimits(residents=10))
    for n in range(50):
        await runtime.units("Account", "Deposit", n, f"k{n}")
    assert len(runtime.accounts) <= 10
    assert await runtime.units("Account", "Balance", key="k7") == 7


async def test_more_commands_than_the_limits_allow_are_refused_and_can_be_tried_again() -> None:
    runtime = Runtime(HostLimits(waiting=3, in_flight=5))
    results = await asyncio.gather(*(runtime.run("Account", "Deposit", 1) for _ in range(10)))
    refused = [r for r in results if isinstance(r, Failure)]
    assert {r.status for r in refused} == {StatusCode.RESOURCE_EXHAUSTED}
    assert await runtime.units("Account", "Balance") == 10 - len(refused)


async def test_a_caller_that_goes_away_frees_its_place(runtime: Runtime) -> None:
    results: list[Result] = []
    payload = Money(currency_code="a", units=1).SerializeToString()
    abandon = runtime.router.unary(Request("test.Account", "Deposit", payload), results.append)
    assert abandon is not None
    abandon()
    await runtime.router.drain()
    assert results == []
    assert await runtime.units("Account", "Balance") in (0, 1)


async def each(*units: int) -> AsyncIterator[bytes]:
    for n in units:
        yield Money(units=n).SerializeToString()


@pytest.mark.parametrize(
    ("command", "sent", "received"),
    [("Count", [3], [0, 1, 2]), ("Total", [1, 2, 3], [6]), ("Total", [], [0]), ("Running", [1, 2, 3], [1, 3, 6])],
)
async def test_streamed_shapes(runtime: Runtime, command: str, sent: list[int], received: list[int]) -> None:
    replies = runtime.router.stream(Request("test.Sums", command, b""), each(*sent))
    assert [Money.FromString(reply.payload).units async for reply in replies] == received


async def test_a_unary_action(runtime: Runtime) -> None:
    assert await runtime.units("Sums", "Negate", 4) == -4


async def test_a_stream_ends_with_its_first_failure(runtime: Runtime) -> None:
    replies = runtime.router.stream(Request("test.Sums", "Running", b""), each(1, -1, 5))
    assert Money.FromString((await anext(replies)).payload).units == 1
    with pytest.raises(CommandRejected, match="only upwards") as caught:
        await anext(replies)
    assert caught.value.status is StatusCode.OUT_OF_RANGE


async def test_what_waits_and_what_lives_is_timed(runtime: Runtime) -> None:
    await asyncio.gather(*(runtime.units("Account", "DepositLater", 1) for _ in range(3)))
    metrics = runtime.accounts.metrics
    assert metrics.stashed_commands == metrics.unstashed_commands == sum(metrics.command_stash_time.counts) == 3
    assert metrics.entity_active_time.count == 0
    runtime.accounts.sweep(runtime.accounts.monotonic() + 1000)
    assert metrics.entity_active_time.count == metrics.passivated_entities == 1
    assert metrics.entity_active_time.total > 0
