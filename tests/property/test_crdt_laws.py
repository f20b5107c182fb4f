"""The laws of the eight data types, each law once for all types. `make laws` tries every one 10,000 times per type."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.property.crdt import naive
from tests.property.crdt.histories import AUDIENCE, NODES, Step, World, change, played, steps

from cloudstate.runtime.crdt import (
    TYPES,
    EncodingInvalid,
    Inexpressible,
    Kind,
    Record,
    State,
    decode,
    encode,
    includes,
    merge,
    value_of,
)
from cloudstate.runtime.crdt import messages as crdt_messages
from cloudstate.runtime.crdt.context import Context

every_type = pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.title)
numbers = st.integers(0, 9999)


def some(world: World, number: int) -> State:
    """A state or a delta of a world."""
    pool = [*world.states, *(op.delta for op in world.ops)]
    return pool[number % len(pool)]


@every_type
@given(history=steps, x=numbers, y=numbers)
def test_merging_is_commutative(kind: Kind, history: list[Step], x: int, y: int) -> None:
    world = played(kind, history)
    a, b = some(world, x), some(world, y)
    assert merge(a, b) == merge(b, a)


@every_type
@given(history=steps, x=numbers, y=numbers, z=numbers)
def test_merging_is_associative(kind: Kind, history: list[Step], x: int, y: int, z: int) -> None:
    world = played(kind, history)
    a, b, c = some(world, x), some(world, y), some(world, z)
    assert merge(merge(a, b), c) == merge(a, merge(b, c))


@every_type
@given(history=steps, x=numbers, y=numbers)
def test_merging_is_idempotent(kind: Kind, history: list[Step], x: int, y: int) -> None:
    world = played(kind, history)
    a, b = some(world, x), some(world, y)
    assert merge(a, a) == a
    assert merge(merge(a, b), b) == merge(a, b)
    assert includes(merge(a, b), a)


@every_type
@given(history=steps)
def test_a_delta_is_as_good_as_the_state(kind: Kind, history: list[Step]) -> None:
    """Whoever hears of a change by its delta knows the same as whoever gets the state after it."""
    world = World(kind)
    for replica, _, x, y in history:
        other = world.states[(replica + 1) % len(NODES)]
        before, known = world.states[replica], len(world.ops)
        world.change(replica, change(kind, x, y), x % 5)
        if len(world.ops) > known:
            delta, state = world.ops[-1].delta, world.states[replica]
            assert merge(before, delta) == state
            assert merge(merge(other, before), delta) == merge(other, state)
            assert not any(dot in before.context for dot in delta.facts)
        if y % 2:
            world.sync((replica + 1) % len(NODES), replica)


@every_type
@given(history=steps, random=st.randoms(use_true_random=False))
def test_any_order_and_duplicates_converge(kind: Kind, history: list[Step], random: Random) -> None:
    world = played(kind, history)
    whole = State(kind)
    for state in world.states:
        whole = merge(whole, state)
    for replica in range(len(NODES)):
        order = list(range(len(world.ops))) * 2
        random.shuffle(order)
        world.deliver(replica, order)
    assert world.states == [whole] * len(NODES)
    fresh = State(kind)
    for op in world.ops:
        fresh = merge(fresh, op.delta)
    assert fresh == whole


@every_type
@given(history=steps)
def test_replicas_converge_to_the_naive_model(kind: Kind, history: list[Step]) -> None:
    world = played(kind, history, in_order=True, make=naive.map_change if kind is Kind.ORMAP else change)
    for replica in range(len(NODES)):
        world.deliver(replica, range(len(world.ops)))
    values = [value_of(state, AUDIENCE) for state in world.states]
    assert values == [naive.model(kind, world.ops)] * len(NODES)


@every_type
@given(history=steps, x=numbers, y=numbers)
def test_the_difference_leads_from_one_value_to_the_other(kind: Kind, history: list[Step], x: int, y: int) -> None:
    """What a user function is told makes its plain value the replicated one."""
    world = played(kind, history)
    a = some(world, x)
    before, after = value_of(a, AUDIENCE), value_of(merge(a, some(world, y)), AUDIENCE)
    told = TYPES[kind].after
    assert told(TYPES[kind].empty, TYPES[kind].creation(after)) == after
    try:
        difference = TYPES[kind].difference(before, after)
    except Inexpressible:
        assume(False)
        raise
    assert (difference is None) == (before == after)
    if difference is not None:
        assert told(before, difference) == after
        assert crdt_messages.change_of(crdt_messages.delta_message(difference)) == difference


@pytest.mark.parametrize("kind", [Kind.GCOUNTER, Kind.PNCOUNTER, Kind.GSET, Kind.ORSET, Kind.FLAG])
@given(history=steps, x=numbers, y=numbers, z=numbers)
def test_a_function_that_is_alone_sees_its_own_changes(kind: Kind, history: list[Step], x: int, y: int, z: int) -> None:
    """What a function makes of its plain value is what the replicated one becomes.

    Not of registers, where late writes lose, nor of votes, which are counted elsewhere, nor of maps, which hold both.
    """
    world = played(kind, history)
    known, made = len(world.ops), change(kind, x, y)
    before = value_of(world.states[z % len(NODES)], AUDIENCE)
    world.change(z % len(NODES), made, 0)
    if len(world.ops) > known:
        assert value_of(world.states[z % len(NODES)], AUDIENCE) == TYPES[kind].after(before, made)


@every_type
@given(history=steps, x=numbers, generation=st.integers(0, 300))
def test_encoding_is_exact(kind: Kind, history: list[Step], x: int, generation: int) -> None:
    world = played(kind, history)
    state = some(world, x)
    record = Record(generation, state)
    data = encode(record)
    assert decode(data) == record
    spans, facts = list(state.context.spans.items()), list(state.facts.items())
    turned = State(kind, dict(facts[::-1]), Context(dict(spans[::-1])))
    assert encode(Record(generation, turned)) == data


@every_type
@given(history=steps, x=numbers, place=numbers, bits=st.integers(1, 255), cut=st.booleans())
def test_damaged_bytes_are_refused_or_mean_something(
    kind: Kind, history: list[Step], x: int, place: int, bits: int, cut: bool
) -> None:
    """No crash, and never two encodings of one record."""
    data = bytearray(encode(Record(0, some(played(kind, history), x))))
    place %= len(data)
    if cut:
        del data[place:]
    else:
        data[place] ^= bits
    try:
        record = decode(bytes(data))
    except EncodingInvalid:
        return
    assert encode(record) == bytes(data)


@settings(max_examples=300)
@given(data=st.binary(max_size=60))
def test_any_bytes_are_refused_or_mean_something(data: bytes) -> None:
    for start in (b"", b"\x01\x00"):
        try:
            record = decode(start + data)
        except EncodingInvalid:
            continue
        assert encode(record) == start + data
