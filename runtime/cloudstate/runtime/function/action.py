"""Actions in this process: stateless, any number of calls at once, all four rpc shapes."""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from functools import partial
from typing import Any

from cloudstate.runtime.authoring.context import ActionContext, Context
from cloudstate.runtime.authoring.entity import Action
from cloudstate.runtime.entity.messages import Failure, Outcome
from cloudstate.runtime.errors import CommandRejected, StatusCode
from cloudstate.runtime.function.binding import Handler, bind_commands
from cloudstate.runtime.function.caller import Caller
from cloudstate.runtime.function.endpoint import endpoints_of
from cloudstate.runtime.function.turn import action_of, side_effects_of, take_turn
from cloudstate.runtime.payload import Metadata

logger = logging.getLogger(__name__)

UNEXPECTED_FAILURE = "Unexpected action failure"


class EmbeddedAction:
    """The author's action."""

    def __init__(self, action: Action) -> None:
        self.service = action.definition.service
        self.caller = Caller()
        self._handlers = bind_commands(action, action.definition.commands, self.caller)
        self.endpoints = endpoints_of(action.definition.commands)

    def unary(
        self, name: str, message: Any, metadata: Metadata, deadline: float | None, done: Callable[[Outcome], None]
    ) -> Callable[[], None] | None:
        """See ``ActionFunction.unary``."""
        handler = self._handlers[name]
        ctx = ActionContext(metadata, deadline)
        turn = take_turn(self, handler, message, ctx, done)
        if isinstance(turn, Outcome):
            done(turn)
            return None
        return partial(_cancel, turn)

    async def stream(
        self, name: str, messages: AsyncIterator[Any], metadata: Metadata, deadline: float | None
    ) -> AsyncGenerator[Outcome, None]:
        """See ``ActionFunction.stream``."""
        handler, endpoint = self._handlers[name], self.endpoints[name]
        ctx = ActionContext(metadata, deadline)
        ctx.connect(handler.caller.call)
        try:
            argument = messages if endpoint.client_streaming else await anext(messages)
            result = handler.call(argument, ctx)
            if not endpoint.server_streaming:
                yield self.conclude(handler, ctx, await result if inspect.isawaitable(result) else result)
                return
            async with aclosing(result) as replies:
                async for reply in replies:
                    yield self.conclude(handler, ctx, reply)
        except StopAsyncIteration:
            text = f"`{name}` takes one message and got none"
            yield Outcome(Failure(text, StatusCode.INVALID_ARGUMENT))
        except Exception as error:
            yield self.fail(handler, ctx, error)
        finally:
            ctx.close()

    def conclude(self, handler: Handler, ctx: Context, result: object) -> Outcome:
        """See ``Turns.conclude``."""
        if result is None:
            outcome = Outcome(None, side_effects_of(ctx))
        elif isinstance(result, CommandRejected):
            outcome = self.fail(handler, ctx, result)
        else:
            outcome = Outcome(action_of(handler, result, ctx), side_effects_of(ctx))
        ctx.effects.clear()
        ctx.reply_metadata.clear()
        return outcome

    def fail(self, handler: Handler, ctx: Context, error: BaseException) -> Outcome:
        """See ``Turns.fail``."""
        if isinstance(error, CommandRejected):
            return Outcome(Failure(error.description, error.status), side_effects_of(ctx))
        if isinstance(error, TimeoutError):
            return Outcome(Failure(f"`{handler.name}` did not finish in time", StatusCode.DEADLINE_EXCEEDED))
        logger.error("action `%s` failed while handling `%s`", self.service, handler.name, exc_info=error)
        return Outcome(Failure(UNEXPECTED_FAILURE, StatusCode.UNKNOWN))


def _cancel(task: Any) -> None:
    task.cancel()
