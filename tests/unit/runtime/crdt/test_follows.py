"""Which changes may be merged into what is known."""

from __future__ import annotations

from cloudstate.runtime.crdt import UNKNOWN, Author, Context, Dot, GCounterChange, ORSetChange, Record, State
from cloudstate.runtime.crdt.record import changed, deleted, follows, merged
from cloudstate.runtime.payload import Payload

ANN, BEN = Author("ann", "ann", 0), Author("ben", "ben", 0)
SEAT = Payload("t/Seat", b"1")


def counts(record: Record, times: int) -> list[Record]:
    """The deltas of one author's changes."""
    deltas = []
    for _ in range(times):
        delta = changed(record, GCounterChange(1), ANN)
        record = merged(record, delta)
        deltas.append(delta)
    return deltas


def test_changes_of_one_author_follow_each_other() -> None:
    first, second, third = counts(UNKNOWN, 3)
    assert follows(first, UNKNOWN, Dot("ann", 0))
    assert not follows(third, first, Dot("ann", 2))
    assert follows(third, merged(first, second), Dot("ann", 2))
    assert follows(first, merged(first, second), Dot("ann", 0))


def test_what_it_takes_back_must_be_known() -> None:
    added = changed(UNKNOWN, ORSetChange(added=(SEAT,)), ANN)
    removed = changed(added, ORSetChange(removed=(SEAT,)), BEN)
    assert not follows(removed, UNKNOWN, Dot("ben", 0))
    assert follows(removed, added, Dot("ben", 0))


def test_deletions_and_older_generations_always_follow() -> None:
    (first,) = counts(UNKNOWN, 1)
    gone = deleted(first)
    assert follows(gone, UNKNOWN, Dot("ann", 0))
    assert follows(first, gone, Dot("ann", 5))
    again = merged(gone, changed(gone, GCounterChange(1), BEN))
    assert follows(first, again, Dot("ann", 5))


def test_a_newer_generation_begins_with_its_first_change() -> None:
    (first,) = counts(UNKNOWN, 1)
    one, two = counts(deleted(first), 2)
    assert follows(one, first, Dot("ann", 0))
    assert not follows(two, first, Dot("ann", 1))


def test_a_settled_type_follows_anything() -> None:
    assert follows(Record(0, State(changed(UNKNOWN, GCounterChange(1), ANN).state.kind)), UNKNOWN, Dot("ann", 0))  # type: ignore[union-attr]


def test_a_context_reaches_what_it_has_without_gaps() -> None:
    context = Context.of([Dot("ann", 1), Dot("ann", 2), Dot("ann", 4), Dot("ben", 2)])
    assert [context.reaches(Dot("ann", number)) for number in range(5)] == [True, True, True, False, False]
    assert [context.reaches(Dot("ben", number)) for number in range(3)] == [True, False, False]
    assert context.reaches(Dot("cleo", 0))
