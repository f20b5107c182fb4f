"""The counter that the converter forwards to and has effects on."""

from cloudstate.runtime.authoring import CommandRejected, EventSourcedContext, StatusCode
from converter_service.entities import CounterEntity
from counting.counting_pb2 import GetTotalRequest, Increased, IncreaseRequest, Total

#: The largest total: the field is an int64.
MOST = 2**63 - 1


class Counter(CounterEntity):
    """One total for each counter."""

    def increase(self, command: IncreaseRequest, ctx: EventSourcedContext[Total]) -> Total:
        if command.by <= 0:
            raise CommandRejected(f"cannot increase by {command.by}: at least 1", StatusCode.INVALID_ARGUMENT)
        if ctx.state.value + command.by > MOST:
            raise CommandRejected(
                f"cannot increase by {command.by}: a total is at most {MOST}", StatusCode.OUT_OF_RANGE
            )
        ctx.emit(Increased(by=command.by))
        return ctx.state

    def get_total(self, command: GetTotalRequest, ctx: EventSourcedContext[Total]) -> Total:
        return ctx.state

    def on_increased(self, state: Total, event: Increased) -> Total:
        return Total(value=state.value + event.by)
