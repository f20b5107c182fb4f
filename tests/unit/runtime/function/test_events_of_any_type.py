"""Entities with ``google.protobuf.Any`` among their events: JSON and whatever else the spec does not name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.type.date_pb2 import Date
from google.type.money_pb2 import Money
from tests.unit.runtime.accounts import Account

from cloudstate.runtime.authoring import CommandRejected, EventSourcedContext, EventType
from cloudstate.runtime.testing import EntityHarness

JSON = AnyMessage(type_url="json.cloudstate.io/Deposit", value=b'\n\x0b{"units":7}')


class OpenAccount(Account):
    """Emits what ``next_event`` is; events of other types than Date are worth 1000."""

    definition = replace(Account.definition, events=(EventType("on_date", Date), EventType("on_any", AnyMessage)))
    next_event = JSON

    def deposit(self, command: Money, ctx: EventSourcedContext[Money]) -> Money:
        ctx.emit(self.next_event)
        return ctx.state

    def on_any(self, state: Money, event: AnyMessage) -> Money:
        assert event == JSON
        return Money(currency_code=state.currency_code, units=state.units + 1000)


def units(account: OpenAccount) -> int:
    """The state after a deposit, and again after a replay."""
    harness = EntityHarness(account, "a")
    harness.command("Deposit", Money(currency_code="a", units=1))
    found = int(harness.state.units)
    harness.restart()
    assert harness.state.units == found
    return found


def test_json_goes_to_the_handler_of_any_under_its_own_name() -> None:
    assert units(OpenAccount()) == 1000


def test_an_event_of_the_spec_in_an_any_goes_to_its_own_handler() -> None:
    account = OpenAccount()
    account.next_event = AnyMessage()
    account.next_event.Pack(Date(year=5))
    assert units(account) == 5


def test_without_a_type_there_is_no_event(caplog: pytest.LogCaptureFixture) -> None:
    account = OpenAccount()
    account.next_event = AnyMessage(value=b"x")
    harness = EntityHarness(account, "a")
    with pytest.raises(CommandRejected, match="Unexpected entity failure"):
        harness.command("Deposit", Money(currency_code="a", units=1))
    assert "emit() was given a google.protobuf.Any without a type_url" in caplog.text
