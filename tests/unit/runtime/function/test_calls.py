"""Handlers that call other commands and wait for their replies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from cloudstate.runtime.authoring import ActionContext, StatusCode
from cloudstate.runtime.authoring.context import ContextClosed
from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.entity.messages import Failure, Reply
from cloudstate.runtime.function.action import EmbeddedAction
from cloudstate.runtime.function.event_sourced import EmbeddedEventSourced
from cloudstate.runtime.host import EntityHost, Request, Result, Router
from cloudstate.runtime.host.command_id import command_id
from cloudstate.runtime.journal import EntityKey, MemoryJournal
from conversion.conversion_pb2 import Celsius, CountedCelsius, Fahrenheit
from converter import Converter
from converter_service.calls import CounterCalls
from counter import Counter
from counting.counting_pb2 import GetTotalRequest, IncreaseRequest, Total

SERVICE = "com.example.conversion.Converter"


class Calling(Converter):
    """Counts first, and answers with what the counter said."""

    kept: ActionContext | None = None

    async def convert_counted(self, command: CountedCelsius, ctx: ActionContext) -> Fahrenheit:  # type: ignore[override]
        self.kept = ctx
        by = int(command.degrees)
        first = await ctx.call(CounterCalls.increase(IncreaseRequest(counter_id=command.counter_id, by=by)))
        second = await ctx.call(CounterCalls.get_total(GetTotalRequest(counter_id=command.counter_id)))
        assert first == second
        return Fahrenheit(degrees=second.value)

    async def convert_mean(self, commands: AsyncIterator[Celsius], ctx: ActionContext) -> Fahrenheit:
        total = Total()
        async for command in commands:
            total = await ctx.call(CounterCalls.increase(IncreaseRequest(counter_id="mean", by=int(command.degrees))))
        return Fahrenheit(degrees=total.value)


class Service:
    """Both behind one router."""

    def __init__(self, is_bound: bool = True) -> None:
        self.journal = MemoryJournal(SystemClock())
        self.author = Calling()
        action, counter = EmbeddedAction(self.author), EmbeddedEventSourced(Counter())
        self.router = Router([EntityHost(counter, self.journal)], [action])
        if is_bound:
            action.caller.bind(self.router.call, command_id)

    async def count(self, by: int, id: str = "", limit: float = 5.0) -> Result:
        payload = CountedCelsius(degrees=by, counter_id="c").SerializeToString()
        metadata = (("idempotency-key", id),) if id else ()
        deadline = asyncio.get_running_loop().time() + limit
        return await self.router.call(Request(SERVICE, "ConvertCounted", payload, metadata, deadline))


def degrees(result: Result) -> float:
    assert isinstance(result, Reply), result
    return Fahrenheit.FromString(result.payload).degrees


async def test_a_handler_gets_the_reply() -> None:
    service = Service()
    assert degrees(await service.count(2)) == 2
    assert degrees(await service.count(3)) == 5


async def test_a_streamed_handler_calls_for_each_message() -> None:
    async def messages() -> AsyncIterator[bytes]:
        for by in (1, 2, 3):
            yield Celsius(degrees=by).SerializeToString()

    service = Service()
    replies = [it async for it in service.router.stream(Request(SERVICE, "ConvertMean", b""), messages())]
    assert [degrees(reply) for reply in replies] == [6]


async def test_a_refusal_goes_through() -> None:
    result = await Service().count(-1)
    assert result == Failure("cannot increase by -1: at least 1", StatusCode.INVALID_ARGUMENT)


async def test_a_retried_command_does_not_call_twice() -> None:
    service = Service()
    assert degrees(await service.count(2, id="a")) == 2
    assert degrees(await service.count(2, id="a")) == 2
    assert degrees(await service.count(2, id="b")) == 4
    assert len((await service.journal.load(EntityKey("counter", "c"))).events) == 2


async def test_what_is_not_served_is_said_so() -> None:
    service = Service()
    lonely = EmbeddedAction(service.author)
    service.router = Router([], [lonely])
    lonely.caller.bind(service.router.call, command_id)
    result = await service.count(1)
    assert isinstance(result, Failure)
    assert result.status is StatusCode.UNIMPLEMENTED


async def test_behind_another_proxy_nothing_can_be_called() -> None:
    result = await Service(is_bound=False).count(1)
    assert isinstance(result, Failure)
    assert "only in the placement `embedded`" in result.description


async def test_nothing_can_be_called_when_the_handler_has_returned() -> None:
    service = Service()
    await service.count(1)
    assert service.author.kept is not None
    with pytest.raises(ContextClosed):
        await service.author.kept.call(CounterCalls.get_total(GetTotalRequest(counter_id="c")))
