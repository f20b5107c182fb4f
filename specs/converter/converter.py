"""The converter: an action, with every shape of call, a forward and a side effect."""

from collections.abc import AsyncIterator

from cloudstate.runtime.authoring import ActionContext, CommandRejected, Forward, StatusCode
from conversion.conversion_pb2 import Celsius, CelsiusRange, CountedCelsius, Fahrenheit, GetCountRequest
from converter_service.calls import CounterCalls
from converter_service.entities import ConverterAction
from counting.counting_pb2 import GetTotalRequest, IncreaseRequest, Total


class Converter(ConverterAction):
    """Knows one formula and no state."""

    def convert(self, command: Celsius, ctx: ActionContext) -> Fahrenheit:
        return fahrenheit(command.degrees)

    async def convert_mean(self, commands: AsyncIterator[Celsius], ctx: ActionContext) -> Fahrenheit:
        degrees = [command.degrees async for command in commands]
        if not degrees:
            raise CommandRejected("there is no mean of nothing", StatusCode.INVALID_ARGUMENT)
        return fahrenheit(sum(degrees) / len(degrees))

    async def convert_range(self, command: CelsiusRange, ctx: ActionContext) -> AsyncIterator[Fahrenheit]:
        for degrees in range(command.first, command.last + 1):
            yield fahrenheit(degrees)

    async def convert_each(self, commands: AsyncIterator[Celsius], ctx: ActionContext) -> AsyncIterator[Fahrenheit]:
        async for command in commands:
            yield fahrenheit(command.degrees)

    def convert_counted(self, command: CountedCelsius, ctx: ActionContext) -> Fahrenheit:
        increase = CounterCalls.increase(IncreaseRequest(counter_id=command.counter_id, by=1))
        ctx.effect(increase, synchronous=command.wait)
        return fahrenheit(command.degrees)

    def get_count(self, command: GetCountRequest, ctx: ActionContext) -> Forward[Total]:
        return CounterCalls.get_total(GetTotalRequest(counter_id=command.counter_id)).forward()


def fahrenheit(celsius: float) -> Fahrenheit:
    """The formula."""
    return Fahrenheit(degrees=celsius * 9 / 5 + 32)
