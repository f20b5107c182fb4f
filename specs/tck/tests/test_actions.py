"""The action model in the four shapes of a call, without a server."""

import pytest

from actions import ActionTckModel, ActionTwo
from cloudstate.runtime.authoring import CommandRejected
from cloudstate.runtime.testing import ActionHarness
from tck.action_pb2 import (
    Fail,
    Forward,
    OtherRequest,
    ProcessGroup,
    ProcessStep,
    Reply,
    Request,
    Response,
    SideEffect,
)


@pytest.fixture
def model() -> ActionHarness:
    return ActionHarness(ActionTckModel())


def reply(message: str) -> ProcessStep:
    return ProcessStep(reply=Reply(message=message))


def effect(target: str) -> ProcessStep:
    return ProcessStep(effect=SideEffect(id=target))


def request(*groups: list[ProcessStep]) -> Request:
    return Request(groups=[ProcessGroup(steps=steps) for steps in groups])


def test_all_steps_of_a_unary_call_make_one_answer(model: ActionHarness) -> None:
    assert model.call("ProcessUnary", request([reply("one"), effect("a")], [reply("two"), effect("b")])) == Response(
        message="two"
    )
    assert [OtherRequest.FromString(it.payload).id for it in model.side_effects] == ["a", "b"]


def test_a_call_may_have_no_answer(model: ActionHarness) -> None:
    assert model.call("ProcessUnary", request([effect("a")])) is None
    assert len(model.side_effects) == 1


def test_a_forward(model: ActionHarness) -> None:
    assert model.call("ProcessUnary", request([ProcessStep(forward=Forward(id="f"))])) is None
    [forward] = model.forwards
    assert (forward.service, forward.command) == ("cloudstate.tck.model.action.ActionTwo", "Call")


def test_side_effects_of_a_failure_are_kept(model: ActionHarness) -> None:
    with pytest.raises(CommandRejected, match="no"):
        model.call("ProcessUnary", request([effect("a"), ProcessStep(fail=Fail(message="no"))]))
    assert len(model.side_effects) == 1


def test_streams(model: ActionHarness) -> None:
    one, two = request([reply("one")]), request([reply("two")], [reply("three")])
    assert model.call("ProcessStreamedIn", one, two) == Response(message="three")
    assert [it.message for it in model.replies("ProcessStreamedOut", [two])] == ["two", "three"]
    assert [it.message for it in model.replies("ProcessStreamed", [one, two])] == ["one", "two", "three"]


def test_the_other_answers_with_nothing() -> None:
    assert ActionHarness(ActionTwo()).call("Call", OtherRequest(id="x")) == Response()
