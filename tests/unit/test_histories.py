"""The checker of histories finds what is planted, and nothing in histories that are right."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.histories import Operation, violations


def add(begin: float, end: float, result: int) -> Operation:
    return Operation("c", True, begin, end, result)


def read(begin: float, end: float, result: int) -> Operation:
    return Operation("c", False, begin, end, result)


@given(st.integers(0, 2**32), st.integers(1, 60))
def test_what_one_counter_gives_is_right(seed: int, count: int) -> None:
    chance = random.Random(seed)
    value, history = 0, []
    moments = sorted(chance.random() for _ in range(count))
    for moment in moments:
        adds = chance.random() < 0.7
        value += adds
        history.append(Operation("c", adds, moment - chance.random() / 10, moment + chance.random() / 10, value))
    chance.shuffle(history)
    assert violations(history) == []


@pytest.mark.parametrize(
    ("history", "text"),
    [
        ([add(0, 1, 1), add(2, 3, 1)], "two adds made it 1: one was lost"),
        ([add(0, 1, 1), add(2, 3, 3)], "1 adds that nobody sent, the first made it 2: something was made twice"),
        ([add(0, 1, 1), add(2, 3, 2), read(4, 5, 1)], "a read saw 1 after it was 2: something was lost"),
        ([add(0, 1, 2), add(2, 3, 1)], "an add made it 1 after it was 2"),
        ([read(0, 1, 1), add(2, 3, 1)], "a read saw 1 before anybody asked for it"),
        ([read(0, 1, 5)], "5 adds that nobody sent"),
    ],
)
def test_what_cannot_be_is_found(history: list[Operation], text: str) -> None:
    assert any(text in found for found in violations(history))


def test_what_was_given_up_may_have_been_made_once() -> None:
    assert violations([add(0, 1, 2)], {"c": 1}) == []
    assert violations([add(0, 1, 3)], {"c": 1}) != []


def test_counters_are_apart() -> None:
    assert violations([add(0, 1, 1), Operation("d", True, 2, 3, 1)]) == []
