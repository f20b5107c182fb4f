"""What every engine of a cluster promises, as one suite: ``engine.Engine`` put to the test.

An engine joins by a fixture ``meeting`` (see ``test_engines``). The suite asks for no more than the port does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeAlias

import pytest
from tests.conformance.engine_places import PATIENCE, Meeting, Told, table

from cloudstate.runtime.cluster.engine import Engine, EngineUnavailable, Entry, Overtaken

#: Opens another member's engine, which is closed after the test.
Join: TypeAlias = Callable[[], Awaitable[Engine]]

#: Seconds within which an engine has to say that nobody answers.
AT_ONCE = 5.0
KEYS = ["member.a", "member.b", "shard.0", "shard.17", "A-Z_a-z.0-9", "x" * 100]


class TableContract:
    """Records. Names of tests are sentences about engines."""

    async def test_an_absent_record_is_at_revision_0(self, engine: Engine) -> None:
        assert await engine.put("member.a", b"here", 0) > 0

    async def test_a_record_is_created_once(self, engine: Engine) -> None:
        await engine.put("member.a", b"here", 0)
        with pytest.raises(Overtaken):
            await engine.put("member.a", b"again", 0)

    async def test_a_record_changes_at_its_revision(self, engine: Engine) -> None:
        first = await engine.put("member.a", b"1", 0)
        second = await engine.put("member.a", b"2", first)
        assert await engine.put("member.a", b"3", second) > second > first

    @pytest.mark.parametrize("wrong", [-1, 1])
    async def test_a_record_does_not_change_elsewhere(self, engine: Engine, wrong: int) -> None:
        revision = await engine.put("member.a", b"1", 0)
        with pytest.raises(Overtaken):
            await engine.put("member.a", b"2", revision + wrong)
        with pytest.raises(Overtaken):
            await engine.delete("member.a", revision + wrong)
        assert table(await self.told(engine)) == {"member.a": b"1"}

    async def test_an_absent_record_does_not_change(self, engine: Engine) -> None:
        with pytest.raises(Overtaken):
            await engine.put("member.a", b"1", 7)
        assert table(await self.told(engine)) == {}

    async def test_a_record_changes_anywhere_if_asked_to(self, engine: Engine) -> None:
        revisions = [await engine.put("member.a", text) for text in (b"1", b"2", b"3")]
        assert revisions == sorted(set(revisions))
        await engine.delete("member.a")
        assert await engine.put("member.a", b"4") > revisions[-1]

    async def test_revisions_grow_over_all_records(self, join: Join) -> None:
        one, other = await join(), await join()
        revisions = [await member.put(key, b"x") for key in KEYS for member in (one, other)]
        assert revisions == sorted(set(revisions))

    async def test_a_deleted_record_is_at_revision_0_too(self, engine: Engine) -> None:
        for text in (b"1", b"2", b"3"):
            revision = await engine.put("member.a", text, 0)
            await engine.delete("member.a", revision)
        assert table(await self.told(engine)) == {}

    async def test_a_deleted_record_is_at_the_revision_that_was_told(self, engine: Engine) -> None:
        told = Told[Entry]()
        await engine.watch(told)
        await engine.put("shard.1", b"a", 0)
        await engine.delete("shard.1")
        deletion = (await told.until(lambda all: all and not all[-1].value))[-1]
        assert await engine.put("shard.1", b"b", deletion.revision) > deletion.revision

    async def test_a_deleted_record_is_gone_for_old_revisions(self, engine: Engine) -> None:
        revision = await engine.put("shard.1", b"a", 0)
        await engine.delete("shard.1", revision)
        with pytest.raises(Overtaken):
            await engine.put("shard.1", b"b", revision)

    async def test_one_of_many_wins(self, join: Join) -> None:
        members = [await join() for _ in range(8)]
        revision = await members[0].put("shard.1", b"nobody")
        for _ in range(10):
            tried = [member.put("shard.1", b"%d" % number, revision) for number, member in enumerate(members)]
            results = await asyncio.gather(*tried, return_exceptions=True)
            (revision,) = [result for result in results if isinstance(result, int)]
            assert sum(isinstance(result, Overtaken) for result in results) == len(members) - 1

    async def told(self, engine: Engine) -> list[Entry]:
        """What a new watcher is told at first."""
        told = Told[Entry]()
        await engine.watch(told)
        return list(told.all)


class WatchContract:
    """Watching the table."""

    async def test_an_empty_table_is_told(self, engine: Engine) -> None:
        told = Told[Entry]()
        await engine.watch(told)
        assert told.all == []

    async def test_what_there_is_is_told_first(self, join: Join) -> None:
        one, other = await join(), await join()
        revisions = {key: await one.put(key, key.encode()) for key in KEYS}
        told = Told[Entry]()
        await other.watch(told)
        assert {entry.key: entry for entry in told.all} == {
            key: Entry(key, key.encode(), revision) for key, revision in revisions.items()
        }

    async def test_the_last_change_of_each_record_is_told(self, engine: Engine) -> None:
        for number in range(20):
            await engine.put(f"shard.{number % 5}", b"%d" % number)
        await engine.delete("shard.3")
        told = Told[Entry]()
        await engine.watch(told)
        assert table(told.all) == {"shard.0": b"15", "shard.1": b"16", "shard.2": b"17", "shard.4": b"19"}

    async def test_changes_are_told_in_order(self, join: Join) -> None:
        one, other = await join(), await join()
        told = Told[Entry]()
        await other.watch(told)
        for number in range(50):
            await (one, other)[number % 2].put(f"shard.{number % 3}", b"%d" % number)
        last = await one.put("end", b"end")
        all = await told.until(lambda all: all and all[-1].revision == last)
        revisions = [entry.revision for entry in dict.fromkeys(all)]  # a record may be told again
        assert revisions == sorted(revisions)
        assert table(all) == {"shard.0": b"48", "shard.1": b"49", "shard.2": b"47", "end": b"end"}

    async def test_a_deletion_is_told(self, join: Join) -> None:
        one, other = await join(), await join()
        await one.put("shard.1", b"a")
        told = Told[Entry]()
        await other.watch(told)
        await one.delete("shard.1")
        all = await told.until(lambda all: all[-1].value == b"")
        assert all[-1].revision > all[0].revision

    async def test_every_watcher_is_told(self, join: Join) -> None:
        one, other = await join(), await join()
        watchers = [Told[Entry]() for _ in range(3)]
        for watcher, member in zip(watchers, (one, one, other), strict=True):
            await member.watch(watcher)
        revision = await one.put("member.a", b"here")
        for watcher in watchers:
            assert await watcher.until(len) == [Entry("member.a", b"here", revision)]

    async def test_a_watcher_that_fails_is_told_on(self, engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
        told = Told[Entry]()

        def fail(entry: Entry) -> None:
            told(entry)
            raise RuntimeError("on purpose")

        await engine.put("member.a", b"1")
        await engine.watch(fail)
        await engine.put("member.a", b"2")
        await told.until(lambda all: table(all) == {"member.a": b"2"})
        assert "on purpose" in caplog.text

    async def test_changes_are_told_after_a_disconnection(self, meeting: Meeting, join: Join) -> None:
        one, other = await join(), await join()
        told = Told[Entry]()
        await other.watch(told)
        await one.put("member.a", b"1")
        await one.put("member.b", b"1")
        await told.until(lambda all: len(all) == 2)
        told.all.clear()
        await meeting.cut()
        await meeting.mend()
        await until_done(lambda: one.put("member.a", b"2"))
        await until_done(lambda: one.delete("member.b"))
        await told.until(lambda all: table(all) == {"member.a": b"2"} and not all[-1].value)


class MessageContract:
    """Messages between members."""

    async def test_a_message_is_heard(self, join: Join) -> None:
        one, other = await join(), await join()
        heard = Told[bytes]()
        await other.listen("to.b", heard)
        one.send("to.b", b"hello")
        assert await heard.until(len) == [b"hello"]

    async def test_a_member_hears_itself(self, engine: Engine) -> None:
        heard = Told[bytes]()
        await engine.listen("crdt", heard)
        engine.send("crdt", b"hello")
        assert await heard.until(len) == [b"hello"]

    async def test_everyone_who_listens_hears_it(self, join: Join) -> None:
        members = [await join() for _ in range(4)]
        listeners = [Told[bytes]() for _ in members] + [Told[bytes]()]
        for member, heard in zip([*members, members[0]], listeners, strict=True):
            await member.listen("crdt", heard)
        members[1].send("crdt", b"hello")
        for heard in listeners:
            assert await heard.until(len) == [b"hello"]

    async def test_nobody_else_hears_it(self, join: Join) -> None:
        one, other = await join(), await join()
        mine, theirs = Told[bytes](), Told[bytes]()
        await one.listen("to.a", mine)
        await other.listen("to.b", theirs)
        one.send("to.c", b"nobody")
        one.send("to.b", b"theirs")
        other.send("to.a", b"mine")
        assert await theirs.until(len) == [b"theirs"]
        assert await mine.until(len) == [b"mine"]

    async def test_messages_are_heard_in_order(self, join: Join) -> None:
        one, other = await join(), await join()
        heard = Told[bytes]()
        await other.listen("to.b", heard)
        for number in range(5000):
            one.send("to.b", b"%d" % number)
        await heard.until(lambda all: len(all) == 5000)
        assert heard.all == [b"%d" % number for number in range(5000)]

    async def test_any_bytes_travel(self, join: Join) -> None:
        one, other = await join(), await join()
        heard = Told[bytes]()
        await other.listen("to.b", heard)
        messages = [b"", bytes(range(256)), b"\r\nPUB to.b 1\r\n", b"\0"]
        for message in messages:
            one.send("to.b", message)
        await heard.until(lambda all: len(all) == len(messages))
        assert heard.all == messages

    async def test_the_largest_message_is_heard(self, join: Join) -> None:
        one, other = await join(), await join()
        heard = Told[bytes]()
        await other.listen("to.b", heard)
        assert one.largest >= 64 * 1024
        largest = bytes(one.largest)
        one.send("to.b", largest)
        one.send("to.b", b"next")
        await heard.until(lambda all: len(all) == 2)
        assert heard.all == [largest, b"next"]

    async def test_a_listener_that_fails_hears_on(self, engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
        heard = Told[bytes]()

        def fail(message: bytes) -> None:
            heard(message)
            raise RuntimeError("on purpose")

        await engine.listen("to.a", fail)
        engine.send("to.a", b"1")
        engine.send("to.a", b"2")
        await heard.until(lambda all: len(all) == 2)
        assert "on purpose" in caplog.text

    async def test_messages_are_heard_after_a_disconnection(self, meeting: Meeting, join: Join) -> None:
        one, other = await join(), await join()
        heard, echo = Told[bytes](), Told[bytes]()
        await other.listen("to.b", heard)
        await one.listen("to.a", echo)
        other.send("to.b", b"before")
        await heard.until(len)
        await meeting.cut()
        one.send("to.b", b"lost, perhaps")
        await meeting.mend()
        await until_heard(lambda: one.send("to.b", b"after"), heard, b"after")
        await until_heard(lambda: other.send("to.a", b"after"), echo, b"after")


class PresenceContract:
    """Coming, going, and nobody there."""

    async def test_many_open_at_once(self, meeting: Meeting) -> None:
        members = [meeting.engine() for _ in range(12)]
        try:
            await asyncio.gather(*(member.open() for member in members))
            await asyncio.gather(*(member.put(f"member.{number}", b"x", 0) for number, member in enumerate(members)))
            told = [Told[Entry]() for _ in members]
            await asyncio.gather(*(member.watch(each) for member, each in zip(members, told, strict=True)))
            assert all(len(table(each.all)) == len(members) for each in told)
        finally:
            await asyncio.gather(*(member.close() for member in members))

    async def test_records_stay_when_their_writer_leaves(self, meeting: Meeting, join: Join) -> None:
        leaving = meeting.engine()
        await leaving.open()
        revision = await leaving.put("shard.1", b"a", 0)
        await leaving.close()
        told = Told[Entry]()
        await (await join()).watch(told)
        assert told.all == [Entry("shard.1", b"a", revision)]

    async def test_what_was_sent_before_closing_is_heard(self, meeting: Meeting, join: Join) -> None:
        leaving = meeting.engine()
        await leaving.open()
        heard = Told[bytes]()
        await (await join()).listen("to.b", heard)
        for number in range(100):
            leaving.send("to.b", b"%d" % number)
        await leaving.close()
        await heard.until(lambda all: len(all) == 100)

    async def test_close_may_be_called_again(self, engine: Engine) -> None:
        await engine.close()
        await engine.close()

    async def test_a_closed_engine_refuses_and_tells_nothing(self, meeting: Meeting, join: Join) -> None:
        closed, other = meeting.engine(), await join()
        await closed.open()
        told, heard, theirs = Told[Entry](), Told[bytes](), Told[bytes]()
        await closed.watch(told)
        await closed.listen("to.a", heard)
        await other.listen("to.a", theirs)
        await closed.close()
        await all_unavailable(closed)
        closed.send("to.a", b"dropped")
        await other.put("member.a", b"x")
        other.send("to.a", b"x")
        await theirs.until(len)
        assert (told.all, heard.all, theirs.all) == ([], [], [b"x"])

    async def test_nobody_there_is_said_at_once(self, meeting: Meeting, engine: Engine) -> None:
        revision = await engine.put("member.a", b"1")
        await meeting.cut()
        await all_unavailable(engine)
        engine.send("to.a", b"dropped, perhaps")
        with pytest.raises(EngineUnavailable):
            async with asyncio.timeout(AT_ONCE):
                await meeting.engine().open()
        await meeting.mend()
        assert await until_done(lambda: engine.put("member.b", b"1", 0)) > revision


class EngineContract(TableContract, WatchContract, MessageContract, PresenceContract):
    """The suite."""


async def all_unavailable(engine: Engine) -> None:
    """Everything that can fail fails, soon."""
    attempts = (
        engine.put("member.z", b"2"),
        engine.delete("member.z"),
        engine.watch(lambda entry: None),
        engine.listen("to.z", lambda message: None),
    )
    async with asyncio.timeout(AT_ONCE):
        results = await asyncio.gather(*attempts, return_exceptions=True)
    assert [type(result) for result in results] == [EngineUnavailable] * len(attempts)


async def until_done(attempt: Callable[[], Awaitable[int | None]]) -> int:
    """Try until the engine is there again."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await attempt() or 0
            except EngineUnavailable:
                await asyncio.sleep(0)  # it may be said without a look


async def until_heard(send: Callable[[], None], heard: Told[bytes], message: bytes) -> None:
    """Send until it is heard: what is sent while nobody is there may be lost."""
    async with asyncio.timeout(PATIENCE):
        while message not in heard.all:
            send()
            with suppress(AssertionError):
                await heard.until(lambda all: message in all, patience=0.2)
