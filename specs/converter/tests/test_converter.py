"""The converter's four shapes, its side effect and its forward, without a server."""

import pytest

from cloudstate.runtime.authoring import CommandRejected
from cloudstate.runtime.testing import ActionHarness
from conversion.conversion_pb2 import Celsius, CelsiusRange, CountedCelsius, Fahrenheit, GetCountRequest
from converter import Converter
from counting.counting_pb2 import GetTotalRequest, IncreaseRequest


@pytest.fixture
def converter() -> ActionHarness:
    return ActionHarness(Converter())


def test_one_in_one_out(converter: ActionHarness) -> None:
    assert converter.call("Convert", Celsius(degrees=100)) == Fahrenheit(degrees=212)


def test_many_in_one_out(converter: ActionHarness) -> None:
    assert converter.call("ConvertMean", Celsius(degrees=-10), Celsius(degrees=10)) == Fahrenheit(degrees=32)


def test_nothing_in_is_refused(converter: ActionHarness) -> None:
    with pytest.raises(CommandRejected, match="no mean of nothing"):
        converter.call("ConvertMean")


def test_one_in_many_out(converter: ActionHarness) -> None:
    replies = converter.replies("ConvertRange", [CelsiusRange(first=-5, last=5)])
    assert [reply.degrees for reply in replies][::5] == [23, 32, 41]
    assert len(replies) == 11


def test_an_empty_range_gives_nothing(converter: ActionHarness) -> None:
    assert converter.replies("ConvertRange", [CelsiusRange(first=1, last=0)]) == []


def test_many_in_many_out(converter: ActionHarness) -> None:
    replies = converter.replies("ConvertEach", [Celsius(degrees=d) for d in (0, 37, 100)])
    assert [reply.degrees for reply in replies] == pytest.approx([32, 98.6, 212])


@pytest.mark.parametrize("wait", [False, True])
def test_counting_is_a_side_effect(converter: ActionHarness, wait: bool) -> None:
    assert converter.call("ConvertCounted", CountedCelsius(counter_id="c", degrees=0, wait=wait)).degrees == 32
    [effect] = converter.side_effects
    assert (effect.service, effect.command, effect.synchronous) == ("com.example.counting.Counter", "Increase", wait)
    assert IncreaseRequest.FromString(effect.payload) == IncreaseRequest(counter_id="c", by=1)


def test_the_counter_answers_in_place_of_the_converter(converter: ActionHarness) -> None:
    assert converter.call("GetCount", GetCountRequest(counter_id="c")) is None
    [forward] = converter.forwards
    assert (forward.service, forward.command) == ("com.example.counting.Counter", "GetTotal")
    assert GetTotalRequest.FromString(forward.payload) == GetTotalRequest(counter_id="c")
