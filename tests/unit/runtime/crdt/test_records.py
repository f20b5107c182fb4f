"""Entities with their deletions: generations, tombstones, what is stored, and when it may be forgotten."""

from __future__ import annotations

import itertools

import pytest

from cloudstate import crdt_pb2 as pb
from cloudstate.runtime.crdt import (
    UNKNOWN,
    Audience,
    Author,
    ChangeRefused,
    Clock,
    EncodingInvalid,
    FlagChange,
    GCounterChange,
    GCounterValue,
    Kind,
    LWWRegisterChange,
    ORSetChange,
    ORSetValue,
    Record,
    State,
    decode,
    encode,
)
from cloudstate.runtime.crdt.messages import change_of, delta_message
from cloudstate.runtime.crdt.record import changed, created, deleted, merged, shown
from cloudstate.runtime.crdt.stability import digest, forgotten, is_stable
from cloudstate.runtime.payload import Payload

N, M = Author("n", "n", 0), Author("m", "m", 0)
ALONE = Audience("n", frozenset({"n"}))
ONE = GCounterChange(1)


COUNTED = merged(UNKNOWN, changed(UNKNOWN, ONE, N))
GONE = merged(COUNTED, deleted(COUNTED))
AGAIN = merged(GONE, changed(GONE, ONE, N))

RECORDS = [
    UNKNOWN,
    created(UNKNOWN, Kind.GCOUNTER),
    COUNTED,
    merged(COUNTED, changed(COUNTED, ONE, M)),
    GONE,
    AGAIN,
    merged(GONE, changed(GONE, ONE, M)),
    merged(AGAIN, deleted(AGAIN)),
    created(GONE, Kind.ORSET),
]


def test_a_deletion_wins_over_changes_of_its_generation() -> None:
    late = changed(COUNTED, ONE, M)
    assert merged(GONE, late) == GONE == merged(late, GONE)
    assert shown(GONE, ALONE) is None


def test_a_deleted_entity_is_created_again_in_the_next_generation() -> None:
    assert AGAIN.generation == 1
    assert shown(AGAIN, ALONE) == GCounterValue(1)
    assert merged(AGAIN, GONE) == AGAIN
    elsewhere = changed(GONE, ONE, M)
    assert shown(merged(AGAIN, elsewhere), ALONE) == GCounterValue(2)


def test_it_may_be_of_another_type_then() -> None:
    assert shown(merged(GONE, created(GONE, Kind.ORSET)), ALONE) == ORSetValue()


@pytest.mark.parametrize(("a", "b", "c"), list(itertools.product(RECORDS[:8], repeat=3)))
def test_records_merge_lawfully(a: Record, b: Record, c: Record) -> None:
    assert merged(a, b) == merged(b, a)
    assert merged(a, a) == a
    assert merged(merged(a, b), c) == merged(a, merged(b, c))


@pytest.mark.parametrize("record", RECORDS)
def test_records_are_stored(record: Record) -> None:
    assert decode(encode(record)) == record


def test_the_stored_form_never_changes() -> None:
    assert encode(COUNTED).hex() == "01000101016e01000001000101"
    assert encode(GONE).hex() == "010000"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the bytes end too early at byte 0"),
        (b"\x02\x00\x00", "the format 2, this version reads 1 at byte 1"),
        (b"\x01\x00\x09", "no data type 9"),
        (b"\x01\x00\x00\x00", "more bytes than expected"),
        (b"\x01\x80\x00\x00", "a number with a leading zero"),
        (b"\x01" + b"\xff" * 20, "a number without an end"),
    ],
)
def test_damage_is_told(data: bytes, reason: str) -> None:
    with pytest.raises(EncodingInvalid, match=reason):
        decode(data)


def test_a_change_is_made_of_what_was_shown() -> None:
    """What another node has added meanwhile, and the function has not seen, is not removed by a clearing."""
    a, b = Payload("t", b"a"), Payload("t", b"b")
    record = merged(UNKNOWN, changed(UNKNOWN, ORSetChange(added=(a,)), N))
    seen = record.state
    record = merged(record, changed(record, ORSetChange(added=(b,)), M))
    record = merged(record, changed(record, ORSetChange(cleared=True), N, seen))
    assert shown(record, ALONE) == ORSetValue(frozenset({b}))


def test_dots_are_never_used_twice() -> None:
    first = changed(UNKNOWN, ORSetChange(added=(Payload("t", b"a"),)), N)
    second = changed(merged(UNKNOWN, first), ORSetChange(added=(Payload("t", b"b"),)), N, State(Kind.ORSET))
    assert first.state is not None
    assert second.state is not None
    assert not set(first.state.context) & set(second.state.context)


def test_stable_is_what_all_members_hold() -> None:
    digests = {"n": digest(GONE), "m": digest(GONE)}
    assert is_stable(GONE, digests, ["n", "m"])
    assert not is_stable(GONE, digests, ["n", "m", "x"])
    assert not is_stable(AGAIN, digests, ["n", "m"])


def test_what_is_stable_may_be_forgotten() -> None:
    assert forgotten(GONE, []) is None
    record = UNKNOWN
    for author in (N, M):
        record = merged(record, changed(record, ORSetChange(added=(Payload("t", author.node.encode()),)), author))
    record = merged(record, changed(record, ORSetChange(removed=(Payload("t", b"m"),)), N))
    less = forgotten(record, ["n", "m"])
    assert less is not None
    assert less.state is not None
    assert set(less.state.context.spans) == {"n"}
    assert shown(less, ALONE) == shown(record, ALONE)
    assert merged(less, record) == record


def test_a_delta_that_says_nothing_is_refused() -> None:
    with pytest.raises(ChangeRefused, match="an empty delta") as caught:
        change_of(pb.CrdtDelta())
    assert caught.value.kind is None
    child = pb.CrdtDelta(ormap=pb.ORMapDelta(added=[pb.ORMapEntryDelta()]))
    with pytest.raises(ChangeRefused, match="an empty delta"):
        change_of(child)


def test_a_clock_that_does_not_exist_is_refused() -> None:
    message = pb.CrdtDelta.FromString(b"\x2a\x02\x10\x09")
    with pytest.raises(ChangeRefused, match="LWWRegister: no clock 9"):
        change_of(message)


@pytest.mark.parametrize("clock", list(Clock))
def test_clocks_are_translated(clock: Clock) -> None:
    change = LWWRegisterChange(Payload("t", b"x"), clock, -5)
    assert change_of(delta_message(change)) == change
    assert change_of(delta_message(FlagChange(False))) == FlagChange(False)
