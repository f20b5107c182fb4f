"""Messages and subjects of the JetStream journal: what goes in comes out; what is damaged is said to be so."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudstate.runtime.journal import Answer, EntityKey, JournalInvalid
from cloudstate.runtime.journal.jetstream.record import (
    Kind,
    Record,
    decode,
    decode_answer,
    decode_epoch,
    decode_key,
    decode_snapshot,
    encode,
    encode_answer,
    encode_epoch,
    encode_snapshot,
)
from cloudstate.runtime.journal.jetstream.subjects import Subjects, plain, token
from cloudstate.runtime.payload import Payload

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NUMBERS = st.integers(0, 2**63)
PAYLOADS = st.builds(Payload, TEXTS, st.binary(max_size=40))
KEYS = st.builds(EntityKey, TEXTS, TEXTS)
ANSWERS = st.builds(Answer, NUMBERS, TEXTS, st.binary(max_size=40))
MANY = st.lists(PAYLOADS, max_size=3).map(tuple)
KEPT = st.none() | ANSWERS
EVENTS = st.builds(Record, st.just(Kind.EVENTS), KEYS, NUMBERS, TEXTS, NUMBERS, MANY, st.none(), KEPT)
VALUES = st.builds(Record, st.just(Kind.VALUE), KEYS, NUMBERS, TEXTS, NUMBERS, st.just(()), st.none() | PAYLOADS, KEPT)


@given(EVENTS | VALUES)
def test_records_come_back(record: Record) -> None:
    data = encode(record)
    assert decode(data, "S") == record
    assert decode_key(data, "S") == record.entity


@given(NUMBERS, PAYLOADS, TEXTS)
def test_snapshots_come_back(sequence: int, payload: Payload, schema: str) -> None:
    assert decode_snapshot(encode_snapshot(sequence, payload, schema), "S") == (sequence, schema, payload)


@given(ANSWERS, KEYS)
def test_answers_come_back(answer: Answer, entity: EntityKey) -> None:
    assert decode_answer(encode_answer(answer), "S") == answer
    assert decode_answer(encode_answer(answer, entity), "S") == answer
    assert decode_key(encode_answer(answer, entity), "S") == entity


@given(TEXTS, NUMBERS)
def test_epochs_come_back(shard: str, epoch: int) -> None:
    assert decode_epoch(encode_epoch(shard, epoch), "S") == epoch


@given(EVENTS, st.data())
def test_a_message_that_was_cut_is_damaged(record: Record, data: st.DataObject) -> None:
    whole = encode(record)
    with pytest.raises(JournalInvalid):
        decode(whole[: data.draw(st.integers(0, len(whole) - 1))], "S")


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_damaged(data: bytes) -> None:
    for read in (decode, decode_snapshot, decode_answer, decode_epoch, decode_key):
        with suppress(JournalInvalid):
            read(b"\x01" + data, "S")


def test_a_newer_format_is_said_to_be_one() -> None:
    with pytest.raises(JournalInvalid, match="has format 2, this version knows 1; use the newer version"):
        decode(b"\x02\x00", "S")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_a_name_is_one_token_that_subjects_can_hold(name: str) -> None:
    found = token(name)
    assert 0 < len(found) <= 200
    assert found.isascii()
    assert found.isprintable()
    assert not set(found) & set(" .*>")
    assert plain(found) in (name, None)


@pytest.mark.parametrize("name", ["", "\0", "a.b", "*", ">", " ", "a%2Eb", "ann@example.com", "\N{SNOWMAN}", "n", "h"])
def test_names_are_readable_in_subjects(name: str) -> None:
    assert plain(token(name)) == name


def test_long_names_are_digests() -> None:
    assert plain(token("x" * 10_000)) is None
    assert token("x" * 10_000) != token("x" * 10_001)
    assert Subjects("S").hides(EntityKey("cart", "x" * 10_000))
    assert not Subjects("S").hides(EntityKey("cart", "x"))
