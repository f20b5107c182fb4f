"""What the embedded instances of event-sourced and value entities share: one turn at a time, failures as outcomes."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from cloudstate.runtime.authoring.context import Context
from cloudstate.runtime.entity.messages import Change, Command, Failure, Outcome
from cloudstate.runtime.entity.session import UNEXPECTED_FAILURE
from cloudstate.runtime.errors import CommandRejected, StatusCode
from cloudstate.runtime.function.binding import Handler
from cloudstate.runtime.function.turn import action_of, side_effects_of, take_turn
from cloudstate.runtime.journal.port import EntityKey

logger = logging.getLogger(__name__)


class DurableInstance(ABC):
    """One live entity in this process."""

    __slots__ = ("_handlers", "_task", "key")

    #: What callers are told when a handler raised: what the reference says of the model (protocol.md section 2.6).
    failure_text: ClassVar[str] = UNEXPECTED_FAILURE

    def __init__(self, key: EntityKey, handlers: Mapping[str, Handler]) -> None:
        self.key = key
        self._handlers = handlers
        self._task: asyncio.Task[None] | None = None

    def handle(self, command_id: int, command: Command, done: Callable[[Outcome], None]) -> Outcome | None:
        """See ``Instance.handle``."""
        handler = self._handlers[command.name]
        turn = take_turn(self, handler, command.message, self._context(command, handler), done)
        if isinstance(turn, Outcome):
            return turn
        self._task = turn
        return None

    def stop(self) -> None:
        """See ``Instance.stop``."""
        if self._task is not None:
            self._task.cancel()

    @abstractmethod
    def _context(self, command: Command, handler: Handler) -> Any:
        """The context for one command."""

    @abstractmethod
    def _change(self, ctx: Any) -> Change | None:
        """The state change that the handler made."""

    @abstractmethod
    def _is_dirty(self, ctx: Any) -> bool:
        """True if the state in memory may differ from what is durable, now that the command failed."""

    def conclude(self, handler: Handler, ctx: Context, result: object) -> Outcome:
        """See ``Turns.conclude``."""
        effects = side_effects_of(ctx) if ctx.effects else ()
        return Outcome(action_of(handler, result, ctx), effects, self._change(ctx))

    def fail(self, handler: Handler, ctx: Context, error: BaseException) -> Outcome:
        """See ``Turns.fail``."""
        if isinstance(error, CommandRejected):
            return Outcome(Failure(error.description, error.status, restart=self._is_dirty(ctx)))
        if isinstance(error, TimeoutError):
            text = f"`{handler.name}` did not finish in time"
            return Outcome(Failure(text, StatusCode.DEADLINE_EXCEEDED, restart=True))
        logger.error(
            "`%s` entity `%s` failed while handling `%s`", self.key.type, self.key.id, handler.name, exc_info=error
        )
        return Outcome(Failure(self.failure_text, StatusCode.UNKNOWN, restart=True))
