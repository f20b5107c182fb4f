"""Batches as arrays for one statement: chains of appends, two owners, and what becomes of what was refused."""

from __future__ import annotations

import pytest

from cloudstate.runtime.errors import ServiceInvalid
from cloudstate.runtime.journal import Answer, AppendEvents, EntityKey, Fence, Fenced, WriteValue, WrongExpectedSequence
from cloudstate.runtime.journal.postgresql import parse
from cloudstate.runtime.journal.postgresql.batch import Append, Batch, lay_out, refused, written
from cloudstate.runtime.payload import Payload

ANN, BOB = EntityKey("cart", "ann"), EntityKey("cart", "bob")
ADDED, CART = Payload("t/Added", b"a"), Payload("t/Cart", b"c")


def laid(*appends: Append) -> Batch:
    return lay_out(appends, 5.0)


def test_appends_of_an_entity_are_a_chain() -> None:
    batch = laid(AppendEvents(ANN, 3, (ADDED, ADDED)), AppendEvents(BOB, 0, (ADDED,)), AppendEvents(ANN, 5, (ADDED,)))
    numbers, types, ids, expected, after, shards = batch.arguments[:6]
    assert (numbers, types, ids) == ([0, 1], [b"cart", b"cart"], [b"ann", b"bob"])
    assert (expected, after, shards) == ([3, 0], [6, 1], [b"", b""])
    entities, ranks, sequences, urls, values = batch.arguments[8:13]
    assert (entities, ranks, sequences) == ([0, 0, 1, 0], [0, 1, 2, 3], [4, 5, 1, 6])
    assert (urls, values, batch.arguments[13]) == (["t/Added"] * 4, [b"a"] * 4, 5.0)
    assert written(batch, batch.chains[ANN]) == {0: 5, 2: 6}


def test_of_several_states_the_last_is_written() -> None:
    batch = laid(WriteValue(ANN, 0, CART), AppendEvents(ANN, 1, (ADDED,), CART, "v1"), WriteValue(ANN, 2, None))
    assert batch.arguments[14:19] == ([0], [3], [None], [None], [""])


def test_answers_are_numbered_by_the_session() -> None:
    batch = laid(AppendEvents(ANN, 0, (), answer=Answer(7, "id\0", b"r")))
    assert batch.arguments[19:] == ([0], [7], [b"id\0"], [b"r"])
    assert batch.arguments[3:5] == ([0], [0])


def test_what_does_not_continue_the_chain_is_wrong() -> None:
    batch = laid(AppendEvents(ANN, 0, (ADDED,)), AppendEvents(ANN, 0, (ADDED,)), AppendEvents(ANN, 1, (ADDED,)))
    results = written(batch, batch.chains[ANN])
    assert (results[0], results[2]) == (1, 2)
    wrong = results[1]
    assert isinstance(wrong, WrongExpectedSequence)
    assert (wrong.expected, wrong.actual) == (0, 2)


def test_the_first_that_fits_what_is_there_is_tried_again_with_all_after_it() -> None:
    batch = laid(AppendEvents(ANN, 7, (ADDED,)), AppendEvents(ANN, 3, (ADDED,)), AppendEvents(ANN, 4, (ADDED,)))
    results = refused(batch, batch.chains[ANN], 0, 3)
    assert isinstance(results[0], WrongExpectedSequence)
    assert (results[1], results[2]) == (None, None)


def test_a_stale_owner_is_told_so() -> None:
    batch = laid(AppendEvents(ANN, 0, (ADDED,), fence=Fence("s", 4)))
    assert batch.arguments[6:8] == ([b"s"], [4])
    fenced = refused(batch, batch.chains[ANN], 5, 0)[0]
    assert isinstance(fenced, Fenced)
    assert (fenced.epoch, fenced.actual) == (4, 5)


@pytest.mark.parametrize(
    "second", [AppendEvents(ANN, 1, (ADDED,)), AppendEvents(BOB, 0, (ADDED,), fence=Fence("s", 5))]
)
def test_two_owners_are_not_in_one_batch(second: Append) -> None:
    batch = laid(AppendEvents(ANN, 0, (ADDED,), fence=Fence("s", 4)), second)
    assert len(batch.appends) == 1


def test_what_an_address_says() -> None:
    settings = parse("postgresql://u:secret@h:5433/shop?sslmode=require&schema=cart&table_prefix=c_")
    assert (settings.dsn, settings.schema, settings.prefix) == (
        "postgresql://u:secret@h:5433/shop?sslmode=require",
        "cart",
        "c_",
    )
    assert settings.where == "postgresql://h:5433/shop"
    with pytest.raises(ServiceInvalid, match=r'the schema `a"b` of the journal is not a name'):
        parse('postgresql://h/d?schema=a"b')
