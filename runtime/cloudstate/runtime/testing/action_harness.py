"""An action in a test: calls of all four shapes, without a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

from google.protobuf.message import Message

from cloudstate.runtime.authoring import Action
from cloudstate.runtime.entity.messages import Failure, Forward, Outcome, Reply, SideEffect
from cloudstate.runtime.errors import CommandRejected
from cloudstate.runtime.function.action import EmbeddedAction
from cloudstate.runtime.payload import Metadata
from cloudstate.runtime.testing.commands import Commands


class ActionHarness:
    """Drives an action.

    Attributes:
        side_effects: the side effects of the last call, in order; they are not run.
        forwards: where the last call was forwarded to, in order; they are not followed.
    """

    def __init__(self, action: Action) -> None:
        self._function = EmbeddedAction(action)
        self._commands = Commands(action, action.definition.commands)
        self.side_effects: list[SideEffect] = []
        self.forwards: list[Forward] = []

    def call(self, name: str, *messages: Message, metadata: Metadata = ()) -> Any:
        """Call with one message (or several, where the rpc takes a stream) and return the reply message.

        Raises:
            CommandRejected: the handler refused the call, or failed unexpectedly.
            KeyError: the action has no such command.
            TypeError: the command takes other messages.
        """
        replies = self.replies(name, messages, metadata=metadata)
        return replies[0] if replies else None

    def replies(self, name: str, messages: Iterable[Message], *, metadata: Metadata = ()) -> list[Any]:
        """Call and return every reply, for rpcs that reply with a stream. Raises as ``call``."""
        given = list(messages)
        command = self._commands.named(name, *given)
        self.side_effects, self.forwards = [], []
        outcomes = asyncio.run(self._outcomes(name, given, metadata))
        for outcome in outcomes:
            self.side_effects += outcome.side_effects
            if isinstance(outcome.action, Forward):
                self.forwards.append(outcome.action)
            if isinstance(outcome.action, Failure):
                raise CommandRejected(outcome.action.description, outcome.action.status)
        return [command.output.FromString(o.action.payload) for o in outcomes if isinstance(o.action, Reply)]

    async def _outcomes(self, name: str, messages: list[Message], metadata: Metadata) -> list[Outcome]:
        if self._function.endpoints[name].streamed:
            return [outcome async for outcome in self._function.stream(name, _each(messages), metadata, None)]
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._function.unary(name, messages[0], metadata, None, outcome.set_result)
        return [await outcome]


async def _each(messages: list[Message]) -> AsyncIterator[Message]:
    for message in messages:
        yield message
