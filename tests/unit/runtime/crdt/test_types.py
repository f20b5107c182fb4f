"""What the laws do not say: which changes are refused, and that states hold no more facts than they need."""

from __future__ import annotations

import pytest

from cloudstate.runtime.crdt import (
    TYPES,
    Audience,
    Author,
    Change,
    ChangeRefused,
    Clock,
    EntryChange,
    FlagChange,
    GCounterChange,
    GCounterValue,
    GSetChange,
    Inexpressible,
    Kind,
    KindConflict,
    LWWRegisterChange,
    LWWRegisterValue,
    ORMapChange,
    ORMapValue,
    ORSetChange,
    ORSetValue,
    PNCounterChange,
    State,
    VoteChange,
    VoteValue,
    merge,
    mutate,
    value_of,
)
from cloudstate.runtime.payload import Payload

A, B, C, D = (Payload("t/E", letter) for letter in (b"a", b"b", b"c", b"d"))
ALONE = Audience("n", frozenset({"n"}))


def made(*changes: Change, node: str = "n", state: State | None = None, now: int = 0) -> State:
    """The state after some changes by one node."""
    state = state or State(changes[0].kind)
    for change in changes:
        state = merge(state, mutate(state, change, Author(node, node, now)))
    return state


@pytest.mark.parametrize(
    ("state", "change", "text"),
    [
        (State(Kind.GCOUNTER), GCounterChange(-1), "GCounter: an increment of -1: it cannot be decremented"),
        (State(Kind.GCOUNTER), GCounterChange(2**64 - 1), "it cannot be decremented"),
        (made(GCounterChange(2**63 - 1)), GCounterChange(1), "GCounter: an increment of 1 goes beyond 63 bits"),
        (made(PNCounterChange(-(2**63))), PNCounterChange(-1), "PNCounter: a change of -1 goes beyond 64 bits"),
        (made(FlagChange(True)), FlagChange(False), "Flag: it is on and cannot be switched off"),
        (State(Kind.FLAG), VoteChange(True), "Flag: a change of a Vote does not fit"),
        (
            made(LWWRegisterChange(A, Clock.CUSTOM, 2**63 - 1)),
            LWWRegisterChange(A, Clock.CUSTOM_AUTO_INCREMENT),
            "LWWRegister: a clock of 9223372036854775808 goes beyond 64 bits",
        ),
    ],
)
def test_a_change_that_the_type_does_not_have_is_refused(state: State, change: Change, text: str) -> None:
    with pytest.raises(ChangeRefused) as caught:
        mutate(state, change, Author("n", "n", 0))
    assert text in str(caught.value)
    assert caught.value.kind is state.kind


@pytest.mark.parametrize(
    ("state", "change"),
    [
        (State(Kind.GCOUNTER), GCounterChange(0)),
        (State(Kind.PNCOUNTER), PNCounterChange(0)),
        (made(GSetChange((A,))), GSetChange((A, A))),
        (made(ORSetChange(added=(A,))), ORSetChange(removed=(B,))),
        (State(Kind.ORSET), ORSetChange(cleared=True)),
        (made(LWWRegisterChange(A, Clock.CUSTOM, 5)), LWWRegisterChange(B, Clock.CUSTOM, 4)),
        (State(Kind.FLAG), FlagChange(False)),
        (made(FlagChange(True)), FlagChange(True)),
        (made(VoteChange(True)), VoteChange(True)),
        (State(Kind.VOTE), VoteChange(False)),
        (State(Kind.ORMAP), ORMapChange(removed=(A,), updated=(EntryChange(A, FlagChange(True)),))),
    ],
)
def test_a_change_without_effect_gives_an_empty_delta(state: State, change: Change) -> None:
    assert mutate(state, change, Author("n", "n", 0)) == State(state.kind)


CHILD = EntryChange(A, PNCounterChange(1))


@pytest.mark.parametrize(
    ("changes", "facts"),
    [
        ([GCounterChange(1)] * 9, 1),
        ([PNCounterChange(1), PNCounterChange(-1)], 1),
        ([GSetChange((A, B))] * 9, 2),
        ([ORSetChange(added=(A, B))] * 9, 2),
        ([ORSetChange(removed=(A,), added=(A,))] * 9, 1),
        ([LWWRegisterChange(A)] * 9, 1),
        ([VoteChange(True), VoteChange(False), VoteChange(True)], 1),
        ([ORMapChange(added=(CHILD,)), ORMapChange(updated=(CHILD,))], 2),
        ([ORMapChange(added=(CHILD,)), ORMapChange(added=(EntryChange(A, FlagChange(True)),))], 2),
        ([ORMapChange(added=(CHILD,)), ORMapChange(removed=(A,))], 0),
    ],
)
def test_a_state_holds_no_more_than_it_needs(changes: list[Change], facts: int) -> None:
    """However long the history is: facts by their number, and one span for the node."""
    state = made(*changes)
    assert len(state.facts) == facts
    assert [len(spans) for spans in state.context.spans.values()] == [1]


def test_a_change_and_a_concurrent_removal_of_its_key_leave_the_key() -> None:
    both = made(ORMapChange(added=(CHILD,)))
    one = made(ORMapChange(removed=(A,)), node="m", state=both)
    other = made(ORMapChange(updated=(EntryChange(A, PNCounterChange(0)),)), state=both)
    value = value_of(merge(one, other), ALONE)
    assert isinstance(value, ORMapValue)
    assert set(value.entries) == {A}


def test_the_lower_type_is_shown_where_a_key_was_created_twice() -> None:
    one = made(ORMapChange(added=(EntryChange(A, FlagChange(True)),)))
    other = made(ORMapChange(added=(EntryChange(A, GCounterChange(3)),)), node="m")
    both = merge(one, other)
    assert value_of(both, ALONE) == ORMapValue({A: GCounterValue(3)})
    assert value_of(made(ORMapChange(removed=(A,)), state=both), ALONE) == ORMapValue()


def test_maps_go_sixteen_levels_deep() -> None:
    change: Change = PNCounterChange(1)
    for _ in range(16):
        change = ORMapChange(added=(EntryChange(A, change),))
    made(change)
    with pytest.raises(ChangeRefused, match="more than 16 maps in each other"):
        made(ORMapChange(added=(EntryChange(A, change),)))


@pytest.mark.parametrize(
    ("clock", "first", "second", "wins"),
    [
        (Clock.DEFAULT, 10, 5, B),  # the clock has gone back, but the author has seen what it replaces
        (Clock.REVERSE, 10, 15, A),
        (Clock.REVERSE, 10, 5, A),
        (Clock.CUSTOM, 0, 0, B),
        (Clock.CUSTOM_AUTO_INCREMENT, 0, 0, B),
    ],
)
def test_which_write_of_one_author_wins(clock: Clock, first: int, second: int, wins: Payload) -> None:
    state = made(LWWRegisterChange(A, clock, 7), now=first)
    assert value_of(made(LWWRegisterChange(B, clock, 7), state=state, now=second), ALONE) == LWWRegisterValue(wins)


def test_only_members_vote() -> None:
    state = made(VoteChange(True), node="m", state=made(VoteChange(True)))
    assert value_of(state, ALONE) == VoteValue(True, 1, 1)
    assert value_of(state, Audience("n", frozenset({"n", "m", "x"}))) == VoteValue(True, 2, 3)
    assert value_of(state, Audience("m/2", frozenset({"n", "m/2"}))) == VoteValue(False, 1, 2)


def test_a_vote_replaces_those_of_the_same_member_and_of_the_dead_with_the_same_name() -> None:
    votes = [
        mutate(State(Kind.VOTE), VoteChange(True), Author(node, me, 0)) for node, me in (("n", "old"), ("m", "me"))
    ]
    state = merge(*votes)
    taken_over = mutate(state, VoteChange(True), Author("n", "me", 0))
    assert set(merge(state, taken_over).facts.values()) == {"me"}
    kept = mutate(state, VoteChange(False), Author("n", "me", 0, frozenset({"old"})))
    assert set(merge(state, kept).facts.values()) == {"old"}


def test_differences_of_sets_say_it_the_short_way() -> None:
    orset = TYPES[Kind.ORSET]
    full, half = ORSetValue(frozenset({A, B, C})), ORSetValue(frozenset({A, B}))
    assert orset.difference(full, ORSetValue()) == ORSetChange(cleared=True)
    assert orset.difference(full, half) == ORSetChange(removed=(C,))
    assert orset.difference(full, ORSetValue(frozenset({D}))) == ORSetChange(cleared=True, added=(D,))
    assert orset.difference(ORSetValue(), half) == ORSetChange(added=(A, B))


def test_what_cannot_shrink_has_no_difference_backwards() -> None:
    with pytest.raises(Inexpressible):
        TYPES[Kind.GCOUNTER].difference(GCounterValue(2), GCounterValue(1))
    before, after = ORMapValue({A: GCounterValue(2)}), ORMapValue({A: GCounterValue(1)})
    replaced = ORMapChange(removed=(A,), added=(EntryChange(A, GCounterChange(1)),))
    assert TYPES[Kind.ORMAP].difference(before, after) == replaced


def test_types_do_not_merge_with_each_other() -> None:
    with pytest.raises(KindConflict) as caught:
        merge(State(Kind.GSET), State(Kind.ORSET))
    assert (caught.value.here, caught.value.there) == (Kind.GSET, Kind.ORSET)
