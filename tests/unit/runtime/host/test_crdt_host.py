"""CRDT entities behind the router: answers, streams, deletions, restarts, and what is in the journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, ClassVar

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from cloudstate.runtime.authoring import (
    Call,
    CommandRejected,
    CommandType,
    Consistency,
    CrdtContext,
    CrdtEntity,
    CrdtStreamContext,
    CrdtType,
    CrdtUpdate,
    LWWRegister,
    ORSet,
    StatusCode,
)
from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.crdt import decode
from cloudstate.runtime.function.crdt import EmbeddedCrdt
from cloudstate.runtime.host import CrdtHost, Failure, Reply, Request, Router
from cloudstate.runtime.journal import EntityKey, MemoryJournal

KEY = ("value",)


def rpc(name: str, *, streamed: bool = False, reads_only: bool = False) -> CommandType:
    return CommandType(
        name, name.lower(), StringValue, StringValue, KEY, server_streaming=streamed, reads_only=reads_only
    )


def text(value: str) -> StringValue:
    return StringValue(value=value)


def names(state: ORSet[str]) -> StringValue:
    return text(",".join(state))


class Room(CrdtEntity[ORSet[str]]):
    """Who is in a room."""

    definition: ClassVar[CrdtType] = CrdtType(
        service="test.Room",
        entity_type="room",
        data=ORSet,
        element=str,
        commands=(
            rpc("Enter"),
            rpc("Later"),
            rpc("Show", reads_only=True),
            rpc("Sneak", reads_only=True),
            rpc("Fail"),
            rpc("Close"),
            rpc("Watch", streamed=True),
            rpc("Stay", streamed=True),
        ),
        passivation=30.0,
    )
    guests = 0

    def enter(self, command: StringValue, ctx: CrdtContext[ORSet[str]]) -> StringValue:
        self.guests += 1
        ctx.state.add(f"guest{self.guests}")
        ctx.consistency = Consistency.ALL
        return names(ctx.state)

    async def later(self, command: StringValue, ctx: CrdtContext[ORSet[str]]) -> StringValue:
        await asyncio.sleep(0)
        return self.enter(command, ctx)

    def show(self, command: StringValue, ctx: CrdtContext[ORSet[str]]) -> StringValue:
        return names(ctx.state) if ctx.exists else text("nobody ever")

    def sneak(self, command: StringValue, ctx: CrdtContext[ORSet[str]]) -> StringValue:
        ctx.state.add("thief")
        return text("")

    def fail(self, command: StringValue, ctx: CrdtContext[ORSet[str]]) -> StringValue:
        ctx.state.clear()
        ctx.state.add("nobody")
        raise CommandRejected("not today", StatusCode.ABORTED)

    def close(self, command: StringValue, ctx: CrdtContext[ORSet[str]]) -> StringValue:
        ctx.delete()
        return text("closed")

    def watch(self, command: StringValue, ctx: CrdtStreamContext[ORSet[str], StringValue]) -> StringValue | None:
        def changed(update: CrdtUpdate[ORSet[str]]) -> StringValue | None:
            if len(update.state) > 3:
                update.end()
            if len(update.state) == 2:
                return None
            return names(update.state)

        ctx.on_change(changed)
        return names(ctx.state)

    def stay(self, command: StringValue, ctx: CrdtStreamContext[ORSet[str], StringValue]) -> StringValue | None:
        ctx.state.add("me")

        def gone(end: CrdtContext[ORSet[str]]) -> None:
            end.state.discard("me")
            end.effect(Call("test.Room", "Enter", text("other")))

        ctx.on_cancel(gone)
        return None


class Runtime:
    """A router over one host and a journal."""

    def __init__(self, entity: CrdtEntity[Any] | None = None, journal: MemoryJournal | None = None) -> None:
        self.journal = journal or MemoryJournal(SystemClock())
        self.host = CrdtHost(EmbeddedCrdt(entity or Room()), self.journal)
        self.router = Router([self.host])

    async def call(self, command: str, room: str = "r") -> str:
        result = await self.router.call(Request("test.Room", command, text(room).SerializeToString()))
        if isinstance(result, Failure):
            return f"{result.status.name}: {result.description}"
        assert isinstance(result, Reply)
        return StringValue.FromString(result.payload).value

    def stream(self, command: str, room: str = "r") -> Any:
        return self.router.stream(Request("test.Room", command, b""), one(text(room).SerializeToString()))


async def one(payload: bytes) -> AsyncIterator[bytes]:
    yield payload


async def heard(stream: Any) -> str:
    reply = await asyncio.wait_for(anext(stream), 5)
    return StringValue.FromString(reply.payload).value


async def test_it_answers_and_remembers() -> None:
    runtime = Runtime()
    assert await runtime.call("Show") == "nobody ever"
    assert await runtime.call("Enter") == "guest1"
    assert await runtime.call("Later") == "guest1,guest2"
    again = Runtime(journal=runtime.journal)
    assert await again.call("Show") == "guest1,guest2"
    assert await again.call("Show", "elsewhere") == "nobody ever"


async def test_a_handler_that_fails_changes_nothing() -> None:
    runtime = Runtime()
    await runtime.call("Enter")
    assert await runtime.call("Fail") == "ABORTED: not today"
    assert await runtime.call("Sneak") == "UNKNOWN: Unexpected entity failure"
    assert await runtime.call("Show") == "guest1"


async def test_a_deleted_entity_begins_anew_in_the_next_generation() -> None:
    runtime = Runtime()
    await runtime.call("Enter")
    assert await runtime.call("Close") == "closed"
    assert await Runtime(journal=runtime.journal).call("Show") == "nobody ever"
    assert await runtime.call("Show") == "nobody ever"
    assert await runtime.call("Enter") == "guest2"
    stored = await runtime.journal.load_value(EntityKey("room", "r"))
    assert stored.payload is not None
    assert decode(stored.payload.value).generation == 1


async def test_a_stream_follows_the_changes() -> None:
    runtime = Runtime()
    async with aclosing(runtime.stream("Watch")) as stream:
        assert await heard(stream) == ""
        await runtime.call("Enter")
        assert await heard(stream) == "guest1"
        await runtime.call("Enter")
        await runtime.call("Enter")
        assert await heard(stream) == "guest1,guest2,guest3"
        await runtime.call("Enter")
        assert await heard(stream) == "guest1,guest2,guest3,guest4"
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


async def test_a_caller_that_goes_is_noticed() -> None:
    runtime = Runtime()
    watching = runtime.stream("Watch")
    assert await heard(watching) == ""
    staying = runtime.stream("Stay")
    arrives = asyncio.ensure_future(heard(staying))
    assert await heard(watching) == "me"
    arrives.cancel()
    await asyncio.gather(arrives, return_exceptions=True)
    await staying.aclose()
    assert await heard(watching) == ""
    await watching.aclose()
    await runtime.router.drain()
    assert await runtime.call("Show", "other") == "guest1"


async def test_a_deletion_ends_the_streams() -> None:
    runtime = Runtime()
    async with aclosing(runtime.stream("Watch")) as stream:
        await heard(stream)
        await runtime.call("Close")
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


async def test_a_streaming_entity_stays_in_memory() -> None:
    runtime = Runtime()
    async with aclosing(runtime.stream("Watch")) as stream:
        await heard(stream)
        runtime.host.sweep(runtime.host.monotonic() + 1000)
        assert len(runtime.host) == 1
    await runtime.call("Show")
    runtime.host.sweep(runtime.host.monotonic() + 1000)
    runtime.host.sweep(runtime.host.monotonic() + 2000)
    assert len(runtime.host) == 0


async def test_a_streamed_command_is_not_unary_and_the_other_way_round() -> None:
    runtime = Runtime()
    assert (await runtime.call("Watch")).startswith("UNIMPLEMENTED")
    with pytest.raises(CommandRejected, match="is unary and was called otherwise"):
        await heard(runtime.stream("Show"))
    with pytest.raises(CommandRejected, match="names no entity"):
        await heard(runtime.stream("Watch", ""))


class Register(Room):
    """The same entity, with another type of value."""

    def data_of(self, entity_id: str) -> tuple[Any, Any]:
        return LWWRegister, str


async def test_a_value_of_another_type_is_refused() -> None:
    runtime = Runtime()
    await runtime.call("Enter")
    answer = await Runtime(Register(), runtime.journal).call("Show")
    assert answer == "UNKNOWN: `room` entity `r` failed while reading a ORSet as a LWWRegister"


async def test_what_waits_and_what_lives_is_timed() -> None:
    runtime = Runtime()
    await runtime.call("Enter")
    await asyncio.gather(*(runtime.call("Later") for _ in range(3)))
    metrics = runtime.host.metrics
    assert metrics.stashed_commands == metrics.unstashed_commands == sum(metrics.command_stash_time.counts) == 3
    assert metrics.entity_active_time.count == 0
    runtime.host.sweep(runtime.host.monotonic() + 1000)
    assert metrics.entity_active_time.count == metrics.passivated_entities == 1
