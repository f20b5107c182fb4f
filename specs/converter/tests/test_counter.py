"""The counter's rules, without a server."""

import pytest

from cloudstate.runtime.authoring import CommandRejected, StatusCode
from cloudstate.runtime.testing import EntityHarness
from counter import Counter
from counting.counting_pb2 import GetTotalRequest, Increased, IncreaseRequest, Total


@pytest.fixture
def counter() -> EntityHarness:
    return EntityHarness(Counter(), "c")


def test_it_counts(counter: EntityHarness) -> None:
    assert counter.command("Increase", IncreaseRequest(counter_id="c", by=2)) == Total(value=2)
    assert counter.command("Increase", IncreaseRequest(counter_id="c", by=3)) == Total(value=5)
    assert counter.events == [Increased(by=3)]
    assert counter.command("GetTotal", GetTotalRequest(counter_id="c")) == Total(value=5)


def test_it_only_grows(counter: EntityHarness) -> None:
    with pytest.raises(CommandRejected) as refused:
        counter.command("Increase", IncreaseRequest(counter_id="c", by=0))
    assert refused.value.status is StatusCode.INVALID_ARGUMENT
    assert counter.events == []


def test_it_remembers_past_a_snapshot(counter: EntityHarness) -> None:
    for _ in range(60):
        counter.command("Increase", IncreaseRequest(counter_id="c", by=1))
    counter.restart()
    assert counter.command("GetTotal", GetTotalRequest(counter_id="c")) == Total(value=60)
