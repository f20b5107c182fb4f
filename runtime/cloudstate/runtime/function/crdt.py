"""CRDT entities in this process: a plain value, one handler at a time, and the streams that follow its changes."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from functools import partial
from typing import Any

from cloudstate.runtime.authoring.context import Context
from cloudstate.runtime.authoring.crdt_context import CrdtContext, CrdtStreamContext, CrdtUpdate
from cloudstate.runtime.authoring.data import Data, Permit, make
from cloudstate.runtime.authoring.entity import CrdtEntity
from cloudstate.runtime.crdt import TYPES, Change, Value
from cloudstate.runtime.entity.crdt_messages import CancelReply, CrdtReply, StateAction, StreamedMessage
from cloudstate.runtime.entity.messages import Action, Command, Failure, Outcome
from cloudstate.runtime.entity.session import UNEXPECTED_FAILURE
from cloudstate.runtime.errors import CommandRejected, EntityFailed, StatusCode
from cloudstate.runtime.function.binding import Handler, bind_commands
from cloudstate.runtime.function.caller import Caller
from cloudstate.runtime.function.endpoint import endpoints_of
from cloudstate.runtime.function.port import CrdtTold
from cloudstate.runtime.function.turn import action_of, side_effects_of, take_turn
from cloudstate.runtime.journal.port import EntityKey

logger = logging.getLogger(__name__)


class EmbeddedCrdt:
    """The author's CRDT entity: makes one instance per live entity. See ``CrdtFunction``."""

    metrics_prefix = "cloudstate_crdt"
    #: Handlers change one plain value, so they take turns.
    pipeline = 1

    def __init__(self, entity: CrdtEntity[Any]) -> None:
        definition = entity.definition
        self.service = definition.service
        self.entity_type = definition.entity_type
        self.passivation = definition.passivation
        self.endpoints = endpoints_of(definition.commands)
        self.caller = Caller()
        self.handlers = bind_commands(entity, definition.commands, self.caller)
        self.entity = entity

    def report(self, text: str) -> None:
        """See ``CrdtFunction.report``."""
        logger.error(text)

    def instance(self, key: EntityKey, told: CrdtTold) -> CrdtInstance:
        """See ``CrdtFunction.instance``. Code in this process is never lost."""
        return CrdtInstance(key, self, told)


class CrdtInstance:
    """One live CRDT entity."""

    __slots__ = ("_data", "_function", "_gone", "_streams", "_task", "_told", "_value", "key")

    def __init__(self, key: EntityKey, function: EmbeddedCrdt, told: CrdtTold) -> None:
        self.key = key
        self._function = function
        self._told = told
        self._data = function.entity.data_of(key.id)
        self._value: Value | None = None
        self._streams: dict[int, tuple[Handler, CrdtStreamContext[Any, Any]]] = {}
        self._task: asyncio.Task[None] | None = None
        self._gone: deque[int] = deque()

    async def open(self, change: Change | None) -> None:
        """See ``CrdtInstance`` of the port.

        Raises:
            EntityFailed: the value is of another type than the author's.
        """
        if change is not None and change.kind is not self._data[0].kind:
            doing = f"reading a {change.kind.title} as a {self._data[0].kind.title}"
            raise EntityFailed(entity_type=self.key.type, entity_id=self.key.id, doing=doing)
        self._take(change)

    def handle(self, command_id: int, command: Command) -> None:
        """See ``CrdtInstance`` of the port."""
        handler = self._function.handlers[command.name]
        permit = Permit(PermissionError("the spec declares this command with `effect: read`: it must not change it"))
        if not handler.reads_only:
            permit.refusal = None
        made = CrdtStreamContext[Any, Any] if command.streamed else CrdtContext[Any]
        ctx = made(
            self.key.id,
            self._made(permit),
            permit,
            command.metadata,
            command.deadline,
            exists=self._value is not None,
        )
        turn = take_turn(self, handler, command.message, ctx, partial(self._later, command_id, handler, ctx))
        if isinstance(turn, Outcome):
            self._finish(command_id, handler, ctx, turn)
        else:
            self._task = turn

    def tell(self, change: Change | None) -> None:
        """See ``CrdtInstance`` of the port."""
        if change is None:
            self._value = None
            self._streams.clear()
            return
        self._take(change)
        self._told(*self._updates())

    def cancel(self, command_id: int) -> None:
        """See ``CrdtInstance`` of the port."""
        if self._task is not None:
            self._gone.append(command_id)  # the handler that runs has the value
            return
        handler, stream = self._streams.pop(command_id)
        if stream.gone is None:
            self._told(CancelReply(command_id))
            return
        permit = Permit()
        exists = self._value is not None
        ctx = CrdtContext[Any](self.key.id, self._made(permit), permit, (), None, exists=exists)
        try:
            stream.gone(ctx)
            reply = CancelReply(command_id, side_effects_of(ctx), self._state_action(ctx))
        except Exception:
            self._log(handler, "while its caller's going was handled")
            reply = CancelReply(command_id)
        ctx.close()
        self._told(reply, *self._changed(reply.state_action))

    def stop(self) -> None:
        """See ``CrdtInstance`` of the port."""
        if self._task is not None:
            self._task.cancel()

    def streams(self, command_id: int) -> bool:
        """True if a command is being streamed, or may yet be."""
        return command_id in self._streams or self._task is not None

    @property
    def is_busy(self) -> bool:
        """True while an async handler is at work."""
        return self._task is not None

    # --- Turns --------------------------------------------------------------------------------------------------------

    def conclude(self, handler: Handler, ctx: Context, result: object) -> Outcome:
        """See ``Turns.conclude``."""
        action: Action | None = None
        if result is not None or not isinstance(ctx, CrdtStreamContext):
            action = action_of(handler, result, ctx)
        return Outcome(action, side_effects_of(ctx))

    def fail(self, handler: Handler, ctx: Context, error: BaseException) -> Outcome:
        """See ``Turns.fail``."""
        return Outcome(self._failure(handler, error))

    def _later(
        self, command_id: int, handler: Handler, ctx: CrdtContext[Any] | CrdtStreamContext[Any, Any], outcome: Outcome
    ) -> None:
        self._task = None
        self._finish(command_id, handler, ctx, outcome)
        while self._gone and self._task is None:
            self.cancel(self._gone.popleft())

    def _finish(
        self, command_id: int, handler: Handler, ctx: CrdtContext[Any] | CrdtStreamContext[Any, Any], outcome: Outcome
    ) -> None:
        if isinstance(outcome.action, Failure):
            self._told(CrdtReply(command_id, outcome.action))
            return
        state_action = self._state_action(ctx)
        updates = self._changed(state_action)
        streamed = isinstance(ctx, CrdtStreamContext) and (ctx.changed is not None or ctx.gone is not None)
        if streamed and not state_action.deletes:
            assert isinstance(ctx, CrdtStreamContext)
            self._streams[command_id] = handler, ctx
        reply = CrdtReply(command_id, outcome.action, outcome.side_effects, state_action, streamed)
        self._told(reply, *updates)

    # --- The value ----------------------------------------------------------------------------------------------------

    def _made(self, permit: Permit) -> Any:
        data, element = self._data
        value = self._value if self._value is not None else TYPES[data.kind].empty
        return make(data, value, element, permit)

    def _take(self, change: Change | None) -> None:
        if change is not None:
            data_type = TYPES[change.kind]
            self._value = data_type.after(self._value if self._value is not None else data_type.empty, change)

    def _state_action(self, ctx: CrdtContext[Any]) -> StateAction:
        state: Data = ctx.state
        if ctx.deleted:
            return StateAction(None, True, ctx.consistency)
        return StateAction(state.change(), False, ctx.consistency)

    def _changed(self, action: StateAction) -> list[StreamedMessage]:
        """Take over what a handler has changed; gives what the streams make of it."""
        if action.deletes:
            self._value = None
            self._streams.clear()
            return []
        if action.change is None:
            return []
        self._take(action.change)
        return self._updates()

    def _updates(self) -> list[StreamedMessage]:
        updates = [self._update(number, *stream) for number, stream in list(self._streams.items())]
        return [update for update in updates if update is not None]

    def _update(self, command_id: int, handler: Handler, stream: CrdtStreamContext[Any, Any]) -> StreamedMessage | None:
        if stream.changed is None:
            return None
        text = "a callback must not change the value: a command, or a callback of `on_cancel`, may"
        ctx = CrdtUpdate[Any](self.key.id, self._made(Permit(PermissionError(text))))
        try:
            result = stream.changed(ctx)
            action = None if result is None else action_of(handler, result, ctx)
        except Exception as error:
            del self._streams[command_id]
            return StreamedMessage(command_id, self._failure(handler, error), ends=True)
        finally:
            ctx.close()
        if ctx.ended:
            del self._streams[command_id]
        if action is None and not ctx.effects and not ctx.ended:
            return None
        return StreamedMessage(command_id, action, side_effects_of(ctx), ctx.ended)

    def _failure(self, handler: Handler, error: BaseException) -> Failure:
        if isinstance(error, CommandRejected):
            return Failure(error.description, error.status)
        if isinstance(error, TimeoutError):
            return Failure(f"`{handler.name}` did not finish in time", StatusCode.DEADLINE_EXCEEDED)
        self._log(handler, "")
        return Failure(UNEXPECTED_FAILURE, StatusCode.UNKNOWN)

    def _log(self, handler: Handler, when: str) -> None:
        key = self.key
        logger.exception("`%s` entity `%s` failed while handling `%s` %s", key.type, key.id, handler.name, when)
