"""The order that a CRDT entity's session keeps: turns, durability, streams, other nodes, deletions, and what breaks."""

from __future__ import annotations

from typing import Any

import pytest

from cloudstate.runtime.crdt import (
    UNKNOWN,
    Audience,
    Author,
    Change,
    Dot,
    GCounterChange,
    ORSetChange,
    PNCounterChange,
    Record,
    VoteChange,
    decode,
)
from cloudstate.runtime.crdt.record import changed, deleted, merged
from cloudstate.runtime.entity.crdt_messages import (
    Cancel,
    CancelReply,
    Consistency,
    CrdtReply,
    Heard,
    Load,
    Loaded,
    MembersChanged,
    Message,
    Open,
    Opened,
    Reached,
    Report,
    Spread,
    StateAction,
    StreamedMessage,
    Tell,
    Unreached,
)
from cloudstate.runtime.entity.crdt_session import CrdtSession
from cloudstate.runtime.entity.messages import (
    Abandoned,
    ActivationFailed,
    Answer,
    Command,
    Discard,
    Failure,
    FunctionLost,
    Handle,
    Passivate,
    Persist,
    Persisted,
    PersistFailed,
    Reply,
    SideEffect,
    Stop,
    ValueChanged,
)
from cloudstate.runtime.entity.session import Phase
from cloudstate.runtime.errors import CloudStateError, ProtocolViolation, StatusCode
from cloudstate.runtime.payload import Payload

ALONE = Audience("n", frozenset({"n"}))
OK = Reply(b"ok")
FIRST = Dot("n", 0)
OTHER = Author("m", "m", 0)
EFFECT = SideEffect("s", "c", b"")


class Noon:
    """A clock that stands."""

    def wall(self) -> float:
        return 1000.0

    def monotonic(self) -> float:
        return 0.0


def command(ticket: str, *, streamed: bool = False) -> Command:
    return Command(ticket, "Do", b"", None, (), None, streamed)


def new(pipeline: int = 100, max_waiting: int = 1000) -> CrdtSession:
    return CrdtSession("n", ALONE, Noon(), max_waiting, pipeline)


def ready(record: Record = UNKNOWN, *commands: Command, pipeline: int = 100) -> CrdtSession:
    """A session with an open function that has these commands, from number 1."""
    session = new(pipeline)
    first, *more = commands or (command("first"),)
    session.feed(first)
    session.feed(Loaded(record, 0))
    session.feed(Opened())
    for other in more:
        session.feed(other)
    if not commands:
        session.feed(CrdtReply(1, OK))
    return session


def counted(number: int, author: Author = OTHER) -> Record:
    """What another node knows of a counter."""
    return changed(UNKNOWN, PNCounterChange(number), author)


def plus(command_id: int, number: int, **more: Any) -> CrdtReply:
    return CrdtReply(command_id, OK, (), StateAction(PNCounterChange(number)), **more)


def written(effects: list[Any]) -> Record:
    """The record that one of the effects writes."""
    (persist,) = [it for it in effects if isinstance(it, Persist)]
    assert isinstance(persist.change, ValueChanged)
    assert persist.change.value is not None
    return decode(persist.change.value.value)


def test_it_is_loaded_opened_and_given_the_command() -> None:
    session = new()
    asked = command("a")
    assert session.feed(asked) == [Load()]
    assert session.feed(Loaded(counted(42), 3)) == [Open(PNCounterChange(42))]
    assert session.feed(Opened()) == [Handle(1, asked)]
    assert session.feed(CrdtReply(1, OK, (EFFECT,))) == [Answer("a", OK, (EFFECT,))]


def test_what_does_not_exist_is_opened_with_nothing() -> None:
    session = new()
    session.feed(command("a"))
    assert session.feed(Loaded(UNKNOWN, 0)) == [Open(None)]


def test_a_change_is_durable_before_its_answer_and_before_others_hear_of_it() -> None:
    session = ready(UNKNOWN, command("a"))
    effects = session.feed(plus(1, 5))
    assert [type(it) for it in effects] == [Persist]
    record = written(effects)
    assert session.feed(Persisted(1)) == [Answer("a", OK), Spread(1, record, Consistency.LOCAL, FIRST)]
    assert session.sequence == 1


def test_an_answer_that_may_show_what_is_being_written_waits_for_it() -> None:
    session = ready(UNKNOWN, command("a"), command("b"))
    session.feed(plus(1, 5))
    assert session.feed(CrdtReply(2, OK)) == []
    assert [it.ticket for it in session.feed(Persisted(1)) if isinstance(it, Answer)] == ["a", "b"]


def test_changes_made_during_a_write_are_written_together() -> None:
    session = ready(UNKNOWN, command("a"), command("b"), command("c"))
    session.feed(plus(1, 1))
    assert session.feed(plus(3, 1)) == []
    assert session.feed(plus(2, 1)) == []
    effects = session.feed(Persisted(1))
    assert [it.ticket for it in effects if isinstance(it, Answer)] == ["a"]
    written(effects)
    assert [it.ticket for it in session.feed(Persisted(2)) if isinstance(it, Answer)] == ["c", "b"]


def test_a_failed_write_fails_what_depends_on_it_and_starts_again_from_the_journal() -> None:
    session = ready(UNKNOWN, command("a"), command("b"), command("c", streamed=True))
    session.feed(plus(1, 1))
    error = CloudStateError("disk full")
    refused = Failure("disk full", StatusCode.INTERNAL)
    assert session.feed(PersistFailed(error)) == [
        Answer("a", refused),
        Answer("b", refused),
        Message("c", refused, ends=True),
        Discard(),
    ]
    assert session.feed(command("d")) == [Load()]
    assert session.feed(Loaded(UNKNOWN, 0)) == [Open(None)]


@pytest.mark.parametrize(
    ("news", "answer"),
    [
        (Reached(1), Answer("a", OK)),
        (
            Unreached(1),
            Answer("a", Failure("Failed to update CRDT at requested write consistency", StatusCode.UNAVAILABLE)),
        ),
    ],
)
def test_an_answer_waits_for_other_nodes_if_asked_to(news: Any, answer: Answer) -> None:
    session = ready(UNKNOWN, command("a"), command("b"))
    reply = CrdtReply(1, OK, (), StateAction(PNCounterChange(1), consistency=Consistency.MAJORITY))
    record = written(session.feed(reply))
    assert session.feed(Persisted(1)) == [Spread(1, record, Consistency.MAJORITY, FIRST)]
    assert session.feed(CrdtReply(2, OK)) == [Answer("b", OK)]
    assert not session.is_idle
    assert session.feed(news) == [answer]
    assert session.is_idle


def test_a_stream_waits_behind_its_first_answer() -> None:
    session = ready(UNKNOWN, command("s", streamed=True))
    action = StateAction(PNCounterChange(1), consistency=Consistency.ALL)
    session.feed(CrdtReply(1, OK, (), action, streamed=True))
    assert [type(it) for it in session.feed(Persisted(1))] == [Spread]
    assert session.feed(StreamedMessage(1, Reply(b"second"))) == []
    assert session.feed(Reached(1)) == [Message("s", OK), Message("s", Reply(b"second"))]


def test_a_stream_whose_first_change_does_not_get_far_enough_is_over() -> None:
    session = ready(UNKNOWN, command("s", streamed=True))
    action = StateAction(PNCounterChange(1), consistency=Consistency.ALL)
    session.feed(CrdtReply(1, OK, (), action, streamed=True))
    session.feed(Persisted(1))
    session.feed(StreamedMessage(1, OK))
    text = "Failed to update CRDT at requested write consistency"
    failed = Message("s", Failure(text, StatusCode.UNAVAILABLE), ends=True)
    assert session.feed(Unreached(1)) == [failed, Cancel(1)]


def test_what_a_stream_was_told_leaves_before_its_end() -> None:
    session = streaming()
    session.feed(command("a"))
    session.feed(plus(2, 1))
    session.feed(StreamedMessage(1, OK))
    assert session.feed(FunctionLost("gone")) == [Discard()]
    ended = [it for it in session.feed(Persisted(1)) if isinstance(it, Message)]
    cut_off = Failure("Entity terminated unexpectedly", StatusCode.UNKNOWN)
    assert ended == [Message("s", OK), Message("s", cut_off, ends=True)]


# --- Turns ------------------------------------------------------------------------------------------------------------


def test_what_others_change_is_told_when_nothing_is_to_be_answered() -> None:
    session = ready(counted(1))
    effects = session.feed(Heard(merged(counted(1), changed(counted(1), PNCounterChange(4), OTHER))))
    assert [it for it in effects if isinstance(it, Tell)] == [Tell(PNCounterChange(4))]
    written(effects)


def test_what_others_change_is_kept_back_while_a_command_is_handled() -> None:
    session = ready(counted(1), command("a"), command("b"))
    effects = session.feed(Heard(counted(4, Author("x", "x", 0))))
    assert [type(it) for it in effects] == [Persist]
    session.feed(Persisted(1))
    session.feed(Heard(counted(10, Author("y", "y", 0))))
    session.feed(plus(2, 100))
    late = command("c")
    assert session.feed(late) == []
    effects = session.feed(CrdtReply(1, OK))
    assert [it for it in effects if isinstance(it, (Tell, Handle))] == [Tell(PNCounterChange(14)), Handle(3, late)]


def test_nobody_gets_an_own_change_back() -> None:
    session = ready(UNKNOWN, command("a"))
    delta = written(session.feed(plus(1, 5)))
    session.feed(Persisted(1))
    assert session.feed(Heard(delta)) == []


def test_what_a_function_has_not_seen_it_does_not_remove() -> None:
    seen, unseen = Payload("t", b"seen"), Payload("t", b"unseen")
    record = changed(UNKNOWN, ORSetChange(added=(seen,)), OTHER)
    session = ready(record, command("a"))
    session.feed(Heard(changed(UNKNOWN, ORSetChange(added=(unseen,)), Author("x", "x", 0))))
    effects = session.feed(CrdtReply(1, OK, (), StateAction(ORSetChange(cleared=True))))
    assert [it for it in effects if isinstance(it, Tell)] == [Tell(ORSetChange(added=(unseen,)))]


def test_a_function_gets_no_more_commands_than_it_takes() -> None:
    session = ready(UNKNOWN, command("a"), command("b"), pipeline=1)
    assert session.feed(command("c")) == []
    effects = session.feed(CrdtReply(1, OK))
    assert effects == [Answer("a", OK), Handle(2, command("b"))]


def test_too_many_waiting_commands_are_refused() -> None:
    session = new(max_waiting=1)
    session.feed(command("a"))
    (answer,) = session.feed(command("b", streamed=True))
    assert isinstance(answer, Message)
    assert isinstance(answer.action, Failure)
    assert answer.action.status is StatusCode.RESOURCE_EXHAUSTED


def test_votes_follow_the_membership() -> None:
    session = ready(changed(UNKNOWN, VoteChange(True), Author("m", "m", 0)))
    two = Audience("n", frozenset({"n", "m"}))
    assert session.feed(MembersChanged(two)) == [Tell(VoteChange(False, 1, 2))]
    assert session.feed(MembersChanged(ALONE)) == [Tell(VoteChange(False, 0, 1))]


def test_a_node_whose_journal_was_lost_does_not_use_its_names_of_changes_again() -> None:
    session = ready(UNKNOWN, command("a"))
    before = changed(UNKNOWN, PNCounterChange(7), Author("n", "n", 0))
    session.feed(Heard(before))
    session.feed(plus(1, 1))
    effects = session.feed(Persisted(1))
    (spread,) = [it for it in [*effects, *session.feed(Persisted(2))] if isinstance(it, Spread)]
    assert before.state is not None
    assert spread.delta.state is not None
    assert not set(before.state.facts) & set(spread.delta.state.facts)


# --- Streams ----------------------------------------------------------------------------------------------------------


def streaming(record: Record = UNKNOWN) -> CrdtSession:
    session = ready(record, command("s", streamed=True))
    assert session.feed(CrdtReply(1, OK, streamed=True)) == [Message("s", OK)]
    return session


def test_a_streamed_command_is_answered_until_the_function_ends_it() -> None:
    session = streaming()
    assert not session.is_idle
    assert session.feed(StreamedMessage(1, OK, (EFFECT,))) == [Message("s", OK, (EFFECT,))]
    assert session.feed(StreamedMessage(1, None, ends=True)) == [Message("s", None, ends=True)]
    assert session.is_idle


def test_a_streamed_command_may_be_answered_once() -> None:
    session = ready(UNKNOWN, command("s", streamed=True))
    assert session.feed(CrdtReply(1, OK)) == [Message("s", OK, ends=True)]


def test_a_streamed_message_waits_for_the_change_that_it_may_show() -> None:
    session = streaming()
    session.feed(command("a"))
    session.feed(plus(2, 1))
    assert session.feed(StreamedMessage(1, OK)) == []
    assert session.feed(Persisted(1))[::2] == [Answer("a", OK), Message("s", OK)]


def test_the_function_hears_of_a_caller_that_has_gone_and_may_change_the_value() -> None:
    session = streaming()
    assert session.feed(Abandoned("s")) == [Cancel(1)]
    assert session.feed(StreamedMessage(1, OK)) == []
    effects = session.feed(Heard(counted(3)))
    assert [it for it in effects if isinstance(it, Tell)] == []
    session.feed(Persisted(1))
    effects = session.feed(CancelReply(1, (EFFECT,), StateAction(PNCounterChange(-42))))
    written(effects)
    assert Tell(PNCounterChange(3)) in effects
    assert session.feed(Persisted(2))[0] == Message("s", None, (EFFECT,), ends=True)
    assert session.is_idle


def test_a_caller_that_goes_before_the_first_answer_is_told_after_it() -> None:
    session = ready(UNKNOWN, command("s", streamed=True))
    assert session.feed(Abandoned("s")) == []
    assert Cancel(1) in session.feed(CrdtReply(1, OK, streamed=True))


def test_a_caller_that_goes_while_its_command_waits_is_forgotten() -> None:
    session = ready(UNKNOWN, command("a"), command("b"), pipeline=1)
    assert session.feed(Abandoned("b")) == []
    assert session.feed(CrdtReply(1, OK)) == [Answer("a", OK)]


# --- Deletions --------------------------------------------------------------------------------------------------------


def test_a_deletion_ends_everything_and_the_entity_begins_anew() -> None:
    session = streaming(counted(1))
    session.feed(command("a"))
    session.feed(command("b"))
    effects = session.feed(CrdtReply(2, OK, (), StateAction(deletes=True)))
    assert [type(it) for it in effects] == [Persist, Discard]
    assert written(effects) == Record(0, None, deleted=True)
    assert session.feed(Persisted(1)) == [
        Answer("a", OK),
        Spread(1, Record(0, None, deleted=True), Consistency.LOCAL, FIRST),
        Answer("b", Failure("Entity deleted", StatusCode.UNKNOWN)),
        Message("s", None, ends=True),
    ]
    again = command("c")
    assert session.feed(again) == [Open(None)]
    assert session.feed(Opened()) == [Handle(1, again)]
    assert written(session.feed(plus(1, 7))).generation == 1


def test_a_deletion_wins_over_a_change_of_the_same_command() -> None:
    session = ready(counted(1), command("a"))
    effects = session.feed(CrdtReply(1, OK, (), StateAction(PNCounterChange(1), deletes=True)))
    assert written(effects) == Record(0, None, deleted=True)


def test_a_deletion_elsewhere_is_told_when_it_is_our_turn() -> None:
    session = streaming(counted(1))
    session.feed(command("a"))
    gone = deleted(counted(1))
    assert [type(it) for it in session.feed(Heard(gone))] == [Persist]
    waiting = command("b")
    session.feed(waiting)
    effects = session.feed(plus(2, 1))
    assert [it for it in effects if not isinstance(it, Persist)] == [
        Tell(None),
        Discard(),
        Open(None),
    ]
    assert session.feed(Opened()) == [Handle(1, waiting)]
    session.feed(Persisted(1))
    answered = session.feed(Persisted(2))  # it was made to what is deleted and changes nothing, but it was in time
    assert answered[0] == Answer("a", OK)
    assert answered[2] == Message("s", None, ends=True)


def test_a_deletion_that_nobody_was_shown_does_not_swallow_what_comes_after_it() -> None:
    session = ready(UNKNOWN)
    session.feed(Heard(Record(0, None, deleted=True)))
    session.feed(Persisted(1))
    session.feed(command("a"))
    record = written(session.feed(plus(2, 5)))
    assert record.generation == 1
    assert record.state is not None


def test_a_change_of_what_was_over_already_is_not_taken_for_one_of_what_came_after() -> None:
    session = ready(UNKNOWN, command("a"))
    anew = changed(Record(0, None, deleted=True), PNCounterChange(7), OTHER)
    session.feed(Heard(anew))
    effects = session.feed(plus(1, 1))
    assert [it for it in effects if isinstance(it, (Tell, Discard))] == [Tell(None), Discard()]
    session.feed(Persisted(1))
    session.feed(Persisted(2))
    assert session.feed(command("b")) == [Open(PNCounterChange(7))]


# --- What breaks ------------------------------------------------------------------------------------------------------

UNEXPECTED = Failure("Unexpected CRDT entity reply", StatusCode.UNKNOWN)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (CrdtReply(9, OK), "Received reply for unknown command id: 9"),
        (StreamedMessage(9, OK), "Received streamed message for unknown command id: 9"),
        (CancelReply(9), "Received stream cancelled response for unknown command id: 9"),
        (CrdtReply(1, OK, streamed=True), "Received streamed reply for command 1, which is not streamed"),
        (
            CrdtReply(1, Failure("x", StatusCode.UNKNOWN), (), StateAction(PNCounterChange(1))),
            "Received failure with a state change for command 1",
        ),
        (CrdtReply(1, OK, (), StateAction(GCounterChange(1))), "PNCounter: a change of a GCounter does not fit"),
    ],
)
def test_a_function_that_breaks_the_protocol_is_given_up(message: Any, text: str) -> None:
    session = ready(counted(1), command("a"))
    assert session.feed(message) == [Report(text), Answer("a", UNEXPECTED), Discard()]
    assert session.feed(command("b")) == [Open(PNCounterChange(1))]


def test_a_lost_function_fails_its_commands_and_streams() -> None:
    session = streaming()
    session.feed(command("a"))
    effects = session.feed(FunctionLost("gone", "waits no more"))
    assert effects == [
        Answer("a", Failure("gone", StatusCode.UNKNOWN)),
        Message("s", Failure("Entity terminated unexpectedly", StatusCode.UNKNOWN), ends=True),
        Discard(),
    ]
    assert session.phase is Phase.ABSENT


def test_what_cannot_be_loaded_fails_the_commands_that_wait() -> None:
    session = new()
    session.feed(command("a"))
    failed = session.feed(ActivationFailed(CloudStateError("unreadable")))
    assert failed == [Discard(), Answer("a", Failure("unreadable", StatusCode.INTERNAL))]


def test_another_type_elsewhere_is_reported_and_left_alone() -> None:
    session = ready(counted(1))
    (report,) = session.feed(Heard(changed(UNKNOWN, GCounterChange(1), OTHER)))
    assert report == Report("a PNCounter and a GCounter do not merge: the entity was created as both")


def test_an_idle_entity_leaves() -> None:
    session = ready(counted(1))
    assert session.feed(Passivate()) == [Discard(), Stop()]
    with pytest.raises(ProtocolViolation, match="Command is not legal while the entity is STOPPED"):
        session.feed(command("a"))


def test_a_streaming_entity_stays() -> None:
    assert streaming().feed(Passivate()) == []


def test_what_is_heard_while_absent_is_written_without_the_function() -> None:
    session = new()
    assert session.feed(Heard(counted(1))) == [Load()]
    loaded = counted(2, Author("x", "x", 0))
    effects = session.feed(Loaded(loaded, 4))
    assert [type(it) for it in effects] == [Persist]
    assert written(effects) == merged(loaded, counted(1))
    assert session.feed(Persisted(5)) == []
    assert session.feed(Passivate()) == [Stop()]


@pytest.mark.parametrize("change", [PNCounterChange(0), ORSetChange()])
def test_a_value_that_is_created_empty_is_remembered_with_its_type(change: Change) -> None:
    session = ready(UNKNOWN, command("a"))
    record = written(session.feed(CrdtReply(1, OK, (), StateAction(change))))
    assert record.state is not None
    assert record.state.kind is change.kind
