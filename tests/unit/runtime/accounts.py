"""Entities for tests of the runtime, on message types that are always installed.

An account's id is a Money's ``currency_code``; ``units`` is the amount of a command, of an event, and of the state.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from google.type.date_pb2 import Date
from google.type.money_pb2 import Money

from cloudstate.runtime.authoring import (
    Action,
    ActionContext,
    ActionType,
    Call,
    CommandRejected,
    CommandType,
    EventSourcedContext,
    EventSourcedEntity,
    EventSourcedType,
    EventType,
    Forward,
    StatusCode,
    ValueContext,
    ValueEntity,
    ValueType,
)

KEY = ("currency_code",)


class Account(EventSourcedEntity[Money]):
    """Deposits add up; each is a Date event whose ``year`` is the amount."""

    definition = EventSourcedType(
        service="test.Account",
        entity_type="account",
        state=Money,
        commands=(
            CommandType("Deposit", "deposit", Money, Money, KEY),
            CommandType("DepositTwice", "deposit_twice", Money, Money, KEY),
            CommandType("EmitThenReject", "emit_then_reject", Money, Money, KEY),
            CommandType("EmitThenCrash", "emit_then_crash", Money, Money, KEY),
            CommandType("DepositLater", "deposit_later", Money, Money, KEY),
            CommandType("Balance", "balance", Money, Money, KEY, reads_only=True),
            CommandType("EmitInRead", "emit_in_read", Money, Money, KEY, reads_only=True),
            CommandType("WrongReply", "wrong_reply", Money, Money, KEY),
            CommandType("WrongEvent", "wrong_event", Money, Money, KEY),
            CommandType("DepositAndForward", "deposit_and_forward", Money, Money, KEY),
            CommandType("DepositWithEffects", "deposit_with_effects", Money, Money, KEY),
            CommandType("ForwardToItself", "forward_to_itself", Money, Money, KEY),
        ),
        events=(EventType("on_date", Date),),
        snapshot_every=4,
        passivation=30.0,
    )

    def __init__(self) -> None:
        self.replayed = 0

    def deposit(self, command: Money, ctx: EventSourcedContext[Money]) -> Money:
        ctx.emit(Date(year=command.units))
        ctx.reply_metadata.append(("sequence", str(ctx.sequence)))
        return ctx.state

    def deposit_twice(self, command: Money, ctx: EventSourcedContext[Money]) -> Money:
        ctx.emit(Date(year=command.units))
        ctx.emit(Date(year=command.units))
        return ctx.state

    def emit_then_reject(self, command: Money, ctx: EventSourcedContext[Money]) -> Money:
        ctx.emit(Date(year=command.units))
        raise CommandRejected("changed my mind", StatusCode.ABORTED)

    def emit_then_crash(self, command: Money, ctx: EventSourcedContext[Money]) -> Money:
        ctx.emit(Date(year=command.units))
        raise ZeroDivisionError("secret details")

    async def deposit_later(self, command: Money, ctx: EventSourcedContext[Money]) -> Money:
        ctx.emit(Date(year=command.units))
        return ctx.state

    def balance(self, command: Money, ctx: EventSourcedContext[Money]) -> Money:
        return ctx.state

    def emit_in_read(self, command: Money, ctx: EventSourcedContext[Money]) -> Money:
        ctx.emit(Date(year=1))
        return ctx.state

    def wrong_reply(self, command: Money, ctx: EventSourcedContext[Money]) -> Money:
        ctx.emit(Date(year=command.units))
        return Date()

    def wrong_event(self, command: Money, ctx: EventSourcedContext[Money]) -> Money:
        ctx.emit(Money(units=1))
        return ctx.state

    def deposit_and_forward(self, command: Money, ctx: EventSourcedContext[Money]) -> Forward[Money]:
        ctx.emit(Date(year=command.units))
        return Call[Money]("test.Account", "Balance", Money(currency_code=ctx.entity_id)).forward()

    def deposit_with_effects(self, command: Money, ctx: EventSourcedContext[Money]) -> Money:
        ctx.emit(Date(year=command.units))
        for target, synchronous in (("first", True), ("second", True), ("third", False)):
            money = Money(currency_code=target, units=command.units)
            ctx.effect(Call[Money]("test.Account", "Deposit", money), synchronous=synchronous)
        ctx.effect(Call[Money]("test.Nowhere", "Deposit", Money()), synchronous=True)
        return ctx.state

    def forward_to_itself(self, command: Money, ctx: EventSourcedContext[Money]) -> Forward[Money]:
        return Call[Money]("test.Account", "ForwardToItself", command).forward()

    def on_date(self, state: Money, event: Date) -> Money:
        self.replayed += 1
        state.units += event.year
        return state


class Note(ValueEntity[Money]):
    """A stored Money."""

    definition = ValueType(
        service="test.Note",
        entity_type="note",
        state=Money,
        commands=(
            CommandType("Put", "put", Money, Money, KEY),
            CommandType("Get", "get", Money, Money, KEY, reads_only=True),
            CommandType("Drop", "drop", Money, Money, KEY),
            CommandType("PutThenReject", "put_then_reject", Money, Money, KEY),
            CommandType("Scribble", "scribble", Money, Money, KEY),
        ),
    )

    def put(self, command: Money, ctx: ValueContext[Money]) -> Money:
        ctx.update(Money(units=-1))
        ctx.update(Money(units=command.units))
        return ctx.state

    def get(self, command: Money, ctx: ValueContext[Money]) -> Money:
        return ctx.state if ctx.exists else Money(units=-404)

    def drop(self, command: Money, ctx: ValueContext[Money]) -> Money:
        ctx.delete()
        return Money()

    def put_then_reject(self, command: Money, ctx: ValueContext[Money]) -> Money:
        ctx.update(command)
        raise CommandRejected("no")

    def scribble(self, command: Money, ctx: ValueContext[Money]) -> Money:
        ctx.state.units = 666
        return Money()


class Sums(Action):
    """All four shapes."""

    definition = ActionType(
        service="test.Sums",
        commands=(
            CommandType("Negate", "negate", Money, Money),
            CommandType("Count", "count", Money, Money, server_streaming=True),
            CommandType("Total", "total", Money, Money, client_streaming=True),
            CommandType("Running", "running", Money, Money, client_streaming=True, server_streaming=True),
        ),
    )

    def negate(self, command: Money, ctx: ActionContext) -> Money:
        return Money(units=-command.units)

    async def count(self, command: Money, ctx: ActionContext) -> AsyncIterator[Money]:
        for units in range(command.units):
            yield Money(units=units)

    async def total(self, commands: AsyncIterator[Money], ctx: ActionContext) -> Money:
        return Money(units=sum([command.units async for command in commands]))

    async def running(self, commands: AsyncIterator[Money], ctx: ActionContext) -> AsyncIterator[Money]:
        total = 0
        async for command in commands:
            if command.units < 0:
                raise CommandRejected("only upwards", StatusCode.OUT_OF_RANGE)
            total += command.units
            yield Money(units=total)
