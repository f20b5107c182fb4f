"""A command that has an id is answered once, and its retries get the same answer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudstate.runtime.entity.messages import (
    Activate,
    Activated,
    Answer,
    Command,
    Discard,
    EventsEmitted,
    Failure,
    Forward,
    FunctionLost,
    Handle,
    Kept,
    Outcome,
    Persist,
    Persisted,
    PersistFailed,
    Reply,
)
from cloudstate.runtime.entity.recorded import decode, encode
from cloudstate.runtime.entity.session import EntitySession
from cloudstate.runtime.entity.window import Window
from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.journal.errors import JournalUnavailable
from cloudstate.runtime.payload import Payload

EVENTS = EventsEmitted((Payload("t", b"1"),))
OK = Reply(b"ok")
NO = Failure("no money", StatusCode.FAILED_PRECONDITION)


def command(ticket: Any, id: str = "a", payload: bytes = b"") -> Command:
    return Command(ticket, "Do", payload, None, (), None, id=id)


def ready(*kept: Kept, window: int = 3) -> EntitySession:
    session = EntitySession(window=window)
    session.feed(command(0, ""))
    session.feed(Activated(0, kept))
    session.feed(Outcome(OK))
    return session


def persisted(session: EntitySession, outcome: Outcome, sequence: int = 1) -> Kept:
    """Feeds an outcome and its persistence; gives what was kept."""
    (effect,) = session.feed(outcome)
    assert isinstance(effect, Persist)
    session.feed(Persisted(sequence))
    assert effect.kept is not None
    return effect.kept


def test_answer_is_written_with_the_change() -> None:
    session = ready()
    session.feed(command(1))
    assert session.feed(Outcome(OK, (), EVENTS)) == [Persist(0, EVENTS, Kept(1, "a", encode(command(1), OK)))]
    assert session.feed(Persisted(1)) == [Answer(1, OK)]


def test_retry_gets_the_answer_and_is_not_handled() -> None:
    session = ready()
    session.feed(command(1))
    persisted(session, Outcome(OK, (), EVENTS))
    assert session.feed(command(2)) == [Answer(2, OK)]
    assert session.feed(command(3, "b")) == [Handle(3, command(3, "b"))]


def test_retry_gets_the_answer_after_activation() -> None:
    session = ready(Kept(4, "a", encode(command(0), Reply(b"earlier", (("k", "v"), ("b-bin", b"\0"))))))
    assert session.feed(command(2)) == [Answer(2, Reply(b"earlier", (("k", "v"), ("b-bin", b"\0"))))]
    session.feed(command(3, "b"))
    assert persisted(session, Outcome(OK, (), EVENTS)).number == 5


def test_retries_that_wait_are_answered_when_the_first_is() -> None:
    session = ready()
    session.feed(command(1))
    assert session.feed(command(2)) == []
    assert session.feed(command(3, "b")) == []
    assert session.feed(command(4)) == []
    session.feed(Outcome(OK, (), EVENTS))
    assert session.feed(Persisted(1)) == [Answer(1, OK), Answer(2, OK), Handle(3, command(3, "b"))]
    session.feed(Outcome(Reply(b"b"), (), EVENTS))
    assert session.feed(Persisted(2)) == [Answer(3, Reply(b"b")), Answer(4, OK)]


@pytest.mark.parametrize("action", [OK, NO, Forward("s", "c", b"p", (("k", "v"),)), None])
def test_answer_that_changes_nothing_is_kept_too(action: Any) -> None:
    session = ready()
    session.feed(command(1))
    kept = persisted(session, Outcome(action), 0)
    (again,) = session.feed(command(2))
    assert isinstance(again, Answer)
    assert again.action == (action or Reply(b""))
    assert decode(command(1), kept.reply) == again.action


def test_rejection_that_left_the_state_dirty_is_kept_and_the_state_rebuilt() -> None:
    session = ready()
    session.feed(command(1))
    rejected = NO._replace(restart=True)
    (persist,) = session.feed(Outcome(rejected))
    assert isinstance(persist, Persist)
    assert persist.change is None
    assert session.feed(Persisted(0)) == [Answer(1, rejected), Discard(), Activate()]
    assert persist.kept is not None
    assert session.feed(Activated(0, (persist.kept,))) == []
    assert session.feed(command(2)) == [Answer(2, NO)]


@pytest.mark.parametrize("status", [StatusCode.UNKNOWN, StatusCode.INTERNAL, StatusCode.UNAVAILABLE])
def test_failure_that_may_pass_is_not_kept(status: StatusCode) -> None:
    session = ready()
    session.feed(command(1))
    assert session.feed(Outcome(Failure("oops", status))) == [Answer(1, Failure("oops", status))]
    assert session.feed(command(2)) == [Handle(3, command(2))]


def test_what_was_not_written_is_not_known() -> None:
    session = ready()
    session.feed(command(1))
    session.feed(Outcome(OK, (), EVENTS))
    session.feed(PersistFailed(JournalUnavailable("gone", retry_safe=None)))
    assert session.feed(command(2)) == []
    assert session.feed(Activated(0)) == [Handle(1, command(2))]


def test_what_was_written_after_all_is_known_after_activation() -> None:
    session = ready()
    session.feed(command(1))
    (persist,) = session.feed(Outcome(OK, (), EVENTS))
    assert isinstance(persist, Persist)
    assert persist.kept is not None
    session.feed(PersistFailed(JournalUnavailable("gone", retry_safe=None)))
    session.feed(command(2))
    assert session.feed(Activated(1, (persist.kept,))) == [Answer(2, OK)]


def test_lost_function_does_not_lose_the_answer() -> None:
    session = ready()
    session.feed(command(1))
    session.feed(Outcome(OK, (), EVENTS))
    assert session.feed(FunctionLost("gone")) == []
    assert session.feed(Persisted(1)) == [Answer(1, OK), Discard(), Activate()]


def test_id_of_another_command_is_refused() -> None:
    session = ready()
    session.feed(command(1, payload=b"x"))
    persisted(session, Outcome(OK, (), EVENTS))
    (answer,) = session.feed(command(2, payload=b"y"))
    assert isinstance(answer, Answer)
    assert isinstance(answer.action, Failure)
    assert answer.action.status is StatusCode.INVALID_ARGUMENT
    assert "`a`" in answer.action.description


def test_the_oldest_answer_makes_room() -> None:
    session = ready(window=2)
    for number, id in enumerate("abc", 1):
        session.feed(command(number, id))
        persisted(session, Outcome(OK, (), EVENTS), number)
    assert session.feed(command(7, "b")) == [Answer(7, OK)]
    assert session.feed(command(8, "a")) == [Handle(5, command(8, "a"))]


def test_nothing_is_kept_without_window_or_id() -> None:
    for session, id in ((ready(window=0), "a"), (ready(), "")):
        session.feed(command(1, id))
        assert session.feed(Outcome(OK, (), EVENTS)) == [Persist(0, EVENTS)]


@given(st.integers(0, 5), st.lists(st.tuples(st.sampled_from("abcdefgh"), st.booleans()), max_size=40))
def test_known_are_the_newest_so_many(limit: int, sent: list[tuple[str, bool]]) -> None:
    window = Window(limit)
    written: list[Kept] = []
    for id, comes_back in sent:
        newest = written[max(len(written) - limit, 0) :]
        if comes_back:
            window = Window(limit)
            window.fill(newest)
        known = window.answer_to(command(1, id)) is not None
        assert known == (id in {kept.command_id for kept in newest})
        if not known:
            kept = window.record(command(1, id), OK)
            window.keep()
            written += [] if kept is None else [kept]
    assert [kept.number for kept in written] == list(range(1, len(written) + 1))


def test_what_another_version_kept_is_said_to_be_unreadable() -> None:
    session = ready(Kept(1, "a", b"\x63" + bytes(20)))
    (answer,) = session.feed(command(1))
    assert isinstance(answer, Answer)
    assert isinstance(answer.action, Failure)
    assert answer.action.status is StatusCode.INTERNAL


TEXTS = st.text(max_size=20)
METADATA = st.lists(
    st.one_of(st.tuples(st.sampled_from(["k", "x-y"]), TEXTS), st.tuples(st.just("b-bin"), st.binary(max_size=20)))
).map(tuple)
ACTIONS = st.one_of(
    st.builds(Reply, st.binary(max_size=50), METADATA),
    st.builds(Failure, TEXTS, st.sampled_from(StatusCode), st.just(False)),
    st.builds(Forward, TEXTS, TEXTS, st.binary(max_size=50), METADATA),
)


@given(ACTIONS, st.binary(max_size=20))
def test_every_answer_comes_back_as_it_was(action: Any, payload: bytes) -> None:
    assert decode(command(1, payload=payload), encode(command(1, payload=payload), action)) == action
