"""The entity harness: replies, events and refusals come out, and what production would not forgive fails the test."""

from __future__ import annotations

import pytest
from google.type.date_pb2 import Date
from google.type.money_pb2 import Money
from tests.unit.runtime.accounts import Account, Note

from cloudstate.runtime.authoring import CommandRejected, EventSourcedContext, StatusCode
from cloudstate.runtime.entity.messages import Forward
from cloudstate.runtime.testing import EntityHarness


@pytest.fixture
def account() -> EntityHarness:
    return EntityHarness(Account(), "mine")


@pytest.fixture
def note() -> EntityHarness:
    return EntityHarness(Note())


def test_a_command_gives_its_reply_and_leaves_its_events(account: EntityHarness) -> None:
    assert account.command("Deposit", Money(units=5)).units == 5
    assert account.events == [Date(year=5)]
    assert account.command("DepositTwice", Money(units=2)) == Money(units=9)
    assert account.events == [Date(year=2), Date(year=2)]
    assert account.state == Money(units=9)


def test_a_read_has_no_events(account: EntityHarness) -> None:
    account.command("Deposit", Money(units=5))
    account.command("Balance", Money())
    assert account.events == []


def test_async_handlers_are_waited_for(account: EntityHarness) -> None:
    account.command("DepositLater", Money(units=5))
    assert account.state == Money(units=5)


def test_a_refused_command_leaves_nothing(account: EntityHarness) -> None:
    account.command("Deposit", Money(units=5))
    with pytest.raises(CommandRejected, match="changed my mind") as refused:
        account.command("EmitThenReject", Money(units=100))
    assert refused.value.status is StatusCode.ABORTED
    assert account.events == []
    assert account.state == Money(units=5)
    assert account.command("Deposit", Money(units=1)).units == 6


def test_a_failed_command_leaves_nothing_and_tells_the_caller_nothing(account: EntityHarness) -> None:
    with pytest.raises(CommandRejected, match=r"^Unexpected entity failure$") as refused:
        account.command("EmitThenCrash", Money(units=100))
    assert refused.value.status is StatusCode.UNKNOWN
    assert account.state == Money()


@pytest.mark.parametrize("command", ["EmitInRead", "WrongReply", "WrongEvent"])
def test_what_production_refuses_is_refused(account: EntityHarness, command: str) -> None:
    with pytest.raises(CommandRejected):
        account.command(command, Money(units=1))
    assert account.state == Money()


def test_a_forward_is_shown_and_not_followed(account: EntityHarness) -> None:
    assert account.command("DepositAndForward", Money(units=5)) is None
    assert isinstance(account.forward, Forward)
    assert (account.forward.service, account.forward.command) == ("test.Account", "Balance")
    assert Money.FromString(account.forward.payload) == Money(currency_code="mine")
    account.command("Balance", Money())
    assert account.forward is None


def test_side_effects_are_shown_and_not_run(account: EntityHarness) -> None:
    account.command("DepositWithEffects", Money(units=5))
    assert [effect.synchronous for effect in account.side_effects] == [True, True, False, True]
    assert account.side_effects[3].service == "test.Nowhere"
    account.command("Balance", Money())
    assert account.side_effects == ()


def test_a_restart_reads_what_was_kept_through_snapshots(account: EntityHarness) -> None:
    for _ in range(11):  # a snapshot every 4 events
        account.command("Deposit", Money(units=1))
    account.restart()
    assert account.state == Money(units=11)
    assert account.command("Deposit", Money(units=1)).units == 12


class Careless(Account):
    """Changes the state without an event."""

    def deposit(self, command: Money, ctx: EventSourcedContext[Money]) -> Money:
        ctx.state.nanos = 1
        ctx.emit(Date(year=command.units))
        return ctx.state


class Unsteady(Account):
    """Folds events by what it has seen before, and not by the state alone."""

    def on_date(self, state: Money, event: Date) -> Money:
        self.replayed += 1
        state.units += event.year * self.replayed
        return state


@pytest.mark.parametrize("entity", [Careless, Unsteady])
def test_what_a_replay_would_lose_fails_the_test(entity: type[Account]) -> None:
    with pytest.raises(AssertionError, match="replaying the journal gives another state"):
        EntityHarness(entity()).command("Deposit", Money(units=1))


def test_a_value_is_written_read_and_deleted(note: EntityHarness) -> None:
    assert note.state is None
    assert note.command("Get", Money()).units == -404
    note.command("Put", Money(units=3))
    assert note.state == Money(units=3)
    note.restart()
    assert note.command("Get", Money()).units == 3
    note.command("Drop", Money())
    assert note.state is None


def test_a_value_is_not_written_by_a_refused_command(note: EntityHarness) -> None:
    note.command("Put", Money(units=3))
    with pytest.raises(CommandRejected, match="no"):
        note.command("PutThenReject", Money(units=4))
    assert note.state == Money(units=3)


def test_unknown_commands_are_a_mistake_of_the_test(note: EntityHarness) -> None:
    with pytest.raises(KeyError, match=r"`Burn` is no command of Note, which has .*Put, "):
        note.command("Burn", Money())


def test_messages_of_another_type_are_a_mistake_of_the_test(note: EntityHarness) -> None:
    with pytest.raises(TypeError, match="`Put` of Note takes Money, not Date"):
        note.command("Put", Date(year=3))
