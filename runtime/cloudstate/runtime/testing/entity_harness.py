"""One entity in a test: the same session and function as in production, over a memory journal."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from google.protobuf.message import Message

from cloudstate.runtime.authoring import EventSourcedEntity, ValueEntity
from cloudstate.runtime.authoring.definition import CommandType
from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.entity.messages import Command, EventsEmitted, Failure, Forward, Outcome, Reply, SideEffect
from cloudstate.runtime.errors import CommandRejected
from cloudstate.runtime.function.event_sourced import EmbeddedEventSourced, EventSourcedInstance
from cloudstate.runtime.function.value import EmbeddedValue, ValueInstance
from cloudstate.runtime.journal.memory import MemoryJournal
from cloudstate.runtime.journal.port import AppendEvents, EntityKey, WriteValue
from cloudstate.runtime.payload import Metadata, Payload
from cloudstate.runtime.testing.commands import Commands

T = TypeVar("T")


class EntityHarness:
    """Drives one event-sourced or value entity.

    After every command of an event-sourced entity the harness replays its journal into a second instance and compares:
    a command handler that changes the state without an event, or an event handler whose result depends on anything but
    state and event, fails the test.

    Args:
        entity: an object of the author's class.
        entity_id: the id that the entity sees.

    Attributes:
        events: the decoded events of the last command, in order.
        side_effects: the side effects of the last command, in order; they are not run.
        forward: where the last command was forwarded to, or None; it is not followed.
    """

    def __init__(self, entity: EventSourcedEntity[Any] | ValueEntity[Any], entity_id: str = "test") -> None:
        self._function = (
            EmbeddedEventSourced(entity) if isinstance(entity, EventSourcedEntity) else EmbeddedValue(entity)
        )
        self._commands = Commands(entity, entity.definition.commands)
        self._key = EntityKey(self._function.entity_type, entity_id)
        self._journal = MemoryJournal(SystemClock())
        self._ids = 0
        self._sequence = 0
        self._instance: EventSourcedInstance | ValueInstance
        self.events: list[Message] = []
        self.side_effects: tuple[SideEffect, ...] = ()
        self.forward: Forward | None = None
        self.restart()

    def command(self, name: str, message: Message, *, metadata: Metadata = ()) -> Any:
        """Run a command and return its reply message (None if the command was forwarded: see ``forward``).

        Raises:
            CommandRejected: the handler refused the command, or failed unexpectedly.
            AssertionError: replaying the journal gives another state.
            KeyError: the entity has no such command.
            TypeError: the command takes another message.
        """
        command = self._commands.named(name, message)
        return _run(self._command(command, message, metadata))

    @property
    def state(self) -> Any:
        """The state: a message; None for a value entity that does not exist."""
        if isinstance(self._instance, EventSourcedInstance):
            return self._instance.state
        assert isinstance(self._function, EmbeddedValue)
        value = _run(self._journal.load_value(self._key)).payload
        return None if value is None else self._function.state_type.FromString(value.value)

    def restart(self) -> None:
        """Forget what is in memory and rebuild the entity from its journal, as after passivation or a crash."""
        self._instance, self._sequence = _run(self._started())

    async def _started(self) -> tuple[EventSourcedInstance | ValueInstance, int]:
        instance = self._function.instance(self._key)
        return instance, await instance.start(self._journal)

    async def _command(self, command: CommandType, message: Message, metadata: Metadata) -> Any:
        self._ids += 1
        later: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        payload = message.SerializeToString()
        sent = Command(self._ids, command.name, payload, command.input.FromString(payload), metadata, None)
        outcome = self._instance.handle(self._ids, sent, later.set_result)
        outcome = outcome or await later
        action, self.side_effects, change = outcome.action, outcome.side_effects, outcome.change
        self.events = []
        self.forward = action if isinstance(action, Forward) else None
        if isinstance(action, Failure):
            if action.restart:
                self._instance, self._sequence = await self._started()
            raise CommandRejected(action.description, action.status)
        if isinstance(change, EventsEmitted):
            append = AppendEvents(self._key, self._sequence, change.events, change.snapshot)
            self._sequence = await self._journal.append(append)
            self.events = [self._decoded(payload) for payload in change.events]
        elif change is not None:
            self._sequence = await self._journal.append(WriteValue(self._key, self._sequence, change.value))
        await self._check_replay()
        return command.output.FromString(action.payload) if isinstance(action, Reply) else None

    def _decoded(self, payload: Payload) -> Message:
        assert isinstance(self._function, EmbeddedEventSourced)
        return self._function.decoded(payload)[1]

    async def _check_replay(self) -> None:
        if not isinstance(self._instance, EventSourcedInstance):
            return
        replayed, _ = await self._started()
        assert isinstance(replayed, EventSourcedInstance)
        assert replayed.state == self._instance.state, (
            "replaying the journal gives another state: a command handler changed ctx.state without an event, "
            f"or an event handler is not pure\nreplayed: {replayed.state}\nin memory: {self._instance.state}"
        )


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)
