"""Who must have a change before its command is answered."""

from __future__ import annotations

from cloudstate.runtime.entity.crdt_messages import Consistency
from cloudstate.runtime.replication.items import Acked
from cloudstate.runtime.replication.spreads import AGAIN, Again, Result, Spreads, Waiter

FIVE = frozenset("abcde")
ITEM = Acked(1)
MAJORITY, ALL = Waiter(Consistency.MAJORITY, "m"), Waiter(Consistency.ALL, "a")


def spreads(*waiters: Waiter, members: frozenset[str] = FIVE) -> Spreads:
    """Of member ``a``, with one change under way."""
    found = Spreads("a", members, limit=5.0)
    assert found.begin(1, ITEM, list(waiters), 100.0) == []
    return found


def test_a_majority_counts_this_member() -> None:
    at = spreads(MAJORITY)
    assert at.acked(1, "b") == []
    assert at.acked(1, "b") == []
    assert at.acked(1, "c") == [Result("m", True)]
    assert at.acked(1, "d") == []
    assert len(at) == 0


def test_all_are_all() -> None:
    at = spreads(MAJORITY, ALL)
    assert [at.acked(1, member) for member in "bcde"] == [[], [Result("m", True)], [], [Result("a", True)]]


def test_whoever_is_alone_has_everything() -> None:
    assert Spreads("a", {"a"}, 5.0).begin(1, ITEM, [MAJORITY, ALL], 0.0) == [Result("m", True), Result("a", True)]


def test_whoever_leaves_is_not_waited_for() -> None:
    at = spreads(ALL)
    for member in "bcd":
        at.acked(1, member)
    assert at.members_changed(frozenset("abcd")) == [Result("a", True)]


def test_a_cluster_that_shrinks_makes_no_majority() -> None:
    """Two of five are no majority, even if nobody else is left."""
    at = spreads(MAJORITY, ALL)
    at.acked(1, "b")
    assert at.members_changed(frozenset("ab")) == []
    assert at.due(105.0) == ([], [Result("m", False), Result("a", False)])


def test_a_cluster_that_grows_needs_more() -> None:
    at = spreads(MAJORITY, ALL, members=frozenset("abc"))
    at.members_changed(FIVE)
    assert at.acked(1, "b") == []
    assert at.acked(1, "d") == [Result("m", True)]
    assert [at.acked(1, member) for member in "ce"] == [[], [Result("a", True)]]


def test_it_is_sent_again_to_whoever_has_not_answered() -> None:
    at = spreads(ALL)
    at.acked(1, "c")
    assert at.due(100.0) == ([], [])
    assert at.due(100.0 + AGAIN) == ([Again(frozenset("bde"), ITEM)], [])
    assert at.due(100.0 + 2 * AGAIN) == ([], [])
    assert at.due(100.0 + 3 * AGAIN) == ([Again(frozenset("bde"), ITEM)], [])


def test_an_unknown_number_is_nothing() -> None:
    assert spreads(ALL).acked(2, "b") == []
