"""What is announced, when, and until when."""

from __future__ import annotations

from itertools import pairwise

from cloudstate.runtime.journal import EntityKey
from cloudstate.runtime.replication.comparison import LONGEST_QUIET, QUIET, RAREST, Comparison

KEY, OTHER = EntityKey("t", "1"), EntityKey("t", "2")


def comparison(most: int = 100) -> Comparison:
    return Comparison("a", frozenset("abc"), most)


def test_a_quiet_entity_is_announced_until_all_others_have_the_same() -> None:
    at = comparison()
    at.changed(KEY, 0.0)
    assert at.due(QUIET / 2, 10) == []
    assert at.due(QUIET, 10) == [KEY]
    at.announced(KEY, b"x", QUIET)
    at.confirmed(KEY, b"x", "b")
    at.confirmed(KEY, b"old", "c")
    assert at.due(1e9, 10) == [KEY]
    at.confirmed(KEY, b"x", "c")
    assert len(at) == 0


def test_what_is_changed_all_the_time_is_announced_all_the_same() -> None:
    at = comparison()
    now = 0.0
    while not at.due(now, 10):
        at.changed(KEY, now)
        now += QUIET / 2
    assert now <= LONGEST_QUIET + QUIET


def test_announcements_become_rare() -> None:
    at = comparison()
    at.changed(KEY, 0.0)
    times, now = [0.0], 0.0
    while now < 200.0:
        now += 0.25
        if at.due(now, 10):
            at.announced(KEY, b"x", now)
            times.append(now)
    pauses = [after - before for before, after in pairwise(times)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == RAREST


def test_a_change_makes_it_begin_anew() -> None:
    at = comparison()
    at.changed(KEY, 0.0)
    at.announced(KEY, b"x", 1.0)
    at.confirmed(KEY, b"x", "b")
    at.changed(KEY, 2.0)
    assert at.digest(KEY) == b""
    at.announced(KEY, b"y", 3.0)
    at.confirmed(KEY, b"y", "c")
    assert len(at) == 1


def test_members_that_come_are_compared_with_and_those_that_go_are_not() -> None:
    at = comparison()
    at.members_changed(frozenset("abcd"), [KEY], 0.0)
    at.announced(KEY, b"x", 1.0)
    at.confirmed(KEY, b"x", "d")
    at.members_changed(frozenset("ad"), [], 2.0)
    at.confirmed(KEY, b"x", "d")
    assert len(at) == 0
    at.members_changed(frozenset("a"), [KEY], 3.0)
    at.changed(KEY, 3.0)
    assert len(at) == 0


def test_what_is_too_much_is_forgotten_and_known_to_be() -> None:
    at = comparison(most=1)
    at.changed(KEY, 0.0)
    at.changed(OTHER, 0.0)
    assert at.due(1.0, 10) == [OTHER]
    assert at.is_overfull


def test_a_tick_announces_so_many_and_then_the_others() -> None:
    at = comparison()
    keys = [EntityKey("t", str(number)) for number in range(5)]
    for key in keys:
        at.changed(key, 0.0)
    first = at.due(1.0, 3)
    for key in first:
        at.announced(key, b"x", 1.0)
    assert sorted(first + at.due(1.0, 3)) == keys
