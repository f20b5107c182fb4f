"""One handler call, from plain or async code, turned into an Outcome. Shared by all embedded functions."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any, Protocol

from cloudstate.runtime.authoring.call import Call, Forward
from cloudstate.runtime.authoring.context import Context
from cloudstate.runtime.entity import messages
from cloudstate.runtime.entity.messages import Action, Outcome, Reply, SideEffect
from cloudstate.runtime.function.binding import Handler

#: An async handler that has not returned after so many seconds is cancelled and its command fails.
TURN_LIMIT = 60.0


class Turns(Protocol):
    """Whoever owns the handlers: it knows what their results and failures mean."""

    def conclude(self, handler: Handler, ctx: Any, result: object) -> Outcome:
        """The outcome of a handler that returned."""
        ...

    def fail(self, handler: Handler, ctx: Any, error: BaseException) -> Outcome:
        """The outcome of a handler that raised, or whose result could not be concluded."""
        ...


def take_turn(
    owner: Turns, handler: Handler, message: Any, ctx: Context, done: Callable[[Outcome], None]
) -> Outcome | asyncio.Task[None]:
    """Call the handler; gives the outcome, or, where the handler is async, the task that will tell it to ``done``."""
    ctx.connect(handler.caller.call)
    try:
        result = handler.call(message, ctx)
        if type(result) is not handler.output and inspect.isawaitable(result):
            return asyncio.get_running_loop().create_task(_finish(owner, handler, result, ctx, done))
        outcome = owner.conclude(handler, ctx, result)
    except Exception as error:
        outcome = owner.fail(handler, ctx, error)
    ctx.close()
    return outcome


async def _finish(owner: Turns, handler: Handler, result: Any, ctx: Context, done: Callable[[Outcome], None]) -> None:
    limit = asyncio.get_running_loop().time() + TURN_LIMIT
    try:
        async with asyncio.timeout_at(limit if ctx.deadline is None else min(limit, ctx.deadline)):
            outcome = owner.conclude(handler, ctx, await result)
    except Exception as error:
        outcome = owner.fail(handler, ctx, error)
    finally:
        ctx.close()
    done(outcome)


def action_of(handler: Handler, result: Any, ctx: Context) -> Action:
    """The protocol's action for what a handler returned.

    Raises:
        TypeError: it returned neither the rpc's output message nor a forward.
    """
    if type(result) is handler.output:
        return Reply(result.SerializeToString(), tuple(ctx.reply_metadata) if ctx.reply_metadata else ())
    if isinstance(result, Forward):
        call: Call[Any] = result.call
        return messages.Forward(call.service, call.command, call.message.SerializeToString(), call.metadata)
    method = getattr(handler.call, "__qualname__", f"the handler of {handler.name}")
    raise TypeError(
        f"`{method}` returned {type(result).__name__}; it must return {handler.output.__name__} or a forward"
    )


def side_effects_of(ctx: Context) -> tuple[SideEffect, ...]:
    """The side effects that the handler asked for, in order."""
    return tuple(
        SideEffect(call.service, call.command, call.message.SerializeToString(), synchronous, call.metadata)
        for call, synchronous in ctx.effects
    )
