"""The rules of rooms, one by one, without a server; on two machines where that matters."""

import pytest

from chat.presence_pb2 import Look, Visit
from cloudstate.runtime.authoring import CommandRejected, StatusCode
from cloudstate.runtime.testing import CrdtHarness
from room import Room
from visits import Visits

LOOK = Look(room="r")


@pytest.fixture
def room() -> CrdtHarness:
    return CrdtHarness(Room(), "r", nodes=("here", "there"))


def visit(name: str) -> Visit:
    return Visit(room="r", name=name)


def names(room: CrdtHarness, node: str = "here") -> list[str]:
    people = room.command("Show", LOOK, node=node)
    return list(people.names)


def test_people_come_and_go(room: CrdtHarness) -> None:
    assert names(room) == []
    room.command("Enter", visit("Ada"))
    room.command("Enter", visit("Bob"))
    assert names(room) == ["Ada", "Bob"]
    room.command("Leave", visit("Ada"))
    assert names(room) == ["Bob"]


def test_who_comes_is_counted_once(room: CrdtHarness) -> None:
    room.command("Enter", visit("Ada"))
    assert [effect.command for effect in room.side_effects] == ["Add"]
    room.command("Enter", visit("Ada"))
    assert room.side_effects == ()


def test_nobody_comes_without_a_name(room: CrdtHarness) -> None:
    with pytest.raises(CommandRejected) as caught:
        room.command("Enter", visit(""))
    assert caught.value.status is StatusCode.INVALID_ARGUMENT


def test_two_machines_agree(room: CrdtHarness) -> None:
    room.command("Enter", visit("Ada"), node="here")
    room.command("Enter", visit("Bob"), node="there")
    assert names(room, "here") == ["Ada"]
    room.sync()
    assert names(room, "here") == names(room, "there") == ["Ada", "Bob"]


def test_who_enters_while_somebody_else_lets_them_out_stays(room: CrdtHarness) -> None:
    room.command("Enter", visit("Ada"))
    room.sync()
    room.command("Leave", visit("Ada"), node="here")
    room.command("Leave", visit("Ada"), node="there")
    room.command("Enter", visit("Ada"), node="there")
    room.sync()
    assert names(room, "here") == names(room, "there") == ["Ada"]


def test_watchers_see_what_happens_anywhere(room: CrdtHarness) -> None:
    watching = room.stream("Watch", LOOK, node="here")
    room.command("Enter", visit("Ada"), node="here")
    room.command("Enter", visit("Bob"), node="there")
    room.sync()
    assert [list(people.names) for people in watching.replies] == [[], ["Ada"], ["Ada", "Bob"]]
    watching.cancel()
    room.command("Leave", visit("Ada"))
    assert len(watching.replies) == 3


def test_a_person_stays_for_as_long_as_they_listen(room: CrdtHarness) -> None:
    staying = room.stream("Stay", visit("Ada"))
    assert names(room) == ["Ada"]
    staying.cancel()
    assert names(room) == []


def test_a_closed_room_ends_who_watches_it_and_can_be_used_again(room: CrdtHarness) -> None:
    room.command("Enter", visit("Ada"))
    room.sync()
    watching = room.stream("Watch", LOOK, node="there")
    room.command("Close", LOOK)
    room.command("Enter", visit("Bob"))
    room.sync()
    assert names(room, "there") == ["Bob"]
    assert watching.is_over
    assert len(watching.replies) == 1


def test_visits_are_counted_everywhere() -> None:
    visits = CrdtHarness(Visits(), "r", nodes=("here", "there"))
    visits.command("Add", LOOK, node="here")
    visits.command("Add", LOOK, node="there")
    visits.command("Add", LOOK, node="there")
    visits.sync()
    assert visits.command("Get", LOOK, node="here").visits == 3
    assert visits.state("there").value == 3
