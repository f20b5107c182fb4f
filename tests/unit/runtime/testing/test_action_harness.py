"""The action harness: calls of all four shapes, what they lead to, and how they are refused."""

from __future__ import annotations

import pytest
from google.type.money_pb2 import Money
from tests.unit.runtime.accounts import Sums

from cloudstate.runtime.authoring import ActionContext, Call, CommandRejected, Forward, StatusCode
from cloudstate.runtime.testing import ActionHarness


@pytest.fixture
def sums() -> ActionHarness:
    return ActionHarness(Sums())


def units(*amounts: int) -> list[Money]:
    return [Money(units=amount) for amount in amounts]


def test_one_for_one(sums: ActionHarness) -> None:
    assert sums.call("Negate", Money(units=3)) == Money(units=-3)


def test_one_for_many(sums: ActionHarness) -> None:
    assert sums.replies("Count", units(3)) == units(0, 1, 2)
    assert sums.replies("Count", units(0)) == []


def test_many_for_one(sums: ActionHarness) -> None:
    assert sums.call("Total", *units(1, 2, 3)) == Money(units=6)
    assert sums.call("Total") == Money()


def test_many_for_many(sums: ActionHarness) -> None:
    assert sums.replies("Running", units(1, 2, 3)) == units(1, 3, 6)


def test_a_refusal_in_a_stream(sums: ActionHarness) -> None:
    with pytest.raises(CommandRejected, match="only upwards") as refused:
        sums.replies("Running", units(1, -1))
    assert refused.value.status is StatusCode.OUT_OF_RANGE


def test_unknown_commands_are_a_mistake_of_the_test(sums: ActionHarness) -> None:
    with pytest.raises(KeyError):
        sums.call("Multiply", Money())


class Leading(Sums):
    """Leads to other commands, or breaks."""

    def negate(self, command: Money, ctx: ActionContext) -> Forward[Money]:
        if command.units == 0:
            raise ZeroDivisionError("secret details")
        ctx.effect(Call[Money]("test.Note", "Put", command))
        return Call[Money]("test.Note", "Get", command).forward()


def test_effects_and_forwards_are_shown_and_not_followed() -> None:
    leading = ActionHarness(Leading())
    assert leading.call("Negate", Money(units=1)) is None
    assert [(effect.service, effect.command) for effect in leading.side_effects] == [("test.Note", "Put")]
    assert [(forward.service, forward.command) for forward in leading.forwards] == [("test.Note", "Get")]
    leading.replies("Count", units(1))
    assert (leading.side_effects, leading.forwards) == ([], [])


def test_an_exception_tells_the_caller_nothing() -> None:
    with pytest.raises(CommandRejected, match=r"^Unexpected action failure$") as refused:
        ActionHarness(Leading()).call("Negate", Money())
    assert refused.value.status is StatusCode.UNKNOWN
