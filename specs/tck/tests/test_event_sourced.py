"""The event-sourced model, step by step, without a server."""

import pytest

from cloudstate.runtime.authoring import CommandRejected
from cloudstate.runtime.testing import EntityHarness
from event_sourced import EventSourcedConfigured, EventSourcedTckModel, EventSourcedTwo
from tck.eventsourced_pb2 import Effect, Emit, Fail, Forward, Persisted, Request, RequestAction, Response


@pytest.fixture
def model() -> EntityHarness:
    return EntityHarness(EventSourcedTckModel(), "x")


def emit(value: str) -> RequestAction:
    return RequestAction(emit=Emit(value=value))


def process(model: EntityHarness, *steps: RequestAction) -> str | None:
    response = model.command("Process", Request(id="x", actions=steps))
    return None if response is None else str(response.message)


def test_events_add_up_and_survive(model: EntityHarness) -> None:
    assert process(model) == ""
    assert process(model, emit("A"), emit("B")) == "AB"
    assert model.events == [Persisted(value="A"), Persisted(value="B")]
    model.restart()
    assert process(model) == "AB"


def test_a_refusal_takes_everything_back(model: EntityHarness) -> None:
    process(model, emit("A"))
    with pytest.raises(CommandRejected, match="no"):
        process(model, emit("B"), RequestAction(fail=Fail(message="no")), emit("C"))
    assert process(model) == "A"


def test_a_forward_and_side_effects(model: EntityHarness) -> None:
    steps = [emit("A"), RequestAction(forward=Forward(id="f")), RequestAction(effect=Effect(id="e", synchronous=True))]
    assert process(model, *steps) is None
    assert model.forward is not None
    assert (model.forward.service, model.forward.command) == ("cloudstate.tck.model.EventSourcedTwo", "Call")
    [effect] = model.side_effects
    assert (Request.FromString(effect.payload), effect.synchronous) == (Request(id="e"), True)
    assert model.events == [Persisted(value="A")]


@pytest.mark.parametrize("entity", [EventSourcedTwo, EventSourcedConfigured])
def test_the_others_answer_with_nothing(entity: type[EventSourcedTwo | EventSourcedConfigured]) -> None:
    assert EntityHarness(entity(), "x").command("Call", Request(id="x")) == Response()
