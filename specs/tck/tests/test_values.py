"""The value model, step by step, without a server."""

import pytest

from cloudstate.runtime.authoring import CommandRejected
from cloudstate.runtime.testing import EntityHarness
from tck.valueentity_pb2 import Delete, Effect, Fail, Forward, Persisted, Request, RequestAction, Response, Update
from values import ValueEntityConfigured, ValueEntityTckModel, ValueEntityTwo


@pytest.fixture
def model() -> EntityHarness:
    return EntityHarness(ValueEntityTckModel(), "x")


def update(value: str) -> RequestAction:
    return RequestAction(update=Update(value=value))


def process(model: EntityHarness, *steps: RequestAction) -> str | None:
    response = model.command("Process", Request(id="x", actions=steps))
    return None if response is None else str(response.message)


def test_the_last_change_counts(model: EntityHarness) -> None:
    assert process(model) == ""
    assert model.state is None
    assert process(model, update("A"), update("B")) == "B"
    assert model.state == Persisted(value="B")
    assert process(model, update("C"), RequestAction(delete=Delete())) == ""
    assert model.state is None


def test_a_refusal_takes_everything_back(model: EntityHarness) -> None:
    process(model, update("A"))
    with pytest.raises(CommandRejected, match="no"):
        process(model, update("B"), RequestAction(fail=Fail(message="no")))
    assert process(model) == "A"


def test_a_forward_and_side_effects(model: EntityHarness) -> None:
    steps = [RequestAction(forward=Forward(id="f")), RequestAction(effect=Effect(id="e")), update("A")]
    assert process(model, *steps) is None
    assert model.forward is not None
    assert Request.FromString(model.forward.payload) == Request(id="f")
    [effect] = model.side_effects
    assert (effect.service, effect.synchronous) == ("cloudstate.tck.model.valueentity.ValueEntityTwo", False)
    assert model.state == Persisted(value="A")


@pytest.mark.parametrize("entity", [ValueEntityTwo, ValueEntityConfigured])
def test_the_others_answer_with_nothing(entity: type[ValueEntityTwo | ValueEntityConfigured]) -> None:
    assert EntityHarness(entity(), "x").command("Call", Request(id="x")) == Response()
