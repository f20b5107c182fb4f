"""Sessions of nodes that share a record, or tell each other what they have changed."""

from __future__ import annotations

import pytest

from cloudstate.runtime.crdt import (
    UNKNOWN,
    Audience,
    Author,
    Dot,
    FlagChange,
    GCounterChange,
    GCounterValue,
    Record,
    decode,
    value_of,
)
from cloudstate.runtime.crdt.record import changed, deleted, merged
from cloudstate.runtime.entity.crdt_messages import (
    Acknowledge,
    CrdtEffect,
    CrdtReply,
    Heard,
    Load,
    Loaded,
    Missed,
    Opened,
    Overtaken,
    Report,
    Spread,
    StateAction,
    Tell,
)
from cloudstate.runtime.entity.crdt_session import MOST_EARLY, CrdtSession
from cloudstate.runtime.entity.messages import (
    Answer,
    Command,
    Failure,
    Persist,
    Persisted,
    PersistFailed,
    Reply,
    ValueChanged,
)
from cloudstate.runtime.errors import CloudStateError, ProtocolViolation

OK = Reply(b"")
AUDIENCE = Audience("n", frozenset({"n", "m"}))
OTHER = Author("m", "m", 0)
FIRST = Dot("m", 0)


class Noon:
    def wall(self) -> float:
        return 0.0


def command(ticket: str) -> Command:
    return Command(ticket, "Add", b"", None, (), None)


def ready(record: Record, *, is_shared: bool = True) -> CrdtSession:
    session = CrdtSession("n", AUDIENCE, Noon(), is_shared=is_shared)
    session.feed(command("a"))
    session.feed(Loaded(record, 1))
    session.feed(Opened())
    return session


def plus(amount: int) -> CrdtReply:
    return CrdtReply(1, OK, (), StateAction(GCounterChange(amount)))


def counted(record: Record, amount: int) -> Record:
    """What the other node adds."""
    return changed(record, GCounterChange(amount), OTHER)


def total(record: Record | None) -> int:
    assert record is not None
    assert record.state is not None
    value = value_of(record.state, AUDIENCE)
    assert isinstance(value, GCounterValue)
    return value.total


def written(effects: list[CrdtEffect]) -> tuple[Record, int]:
    (persist,) = (it for it in effects if isinstance(it, Persist))
    assert isinstance(persist.change, ValueChanged)
    assert persist.change.value is not None
    return decode(persist.change.value.value), persist.expected


def test_a_write_that_is_overtaken_merges_and_begins_anew() -> None:
    session = ready(counted(UNKNOWN, 1))
    assert written(session.feed(plus(10)))[1] == 1
    effects = session.feed(Overtaken(merged(counted(UNKNOWN, 1), counted(counted(UNKNOWN, 1), 4)), 7))
    record, expected = written(effects)
    assert (total(record), expected) == (15, 7)
    assert any(isinstance(it, Tell) for it in effects)
    assert total(session.durable) == 5
    after = session.feed(Persisted(8))
    assert [type(it) for it in after] == [Answer, Spread]
    assert total(session.durable) == 15


def test_what_the_others_have_written_already_need_not_be_written_again() -> None:
    session = ready(UNKNOWN)
    record, _ = written(session.feed(plus(10)))
    assert [type(it) for it in session.feed(Overtaken(record, 7))] == [Answer, Spread]
    assert session.sequence == 7
    assert session.is_idle


def test_a_deletion_by_others_wins_over_what_is_being_written() -> None:
    session = ready(counted(UNKNOWN, 1))
    session.feed(plus(10))
    gone = deleted(counted(UNKNOWN, 1))
    effects = session.feed(Overtaken(gone, 2))
    assert Answer("a", OK) in effects
    assert Tell(None) in effects
    assert session.durable == gone


def test_another_type_in_the_journal_fails_what_is_being_written() -> None:
    session = ready(UNKNOWN)
    session.feed(plus(10))
    effects = session.feed(Overtaken(changed(UNKNOWN, FlagChange(True), OTHER), 2))
    assert isinstance(effects[0], Report)
    (answer,) = (it for it in effects if isinstance(it, Answer))
    assert isinstance(answer.action, Failure)


def test_only_a_write_can_be_overtaken() -> None:
    with pytest.raises(ProtocolViolation):
        ready(UNKNOWN).feed(Overtaken(UNKNOWN, 2))


def test_what_is_heard_is_not_written_to_a_shared_record() -> None:
    session = ready(UNKNOWN)
    told = counted(UNKNOWN, 3)
    assert session.feed(Heard(told, "r", FIRST)) == [Acknowledge("r")]
    assert session.durable == told


def test_what_is_heard_during_a_write_is_durable_when_it_ends() -> None:
    session = ready(UNKNOWN)
    session.feed(plus(10))
    session.feed(Heard(counted(UNKNOWN, 3), None, FIRST))
    assert total(session.durable) == 3
    session.feed(Persisted(2))
    assert total(session.durable) == 13


def test_what_is_heard_is_written_to_a_record_of_its_own_and_then_acknowledged() -> None:
    session = ready(UNKNOWN, is_shared=False)
    told = counted(UNKNOWN, 3)
    effects = session.feed(Heard(told, "r", FIRST))
    assert written(effects) == (told, 1)
    assert session.durable == UNKNOWN
    assert session.feed(Heard(told, "again", FIRST)) == []
    assert session.feed(Persisted(2)) == [Acknowledge("r"), Acknowledge("again")]


def test_what_could_not_be_written_is_not_acknowledged() -> None:
    session = ready(UNKNOWN, is_shared=False)
    session.feed(Heard(counted(UNKNOWN, 3), "r", FIRST))
    assert not any(isinstance(it, Acknowledge) for it in session.feed(PersistFailed(CloudStateError("no"))))
    assert session.durable is None


def test_a_change_whose_predecessor_is_not_known_is_not_merged() -> None:
    session = ready(UNKNOWN)
    first = counted(UNKNOWN, 3)
    second = counted(first, 4)
    assert session.feed(Heard(second, "r", Dot("m", 1))) == [Missed("r")]
    assert session.feed(Heard(second, None, Dot("m", 1))) == []
    assert session.durable == UNKNOWN
    session.feed(Heard(first, "r", FIRST))
    assert session.feed(Heard(second, "r", Dot("m", 1))) == [Acknowledge("r")]
    assert total(session.durable) == 7


def test_what_is_heard_before_the_record_is_read_is_merged_then() -> None:
    session = CrdtSession("n", AUDIENCE, Noon(), is_shared=True)
    first = counted(UNKNOWN, 3)
    assert session.feed(Heard(counted(first, 4), "r", Dot("m", 1))) == [Load()]
    for _ in range(2 * MOST_EARLY):
        assert session.feed(Heard(counted(first, 4), None, Dot("m", 1))) == []
    assert session.durable is None
    assert session.feed(Loaded(first, 1)) == [Acknowledge("r")]
    assert total(session.durable) == 7


def test_another_name_counts_from_when_the_record_is_read_again() -> None:
    session = ready(UNKNOWN)
    session.node = "other"
    record, _ = written(session.feed(plus(1)))
    assert record.state is not None
    assert set(record.state.context.spans) == {"n"}
    session.feed(PersistFailed(CloudStateError("no")))
    session.feed(command("b"))
    session.feed(Loaded(UNKNOWN, 1))
    session.feed(Opened())
    record, _ = written(session.feed(plus(1)))
    assert record.state is not None
    assert set(record.state.context.spans) == {"other"}
