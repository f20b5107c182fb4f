"""CRDT entities behind the routers of some members, in virtual time: what one changes the others serve."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from typing import Any, ClassVar, NoReturn

import pytest
from google.protobuf.wrappers_pb2 import StringValue
from tests.property.crdt.members import Member, World

from cloudstate.runtime.authoring import (
    CommandType,
    Consistency,
    CrdtContext,
    CrdtEntity,
    CrdtStreamContext,
    CrdtType,
    CrdtUpdate,
    ORSet,
    Vote,
)
from cloudstate.runtime.crdt import UNKNOWN, decode
from cloudstate.runtime.function.crdt import EmbeddedCrdt
from cloudstate.runtime.host import Failure, Reply, Request, Router
from cloudstate.runtime.host.crdt_resident import MOST_ATTEMPTS
from cloudstate.runtime.journal import EntityKey, JournalUnavailable, WriteValue, WrongExpectedSequence
from cloudstate.runtime.journal.port import Appended
from cloudstate.runtime.testing.simulation.network import Conditions

REASON = "the disk is away"
NAMES = ("changes", "unreached", "overtaken", "compared")
FAR = {"local": Consistency.LOCAL, "majority": Consistency.MAJORITY, "all": Consistency.ALL}


def rpc(name: str, *, streamed: bool = False) -> CommandType:
    return CommandType(name, name.lower(), StringValue, StringValue, ("value",), server_streaming=streamed)


def text(value: str) -> StringValue:
    return StringValue(value=value)


class Room(CrdtEntity[ORSet[str]]):
    """Who is in a room. What follows a name says how far the change must get."""

    definition: ClassVar[CrdtType] = CrdtType(
        service="test.Room",
        entity_type="room",
        data=ORSet,
        element=str,
        commands=(rpc("Enter"), rpc("Show"), rpc("Close"), rpc("Watch", streamed=True)),
        passivation=30.0,
    )

    def enter(self, command: StringValue, ctx: CrdtContext[ORSet[str]]) -> StringValue:
        name = dict(ctx.metadata).get("guest", "")
        assert isinstance(name, str)
        ctx.state.add(name)
        ctx.consistency = FAR[str(dict(ctx.metadata).get("far", "local"))]
        return self.show(command, ctx)

    def show(self, command: StringValue, ctx: CrdtContext[ORSet[str]]) -> StringValue:
        return text(",".join(sorted(name[:10] for name in ctx.state)))

    def close(self, command: StringValue, ctx: CrdtContext[ORSet[str]]) -> StringValue:
        ctx.delete()
        return text("closed")

    def watch(self, command: StringValue, ctx: CrdtStreamContext[ORSet[str], StringValue]) -> StringValue | None:
        def changed(update: CrdtUpdate[ORSet[str]]) -> StringValue:
            return text(",".join(sorted(update.state)))

        ctx.on_change(changed)
        return self.show(command, ctx)


class Poll(CrdtEntity[Vote]):
    """Who is for it."""

    definition: ClassVar[CrdtType] = CrdtType(
        service="test.Room",
        entity_type="room",
        data=Vote,
        element=None,
        commands=(rpc("Enter"), rpc("Show"), rpc("Watch", streamed=True)),
        passivation=30.0,
    )

    def enter(self, command: StringValue, ctx: CrdtContext[Vote]) -> StringValue:
        ctx.state.vote(True)
        return self.show(command, ctx)

    def show(self, command: StringValue, ctx: CrdtContext[Vote]) -> StringValue:
        return text(f"{ctx.state.votes_for}/{ctx.state.voters}")

    def watch(self, command: StringValue, ctx: CrdtStreamContext[Vote, StringValue]) -> StringValue | None:
        ctx.on_change(lambda update: text(f"{update.state.votes_for}/{update.state.voters}"))
        return self.show(command, ctx)


class Cluster(World):
    """Some members with routers."""

    def __init__(self, count: int = 3, *, shares: bool = True, entity: Callable[[], CrdtEntity[Any]] = Room) -> None:
        super().__init__(1, count, shares=shares, function=lambda: EmbeddedCrdt(entity()))

    async def ask(self, name: str, command: str, *, room: str = "r", **metadata: str) -> str:
        """Call a command at a member."""
        member = self.members[name]
        request = Request("test.Room", command, text(room).SerializeToString(), tuple(metadata.items()))
        result = await self.loop.run_in(member.process, Router([member.host]).call(request))
        if isinstance(result, Failure):
            return f"{result.status.name}: {result.description}"
        assert isinstance(result, Reply)
        return StringValue.FromString(result.payload).value

    def watch(self, name: str, seen: list[str]) -> asyncio.Task[None]:
        """Follow the room at a member."""
        member = self.members[name]

        async def one() -> AsyncIterator[bytes]:
            yield text("r").SerializeToString()

        async def follow() -> None:
            async with aclosing(Router([member.host]).stream(Request("test.Room", "Watch", b""), one())) as stream:
                async for reply in stream:
                    seen.append(StringValue.FromString(reply.payload).value)

        return self.loop.run_in(member.process, follow())

    def play(self, story: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async def whole() -> None:
            await self.start()
            await story()

        self.run(whole())


def names(member: Member, room: str = "r") -> str:
    """Who is in a room, as far as a member has it in memory."""
    record = member.host.durable(room)
    return "-" if record is None or record.state is None else str(len(record.state.facts))


@pytest.mark.parametrize("shares", [True, False])
def test_what_one_changes_the_others_serve(shares: bool) -> None:
    cluster = Cluster(shares=shares)

    async def story() -> None:
        for name in "abc":
            assert await cluster.ask(name, "Show") == ""
        assert await cluster.ask("a", "Enter", guest="Ada", far="all") == "Ada"
        assert await cluster.ask("b", "Enter", guest="Bob", far="majority") == "Ada,Bob"
        await cluster.pass_time(0.2)
        assert await cluster.ask("c", "Show") == "Ada,Bob"
        await cluster.pass_time(5.0)
        assert [member.replication.compared for member in cluster.members.values()] == [0, 0, 0]

    cluster.play(story)


@pytest.mark.parametrize("shares", [True, False])
def test_whoever_comes_later_knows_it_too(shares: bool) -> None:
    cluster = Cluster(1, shares=shares)

    async def story() -> None:
        assert await cluster.ask("a", "Enter", guest="Ada") == "Ada"
        await cluster.join()
        await cluster.pass_time(0.5)
        assert await cluster.ask("b", "Show") == "Ada"
        assert await cluster.ask("b", "Show", room="other") == ""

    cluster.play(story)


@pytest.mark.parametrize("shares", [True, False])
def test_a_deletion_is_one_for_all_and_the_next_begins_anew(shares: bool) -> None:
    cluster = Cluster(shares=shares)

    async def story() -> None:
        await cluster.ask("a", "Enter", guest="Ada", far="all")
        await cluster.ask("b", "Show")
        assert await cluster.ask("b", "Close") == "closed"
        await cluster.pass_time(0.2)
        assert await cluster.ask("a", "Show") == ""
        assert await cluster.ask("a", "Enter", guest="Cleo", far="all") == "Cleo"
        assert await cluster.ask("b", "Show") == "Cleo"

    cluster.play(story)


def test_streams_push_what_others_change() -> None:
    cluster = Cluster()
    seen: list[str] = []

    async def story() -> None:
        watching = cluster.watch("b", seen)
        await cluster.pass_time(0.1)
        await cluster.ask("a", "Enter", guest="Ada")
        await cluster.pass_time(0.1)
        await cluster.ask("c", "Enter", guest="Cleo")
        await cluster.pass_time(0.1)
        await cluster.ask("c", "Close")
        await asyncio.wait_for(watching, 5)

    cluster.play(story)
    assert seen == ["", "Ada", "Ada,Cleo"]


def test_votes_follow_the_members() -> None:
    cluster = Cluster(entity=Poll)
    seen: list[str] = []

    async def story() -> None:
        await cluster.ask("b", "Enter")
        watching = cluster.watch("a", seen)
        await cluster.pass_time(0.1)
        await cluster.ask("c", "Enter")
        await cluster.pass_time(0.1)
        await cluster.join()
        await cluster.pass_time(0.5)
        cluster.kill(cluster.members["b"])
        cluster.all_see()
        await cluster.pass_time(0.5)
        watching.cancel()
        await asyncio.wait({watching})

    cluster.play(story)
    assert seen == ["1/3", "2/3", "2/4", "1/3"]


def test_what_does_not_get_far_enough_fails_and_stays_made() -> None:
    cluster = Cluster()

    async def story() -> None:
        cluster.network.cut("b")
        cluster.network.cut("c")
        answer = await cluster.ask("a", "Enter", guest="Ada", far="majority")
        assert answer == "UNAVAILABLE: Failed to update CRDT at requested write consistency"
        assert await cluster.ask("a", "Show") == "Ada"
        cluster.network.mend("b")
        await cluster.pass_time(2.0)
        assert await cluster.ask("a", "Enter", guest="Bob", far="majority") == "Ada,Bob"
        assert (await cluster.ask("a", "Enter", guest="Cleo", far="all")).startswith("UNAVAILABLE")

    cluster.play(story)


@pytest.mark.parametrize("shares", [True, False])
def test_a_change_that_is_lost_is_found_by_the_next(shares: bool) -> None:
    cluster = Cluster(2, shares=shares)

    async def story() -> None:
        await cluster.ask("b", "Show")
        await cluster.ask("a", "Enter", guest="Ada", far="all")
        cluster.network.conditions = Conditions(loss=1.0)
        await cluster.ask("a", "Enter", guest="Bob")
        cluster.network.conditions = Conditions()
        await cluster.ask("a", "Enter", guest="Cleo")
        await cluster.pass_time(0.1)  # sooner than anything is announced
        assert await cluster.ask("b", "Show") == "Ada,Bob,Cleo"

    cluster.play(story)


@pytest.mark.parametrize("shares", [True, False])
def test_a_change_that_is_lost_is_found_by_comparing(shares: bool) -> None:
    cluster = Cluster(shares=shares)

    async def story() -> None:
        for name in "abc":
            await cluster.ask(name, "Show")
        cluster.network.conditions = Conditions(loss=1.0)
        await cluster.ask("a", "Enter", guest="Ada")
        await cluster.ask("b", "Enter", guest="Bob")
        await cluster.pass_time(3.0)
        assert names(cluster.members["c"]) == "-"
        cluster.network.conditions = Conditions(loss=0.3)
        await cluster.pass_time(40.0)
        assert [await cluster.ask(name, "Show") for name in "abc"] == ["Ada,Bob"] * 3

    cluster.play(story)


def test_members_that_write_at_the_same_time_all_get_their_turn() -> None:
    cluster = Cluster(5)

    async def story() -> None:
        calls = [cluster.ask(name, "Enter", guest=f"{name}{number}") for name in "abcde" for number in range(20)]
        answers = await asyncio.gather(*calls)
        assert not [answer for answer in answers if ":" in answer]
        await cluster.pass_time(5.0)
        stored = await cluster.store.load_value(EntityKey("room", "r"))
        assert stored.payload is not None
        state = decode(stored.payload.value).state
        assert state is not None
        assert len(state.facts) == 100
        assert {names(member) for member in cluster.members.values()} == {"100"}

    cluster.play(story)


def test_a_change_larger_than_a_message_is_read_from_the_shared_journal() -> None:
    cluster = Cluster(2)

    async def story() -> None:
        await cluster.ask("b", "Show")
        big = "x" * cluster.members["a"].engine.largest
        assert await cluster.ask("a", "Enter", guest=big, far="all") == "x" * 10
        assert await cluster.ask("b", "Show") == "x" * 10
        await cluster.pass_time(5.0)
        assert cluster.members["a"].replication.compared == 0

    cluster.play(story)


def test_a_change_larger_than_a_message_fails_where_journals_are_private(caplog: pytest.LogCaptureFixture) -> None:
    cluster = Cluster(2, shares=False)

    async def story() -> None:
        big = "x" * cluster.members["a"].engine.largest
        assert (await cluster.ask("a", "Enter", guest=big, far="all")).startswith("UNAVAILABLE")

    cluster.play(story)
    assert "a change of `room` entity `r` is larger than a message" in caplog.text


def test_what_is_no_message_is_said_once_and_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    cluster = Cluster(2)

    async def story() -> None:
        engine = cluster.members["a"].engine
        for message in (b"", b"\x01", b"\x09\x01b\x01", b"\x01\x03a b\x03\x01", b"\x01\x01c\x03\x01"):
            engine.send("things.crdt", message)
        key = b"\x04room\x01r"
        engine.send("things.crdt", b"\x01\x01c\x06" + key + b"\x00\x02zz")
        engine.send("things.crdt", b"\x01\x01c\x01\x04none\x01r\x01\x01c\x00\x00")
        await cluster.pass_time(0.1)
        assert await cluster.ask("b", "Enter", guest="Ada", far="all") == "Ada"

    with caplog.at_level(logging.WARNING):
        cluster.play(story)
    assert [record.message for record in caplog.records] == [
        "a message to `things.crdt` cannot be read: not an encoded CRDT: the bytes end too early at byte 0"
    ] * 2


def test_a_member_that_closes_tells_those_who_wait() -> None:
    cluster = Cluster(2)

    async def story() -> None:
        cluster.network.cut("b")
        asked = asyncio.ensure_future(cluster.ask("a", "Enter", guest="Ada", far="all"))
        await cluster.pass_time(0.5)
        member = cluster.members["a"]
        await cluster.loop.run_in(member.process, member.replication.close())
        assert (await asyncio.wait_for(asked, 0.1)).startswith("UNAVAILABLE")

    cluster.play(story)


def test_nobody_knows_anything_of_what_is_unknown() -> None:
    cluster = Cluster(2, shares=False)

    async def story() -> None:
        member = cluster.members["a"]
        record = await cluster.loop.run_in(member.process, member.replication.ask(EntityKey("room", "x")))
        assert record == UNKNOWN

    cluster.play(story)


def test_a_write_that_is_always_overtaken_fails_in_the_end_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(1)
    attempts: list[int] = []

    def overtaken(append: WriteValue, done: Callable[[Appended], None]) -> None:
        attempts.append(append.expected)
        done(WrongExpectedSequence(entity_type="room", entity_id="r", expected=append.expected, actual=9))

    async def story() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(cluster.store, "submit", overtaken)
            assert (await cluster.ask("a", "Enter", guest="Ada")).startswith(
                "ABORTED: `room` entity `r`: append expected"
            )
        assert len(attempts) == MOST_ATTEMPTS
        assert await cluster.ask("a", "Show") == ""
        assert await cluster.ask("a", "Enter", guest="Bob") == "Bob"

    cluster.play(story)


def test_a_record_that_cannot_be_read_again_fails_the_write() -> None:
    cluster = Cluster(2)

    async def story() -> None:
        for name in "ab":
            await cluster.ask(name, "Show")
        cluster.network.cut("b")
        await cluster.ask("a", "Enter", guest="Ada")
        cluster.store.load_value = refuse  # type: ignore[method-assign]
        answer = await cluster.ask("b", "Enter", guest="Bob")
        del cluster.store.load_value
        assert answer == f"UNAVAILABLE: the entity has been changed elsewhere and cannot be read again: {REASON}"
        assert await cluster.ask("b", "Enter", guest="Bob") == "Ada,Bob"

    async def refuse(*_: object, **__: object) -> NoReturn:
        raise JournalUnavailable(REASON, retry_safe=True)

    cluster.play(story)


def test_it_is_counted_what_becomes_of_changes() -> None:
    cluster = Cluster(2)

    async def story() -> None:
        await cluster.ask("b", "Show")
        await cluster.ask("a", "Enter", guest="Ada", far="all")
        cluster.network.cut("b")
        await cluster.ask("a", "Enter", guest="Bob", far="all")
        await cluster.ask("b", "Enter", guest="Cleo")
        figures = [figure for at in cluster.members.values() for figure in at.replication.figures()]
        counted = {name: [it.value for it in figures if name in it.name] for name in NAMES}
        assert counted == {"changes": [2, 1], "unreached": [1, 0], "overtaken": [0, 1], "compared": [1, 1]}

    cluster.play(story)


@pytest.mark.parametrize("shares", [True, False])
def test_a_member_that_is_out_of_touch_is_no_majority_and_catches_up(shares: bool) -> None:
    cluster = Cluster(3, shares=shares)

    async def story() -> None:
        for name in "abc":
            await cluster.ask(name, "Show")
        member = cluster.members["a"]
        cluster.network.cut("a")
        member.directory.is_current, member.directory.seen = False, frozenset("a")
        await cluster.pass_time(1.0)
        assert (await cluster.ask("a", "Enter", guest="Ada", far="majority")).startswith("UNAVAILABLE")
        await cluster.ask("b", "Enter", guest="Bob", far="majority")
        await cluster.pass_time(60.0)
        cluster.network.mend("a")
        member.directory.is_current, member.directory.seen = True, frozenset("abc")
        await cluster.pass_time(3.0)
        assert [await cluster.ask(name, "Show") for name in "abc"] == ["Ada,Bob"] * 3

    cluster.play(story)
