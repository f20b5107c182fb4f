"""A member of a cluster as the program of a node: what `cloudstate run` wires, without its sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from google.protobuf.message import Message

from cloudstate.runtime.authoring import Action, CrdtEntity, EventSourcedEntity, ValueEntity
from cloudstate.runtime.authoring.definition import CommandType
from cloudstate.runtime.clock import Clock
from cloudstate.runtime.cluster.setting import Setting
from cloudstate.runtime.cluster.sharding import Sharding
from cloudstate.runtime.entity.messages import Failure, Reply
from cloudstate.runtime.errors import CommandRejected
from cloudstate.runtime.function.action import EmbeddedAction
from cloudstate.runtime.function.crdt import EmbeddedCrdt
from cloudstate.runtime.function.event_sourced import EmbeddedEventSourced
from cloudstate.runtime.function.value import EmbeddedValue
from cloudstate.runtime.host import CrdtHost, EntityHost, HostLimits, Request, Router
from cloudstate.runtime.journal import Journal
from cloudstate.runtime.replication import Replication
from cloudstate.runtime.testing.simulation.node import Node, Program

#: An entity of a service, or an action.
Author = EventSourcedEntity[Any] | ValueEntity[Any] | CrdtEntity[Any] | Action

#: How a service is named and divided where a test does not care.
SETTING = Setting("simulated", 32)


#: A member that was asked to stop waits so many seconds for requests that were sent before that was known.
_LINGER = 0.5


class Member:
    """One member of a cluster.

    Attributes:
        sharding: what it owns, and what it passes on.
        router: where its commands go.
    """

    def __init__(self, sharding: Sharding, router: Router, authors: Iterable[Author]) -> None:
        self.sharding = sharding
        self.router = router
        self._commands: dict[str, list[tuple[str, CommandType]]] = {}
        self._unanswered = 0
        self._idle = asyncio.Event()
        self._idle.set()
        for author in authors:
            for command in author.definition.commands:
                self._commands.setdefault(command.name, []).append((author.definition.service, command))

    async def command(self, name: str, message: Message, *, id: str = "", limit: float = 10.0) -> Any:
        """Run a command that came in here, wherever its entity is, and give its reply message.

        Args:
            id: the caller's id of the command: with the same id it is run once.
            limit: the caller waits for so many seconds.

        Raises:
            CommandRejected: the handler refused it, it failed, or it could not be run now; see its ``status``.
            KeyError: no entity has such a command for such a message.
        """
        service, command = self._found(name, message)
        deadline = asyncio.get_running_loop().time() + limit
        request = Request(service, name, message.SerializeToString(), deadline=deadline, id=id)
        self._idle.clear()
        self._unanswered += 1
        try:
            result = await self.router.call(request)
        finally:
            self._unanswered -= 1
            if not self._unanswered:
                self._idle.set()
        if isinstance(result, Failure):
            raise CommandRejected(result.description, result.status)
        assert isinstance(result, Reply)
        return command.output.FromString(result.payload)

    async def drain(self) -> None:
        """Wait until every command that came in here is answered."""
        await self._idle.wait()
        await self.router.drain()

    def _found(self, name: str, message: Message) -> tuple[str, CommandType]:
        for service, command in self._commands.get(name, ()):
            if isinstance(message, command.input):
                return service, command
        raise KeyError(f"no entity has a command `{name}` for a `{message.DESCRIPTOR.full_name}`")


def member(
    *classes: Callable[[], Author],
    setting: Setting = SETTING,
    limits: HostLimits | None = None,
    grace: float = 10.0,
) -> Program[Member]:
    """A program: a member of a cluster that serves these entities and actions.

    Args:
        classes: the author's classes; each start makes objects of its own.
        grace: when it is stopped, it hands over its shards for so many seconds at most.
    """

    @asynccontextmanager
    async def run(node: Node[Member]) -> AsyncIterator[Member]:
        engine, journal = node.engine, node.journal
        await engine.open()
        await journal.open()
        sharding = Sharding(f"{node.name}-{node.starts}", setting, engine, journal, node.clock)
        owner = sharding.node
        replication = Replication(engine, sharding, setting.service, node.random, is_current=lambda: owner.is_member)
        authors = [made() for made in classes]
        hosts = [_host(author, sharding, replication, journal, limits, node.clock) for author in authors]
        actions = [EmbeddedAction(author) for author in authors if isinstance(author, Action)]
        router = Router([host for host in hosts if host is not None], actions, placement=sharding)
        sharding.serve(router.unary, router.vacate)
        await sharding.join()
        await replication.start()
        serving = Member(sharding, router, authors)
        yield serving
        await asyncio.sleep(_LINGER)
        await sharding.leave(grace)
        await serving.drain()
        await replication.close()
        sharding.flush()
        await engine.close()
        await journal.close()

    return run


def _host(
    author: Author,
    sharding: Sharding,
    replication: Replication,
    journal: Journal,
    limits: HostLimits | None,
    clock: Clock,
) -> EntityHost | CrdtHost | None:
    if isinstance(author, EventSourcedEntity):
        return EntityHost(EmbeddedEventSourced(author), sharding.journal, limits, clock)
    if isinstance(author, ValueEntity):
        return EntityHost(EmbeddedValue(author), sharding.journal, limits, clock)
    if isinstance(author, CrdtEntity):
        return CrdtHost(EmbeddedCrdt(author), journal, limits, clock, replication)
    return None
