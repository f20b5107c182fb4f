"""The order that an entity session keeps, whatever the journal and the function do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudstate.runtime.entity.messages import (
    TERMINATED,
    Abandoned,
    Activate,
    Activated,
    ActivationFailed,
    Answer,
    Command,
    Discard,
    Effect,
    EventsEmitted,
    Failure,
    FunctionLost,
    Handle,
    Input,
    Outcome,
    Passivate,
    Persist,
    Persisted,
    PersistFailed,
    Reply,
    SideEffect,
    Stop,
)
from cloudstate.runtime.entity.session import EntitySession, Phase
from cloudstate.runtime.errors import ProtocolViolation, StatusCode
from cloudstate.runtime.journal.errors import JournalUnavailable, WrongExpectedSequence
from cloudstate.runtime.payload import Payload

EVENTS = EventsEmitted((Payload("t", b"1"), Payload("t", b"2")))
OK = Reply(b"ok")


def command(ticket: int) -> Command:
    return Command(ticket, "Do", b"", None, (), None)


def ready(sequence: int = 0) -> EntitySession:
    """A session that has answered its first command (ticket 0) and is idle."""
    session = EntitySession(max_waiting=3)
    assert session.feed(command(0)) == [Activate()]
    assert session.feed(Activated(sequence)) == [Handle(1, command(0))]
    assert session.feed(Outcome(OK)) == [Answer(0, OK)]
    return session


def test_the_first_command_activates_and_is_handled_after_activation() -> None:
    session = EntitySession()
    assert session.feed(command(7)) == [Activate()]
    assert session.feed(Activated(5)) == [Handle(1, command(7))]
    assert session.sequence == 5


def test_the_reply_leaves_only_after_the_change_is_durable() -> None:
    session = ready(sequence=3)
    effects = (SideEffect("s", "c", b""),)
    session.feed(command(1))
    assert session.feed(Outcome(OK, effects, EVENTS)) == [Persist(3, EVENTS)]
    assert session.feed(Persisted(5)) == [Answer(1, OK, effects)]
    assert session.sequence == 5


def test_commands_are_handled_one_at_a_time_in_order() -> None:
    session = ready()
    assert session.feed(command(1)) == [Handle(2, command(1))]
    assert session.feed(command(2)) == []
    assert session.feed(command(3)) == []
    assert session.feed(Outcome(OK)) == [Answer(1, OK), Handle(3, command(2))]
    assert session.feed(Outcome(OK, (), EVENTS)) == [Persist(0, EVENTS)]
    assert session.feed(Persisted(2)) == [Answer(2, OK), Handle(4, command(3))]


def test_a_full_queue_refuses_at_once_and_keeps_the_others() -> None:
    session = ready()
    for ticket in range(1, 5):
        session.feed(command(ticket))
    [answer] = session.feed(command(9))
    assert isinstance(answer, Answer)
    assert isinstance(answer.action, Failure)
    assert answer.action.status is StatusCode.RESOURCE_EXHAUSTED
    assert session.feed(Outcome(OK))[1] == Handle(3, command(2))


def test_a_rejected_command_leaves_the_entity_as_it_is() -> None:
    session = ready()
    no = Failure("no", StatusCode.NOT_FOUND)
    session.feed(command(1))
    assert session.feed(Outcome(no)) == [Answer(1, no)]
    assert session.feed(command(2)) == [Handle(3, command(2))]


def test_a_failure_with_restart_rebuilds_at_once_before_the_next_command() -> None:
    session = ready(sequence=4)
    no = Failure("no", StatusCode.UNKNOWN, restart=True)
    session.feed(command(1))
    session.feed(command(2))
    assert session.feed(Outcome(no, (), EVENTS)) == [Answer(1, no), Discard(), Activate()]
    assert session.feed(command(3)) == []
    assert session.feed(Activated(4)) == [Handle(1, command(2))]


def test_a_refused_write_is_told_to_its_caller_and_the_state_is_rebuilt() -> None:
    session = ready()
    session.feed(command(1))
    session.feed(command(2))
    session.feed(Outcome(OK, (), EVENTS))
    error = WrongExpectedSequence(entity_type="t", entity_id="e", expected=0, actual=2)
    answer, *rest = session.feed(PersistFailed(error))
    assert answer == Answer(1, Failure(str(error), StatusCode.ABORTED))
    assert rest == [Discard(), Activate()]
    assert session.feed(Activated(2)) == [Handle(1, command(2))]
    assert session.sequence == 2


def test_a_failed_activation_fails_who_waits_and_the_next_command_tries_again() -> None:
    session = EntitySession()
    session.feed(command(1))
    session.feed(command(2))
    failure = Failure("gone", StatusCode.UNAVAILABLE)
    effects = session.feed(ActivationFailed(JournalUnavailable("gone", retry_safe=True)))
    assert effects == [Discard(), Answer(1, failure), Answer(2, failure)]
    assert session.feed(command(3)) == [Activate()]


def test_a_lost_function_fails_the_running_command_and_those_that_wait() -> None:
    session = ready()
    session.feed(command(1))
    session.feed(command(2))
    assert session.feed(FunctionLost("Unexpected entity termination")) == [
        Answer(1, Failure("Unexpected entity termination", StatusCode.UNKNOWN)),
        Discard(),
        Answer(2, Failure(TERMINATED, StatusCode.UNKNOWN)),
    ]
    assert session.feed(command(3)) == [Activate()]


def test_a_function_lost_while_writing_does_not_take_the_answer_away() -> None:
    session = ready()
    session.feed(command(1))
    session.feed(Outcome(OK, (), EVENTS))
    assert session.feed(FunctionLost("gone")) == []
    assert session.feed(Persisted(2)) == [Answer(1, OK), Discard(), Activate()]


def test_an_abandoned_command_that_waits_is_dropped_and_a_running_one_goes_on() -> None:
    session = ready()
    session.feed(command(1))
    session.feed(command(2))
    session.feed(command(3))
    assert session.feed(Abandoned(2)) == []
    assert session.feed(Abandoned(1)) == []
    assert session.feed(Outcome(OK, (), EVENTS)) == [Persist(0, EVENTS)]
    assert session.feed(Persisted(2)) == [Answer(1, OK), Handle(3, command(3))]


def test_passivation_waits_for_work_to_end() -> None:
    session = ready()
    session.feed(command(1))
    assert session.feed(Passivate()) == []
    session.feed(Outcome(OK))
    assert session.feed(Passivate()) == [Discard(), Stop()]
    assert session.phase is Phase.STOPPED


@pytest.mark.parametrize("message", [Activated(1), Outcome(OK), Persisted(1), command(1)])
def test_what_is_not_legal_is_refused(message: Input) -> None:
    session = ready()
    session.feed(Passivate())
    with pytest.raises(ProtocolViolation, match="not legal while the entity is STOPPED"):
        session.feed(message)


@given(st.data())
def test_every_command_is_answered_once_in_order_and_the_sequence_follows_the_journal(data: st.DataObject) -> None:
    """Whatever order commands, outcomes and faults come in."""
    session = EntitySession(max_waiting=5)
    sequence, tickets, answered = 0, 0, list[int]()
    todo: list[Effect] = []
    for _ in range(data.draw(st.integers(1, 40))):
        step: Input
        match next((e for e in todo if isinstance(e, (Activate, Handle, Persist))), None):
            case Activate() if data.draw(st.booleans()):
                unavailable = ActivationFailed(JournalUnavailable("x", retry_safe=True))
                step = unavailable if data.draw(st.booleans()) else Activated(sequence)
            case Handle() if data.draw(st.booleans()):
                failed = Failure("x", StatusCode.UNKNOWN, restart=data.draw(st.booleans()))
                outcome = data.draw(st.sampled_from([Outcome(OK), Outcome(OK, (), EVENTS), Outcome(failed)]))
                step = FunctionLost("lost") if data.draw(st.booleans()) else outcome
            case Persist(expected=expected) if data.draw(st.booleans()):
                assert expected == sequence, "the session must know where the journal is"
                if data.draw(st.booleans()):
                    sequence += len(EVENTS.events)
                    step = Persisted(sequence)
                else:
                    step = PersistFailed(JournalUnavailable("x", retry_safe=None))
            case _:
                tickets += 1
                step = command(tickets)
        if not isinstance(step, Command):
            todo = []
        todo += session.feed(step)
        assert sum(isinstance(e, (Activate, Handle, Persist)) for e in todo) <= 1, "one thing at a time"
        answered += [e.ticket for e in todo if isinstance(e, Answer)]
        todo = [e for e in todo if not isinstance(e, Answer)]
    assert len(answered) == len(set(answered))
    assert set(answered) <= set(range(1, tickets + 1))
