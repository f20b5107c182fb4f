"""Batches as rows: expected sequences, chains of events, states in place, names once."""

from __future__ import annotations

from cloudstate.runtime.journal import Answer, AppendEvents, EntityKey, Fence, Fenced, WriteValue, WrongExpectedSequence
from cloudstate.runtime.journal.sqlite.plan import NEW, Append, End, Head, Key, Plan, Planner, TakeOver
from cloudstate.runtime.payload import Payload

ALICE, BOB = EntityKey("cart", "alice"), EntityKey("cart", "bob")
ADDED, REMOVED = Payload("t/Added", b"a"), Payload("t/Removed", b"r")
CART = Payload("t/Cart", b"c")
TIME = 1_000_000
START = End(0, 0, 0)


def planned(
    *batch: Append,
    heads: dict[Key, Head] | None = None,
    names: dict[str, int] | None = None,
    epochs: dict[str, int] | None = None,
    end: End = START,
) -> Plan:
    known = heads or {}
    return Planner(end, lambda key: known.get(key, NEW), names or {}, epochs or {}, TIME).plan(batch)


def test_events_of_an_entity_are_a_chain() -> None:
    plan = planned(
        AppendEvents(ALICE, 0, (ADDED, ADDED)), AppendEvents(BOB, 0, (ADDED,)), AppendEvents(ALICE, 2, (ADDED,))
    )
    places = [(offset, id, sequence, previous) for offset, _, id, sequence, previous, _, _, _ in plan.events]
    assert places == [(1, "alice", 1, 0), (2, "alice", 2, 1), (3, "bob", 1, 0), (4, "alice", 3, 2)]
    assert plan.heads == {ALICE: (3, 4, 0, 0), BOB: (1, 3, 0, 0)}
    assert plan.end == (4, 0, 0)


def test_a_chain_goes_on_where_the_log_ends() -> None:
    plan = planned(AppendEvents(ALICE, 7, (ADDED,)), heads={ALICE: (7, 90, 4, 0)}, end=End(100, 5, 0))
    assert plan.events == [(101, 1, "alice", 8, 90, 2, TIME, b"a")]
    assert plan.heads == {ALICE: (8, 101, 4, 0)}
    assert plan.end == (101, 5, 0)


def test_names_are_numbered_once() -> None:
    plan = planned(AppendEvents(ALICE, 0, (ADDED, REMOVED, ADDED)), names={"other": 1, "t/Added": 2})
    assert plan.names == {"cart": 3, "t/Removed": 4}
    assert [row[5] for row in plan.events] == [2, 4, 2]


def test_state_keeps_its_number() -> None:
    plan = planned(AppendEvents(ALICE, 3, (ADDED,), CART), heads={ALICE: (3, 30, 12, 0)}, end=End(50, 20, 0))
    assert plan.states == {12: (12, 1, "alice", 4, 3, TIME, b"c", 0)}
    assert plan.heads == {ALICE: (4, 51, 12, 0)}
    assert plan.end == (51, 20, 0)


def test_new_states_are_numbered_in_order() -> None:
    plan = planned(WriteValue(ALICE, 0, CART), WriteValue(BOB, 0, CART), end=End(0, 20, 0))
    assert list(plan.states) == [21, 22]
    assert plan.end == (0, 22, 0)


def test_of_several_states_of_an_entity_the_last_is_written() -> None:
    plan = planned(WriteValue(ALICE, 0, CART), WriteValue(ALICE, 1, CART), WriteValue(ALICE, 2, None))
    assert plan.results == [1, 2, 3]
    assert list(plan.states.values()) == [(1, 1, "alice", 3, None, TIME, None, 0)]


def test_what_does_not_fit_leaves_no_trace() -> None:
    plan = planned(AppendEvents(BOB, 1, (REMOVED,), CART), AppendEvents(ALICE, 0, (ADDED,)), WriteValue(ALICE, 0, CART))
    wrong, right, stale = plan.results
    assert isinstance(wrong, WrongExpectedSequence)
    assert (wrong.entity_id, wrong.expected, wrong.actual) == ("bob", 1, 0)
    assert right == 1
    assert isinstance(stale, WrongExpectedSequence)
    assert stale.actual == 1
    assert (len(plan.events), plan.states, list(plan.heads)) == (1, {}, [ALICE])
    assert plan.names.keys() == {"cart", "t/Added"}


def test_what_is_kept_for_long_are_plain_tuples() -> None:
    plan = planned(AppendEvents(ALICE, 0, (ADDED,)), WriteValue(BOB, 0, CART))
    assert {type(each) for pair in plan.heads.items() for each in pair} == {tuple}


def test_answers_of_an_entity_are_a_chain_of_their_own() -> None:
    first, second = Answer(7, "a", b"1"), Answer(8, "b", b"2")
    plan = planned(
        AppendEvents(ALICE, 0, (ADDED,), answer=first),
        AppendEvents(BOB, 0, (ADDED,)),
        AppendEvents(ALICE, 1, (), answer=second),
        end=End(0, 0, 40),
    )
    assert plan.results == [1, 1, 1]
    assert plan.answers == [(41, 1, "alice", 7, 0, TIME, "a", b"1"), (42, 1, "alice", 8, 41, TIME, "b", b"2")]
    assert plan.heads == {ALICE: (1, 1, 0, 42), BOB: (1, 2, 0, 0)}
    assert plan.end == (2, 0, 42)


def test_who_takes_over_fences_the_rest_of_the_batch() -> None:
    old, new = Fence("s", 4), Fence("s", 5)
    plan = planned(
        AppendEvents(ALICE, 0, (ADDED,), fence=old),
        TakeOver("s"),
        AppendEvents(ALICE, 1, (ADDED,), fence=old),
        AppendEvents(ALICE, 1, (ADDED,), fence=new),
        epochs={"s": 4, "t": 9},
    )
    assert [plan.results[place] for place in (0, 1, 3)] == [1, 5, 2]
    fenced = plan.results[2]
    assert isinstance(fenced, Fenced)
    assert (fenced.shard, fenced.epoch, fenced.actual) == ("s", 4, 5)
    assert plan.epochs == {"s": 5}


def test_schema_of_a_snapshot_is_a_name() -> None:
    plan = planned(AppendEvents(ALICE, 0, (ADDED,), CART, "v1"))
    assert plan.names == {"cart": 1, "t/Added": 2, "t/Cart": 3, "v1": 4}
    assert plan.states[1][-1] == 4
