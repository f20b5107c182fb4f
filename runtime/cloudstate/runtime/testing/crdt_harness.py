"""One CRDT entity in a test, on as many nodes as the test wants: the same sessions and functions as in production."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from google.protobuf.message import Message

from cloudstate.runtime.authoring import CrdtEntity
from cloudstate.runtime.authoring.data import Permit, make
from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.crdt import TYPES, UNKNOWN, Audience, Record, decode, value_of
from cloudstate.runtime.entity import crdt_messages as crdt
from cloudstate.runtime.entity.crdt_session import CrdtSession
from cloudstate.runtime.entity.messages import (
    Abandoned,
    Action,
    Answer,
    Command,
    Discard,
    Failure,
    Forward,
    Handle,
    Persist,
    Persisted,
    Reply,
    SideEffect,
    ValueChanged,
)
from cloudstate.runtime.errors import CommandRejected
from cloudstate.runtime.function.crdt import CrdtInstance, EmbeddedCrdt
from cloudstate.runtime.journal.port import EntityKey
from cloudstate.runtime.payload import Metadata
from cloudstate.runtime.testing.commands import Commands

#: An async handler that has not answered after so many seconds fails the test.
_LIMIT = 10.0


class StreamedCall:
    """A streamed command in a test.

    Attributes:
        replies: the reply messages so far.
        is_over: True if there will be no more.
        failure: why it ended, if it failed.
    """

    def __init__(self, harness: CrdtHarness, node: str, output: type[Message]) -> None:
        self.replies: list[Any] = []
        self.is_over = False
        self.failure: Failure | None = None
        self._harness = harness
        self._node = node
        self._output = output

    def cancel(self) -> None:
        """Go away, as a caller."""
        if not self.is_over:
            self.is_over = True
            self._harness.feed(self._node, Abandoned(self))

    def take(self, action: Action | None, *, ends: bool) -> None:
        """Take an answer of the session."""
        if self.is_over:
            return
        if isinstance(action, Reply):
            self.replies.append(self._output.FromString(action.payload))
        self.failure = action if isinstance(action, Failure) else None
        self.is_over = ends


class CrdtHarness:
    """Drives one CRDT entity. What one node changes reaches the others with ``sync``, and not before.

    Args:
        entity: an object of the author's class; it serves all nodes.
        entity_id: the id that the entity sees.
        nodes: the names of the nodes.

    Attributes:
        side_effects: the side effects of the last command, in order; they are not run.
        forward: where the last command was forwarded to, or None; it is not followed.
    """

    def __init__(self, entity: CrdtEntity[Any], entity_id: str = "test", nodes: Iterable[str] = ("one",)) -> None:
        self.function = EmbeddedCrdt(entity)
        self.key = EntityKey(self.function.entity_type, entity_id)
        self.data, self.element = entity.data_of(entity_id)
        self.side_effects: tuple[SideEffect, ...] = ()
        self.forward: Forward | None = None
        self._commands = Commands(entity, entity.definition.commands)
        members = frozenset(nodes)
        self._nodes = {name: _Node(self, name, Audience(name, members)) for name in nodes}
        self._first = next(iter(self._nodes))

    def command(self, name: str, message: Message, *, node: str = "", metadata: Metadata = ()) -> Any:
        """Run a command on a node (the first, if none is named) and return its reply message.

        Raises:
            CommandRejected: the handler refused the command, or failed unexpectedly.
            KeyError: the entity has no such command.
            TypeError: the command takes another message.
        """
        definition = self._commands.named(name, message)
        answers: list[Answer] = []
        self.feed(node, Command(answers, name, b"", message, metadata, None))
        (answer,) = answers
        action = answer.action
        self.side_effects = answer.side_effects
        self.forward = action if isinstance(action, Forward) else None
        if isinstance(action, Failure):
            raise CommandRejected(action.description, action.status)
        return definition.output.FromString(action.payload) if isinstance(action, Reply) else None

    def stream(self, name: str, message: Message, *, node: str = "", metadata: Metadata = ()) -> StreamedCall:
        """Begin a streamed command on a node."""
        call = StreamedCall(self, node, self._commands.named(name, message).output)
        self.feed(node, Command(call, name, b"", message, metadata, None, streamed=True))
        return call

    def state(self, node: str = "") -> Any:
        """The value on a node, as its handlers would see it. It cannot be changed."""
        at = self._nodes[node or self._first]
        state = at.record.state
        value = TYPES[self.data.kind].empty if state is None else value_of(state, at.audience)
        return make(self.data, value, self.element, Permit(PermissionError("only handlers change the value")))

    def exists(self, node: str = "") -> bool:
        """Whether the entity exists on a node."""
        return self._nodes[node or self._first].record.state is not None

    def sync(self) -> None:
        """Tell every node what every other one knows."""
        records = [at.record for at in self._nodes.values()]
        for name in self._nodes:
            for record in records:
                self.feed(name, crdt.Heard(record))

    def feed(self, node: str, message: crdt.CrdtInput) -> None:
        """Give a message to the session of a node."""
        asyncio.run(self._nodes[node or self._first].feed(message))


class _Node:
    """One session with its function, and what would be in its journal."""

    def __init__(self, harness: CrdtHarness, name: str, audience: Audience) -> None:
        self.audience = audience
        self.record: Record = UNKNOWN
        self._harness = harness
        self._session = CrdtSession(name, audience, SystemClock(), pipeline=harness.function.pipeline)
        self._instance: CrdtInstance | None = None
        self._inbox: list[crdt.CrdtInput] = []
        self._sequence = 0
        self._arrived = asyncio.Event()

    async def feed(self, message: crdt.CrdtInput) -> None:
        """Take a message and everything that comes of it, until nothing is left to do."""
        self._arrived = asyncio.Event()
        self._inbox.append(message)
        async with asyncio.timeout(_LIMIT):
            while self._inbox or not self._is_at_rest():
                if not self._inbox:  # an async handler is at work
                    self._arrived.clear()
                    await self._arrived.wait()
                for effect in self._session.feed(self._inbox.pop(0)):
                    await self._execute(effect)

    def _is_at_rest(self) -> bool:
        return self._instance is None or not self._instance.is_busy

    async def _execute(self, effect: crdt.CrdtEffect) -> None:
        match effect:
            case crdt.Load():
                self._inbox.append(crdt.Loaded(self.record, self._sequence))
            case crdt.Open(change=change):
                self._instance = self._harness.function.instance(self._harness.key, self._told)
                await self._instance.open(change)
                self._inbox.append(crdt.Opened())
            case Persist(change=ValueChanged(value=value)):
                assert value is not None
                self.record = decode(value.value)
                self._sequence += 1
                self._inbox.append(Persisted(self._sequence))
            case crdt.Spread(number=number):
                self._inbox.append(crdt.Reached(number))
            case Answer():
                effect.ticket.append(effect)
            case crdt.Message():
                self._harness.side_effects = effect.side_effects
                effect.ticket.take(effect.action, ends=effect.ends)
            case _:
                self._to_function(effect)

    def _to_function(self, effect: crdt.CrdtEffect) -> None:
        instance = self._instance
        assert instance is not None
        match effect:
            case Handle(command_id=command_id, command=command):
                instance.handle(command_id, command)
            case crdt.Tell(change=change):
                instance.tell(change)
            case crdt.Cancel(command_id=command_id):
                instance.cancel(command_id)
            case Discard():
                instance.stop()
                self._instance = None
            case crdt.Report(text=text):
                raise AssertionError(text)

    def _told(self, *messages: crdt.CrdtInput) -> None:
        self._inbox += messages
        self._arrived.set()
