"""Every command goes through here: calls from the front door, forwards and side effects of entities and actions.

The router finds the command's target, decodes its message, and, when the target has answered, runs the side effects in
order and then delivers the reply or follows the forward (protocol.md section 2.10). State is durable by then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeAlias

from google.protobuf.message import DecodeError

from cloudstate.runtime.entity.crdt_messages import Message
from cloudstate.runtime.entity.messages import (
    Abandoned,
    Action,
    Answer,
    Command,
    Failure,
    Forward,
    Outcome,
    Reply,
    SideEffect,
)
from cloudstate.runtime.entity.request import Done, Request, Result
from cloudstate.runtime.errors import CloudStateError, CommandRejected, StatusCode
from cloudstate.runtime.function.endpoint import Endpoint
from cloudstate.runtime.function.port import ActionFunction
from cloudstate.runtime.host.command_id import command_id
from cloudstate.runtime.host.residency import Residency, Residing
from cloudstate.runtime.host.stream import EntityStream
from cloudstate.runtime.payload import Metadata

logger = logging.getLogger(__name__)

#: A command may be forwarded, or be the side effect of a side effect, so many times.
MAX_HOPS = 16
#: A side effect or a forwarded call without a deadline of its own is given up after so many seconds.
EFFECT_LIMIT = 60.0
#: Asynchronous side effects that may be in progress at once; beyond it the commands that ask for more wait for theirs.
MAX_BACKGROUND = 1000

#: The W3C trace context.
_TRACE = ("traceparent", "tracestate")

Report: TypeAlias = Callable[[str], None]


class Placement(Protocol):
    """Where in a cluster the entities of hosts with one writer are."""

    def is_here(self, entity_id: str) -> bool:
        """Whether this member is the one that may serve an entity now."""
        ...

    def pass_on(self, entity_id: str, request: Request, is_repeatable: bool, done: Done) -> Callable[[], None]:
        """Have the member that may serve an entity run a command; as ``Router.unary``.

        Args:
            is_repeatable: running it twice does what running it once does.
        """
        ...


class _Target(NamedTuple):
    endpoint: Endpoint
    entities: Residency[Any] | None
    action: ActionFunction | None


class Publisher(Protocol):
    """Publishes the replies of some commands before their callers get them.

    Attributes:
        publications: these commands, by service and name.
    """

    @property
    def publications(self) -> Mapping[tuple[str, str], str]: ...

    async def publish(self, request: Request, reply: Reply, command_id: str) -> None: ...


class Router:
    """Routes commands to the entities and actions of one runtime."""

    def __init__(
        self,
        entities: Iterable[Residency[Any]],
        actions: Iterable[ActionFunction] = (),
        publisher: Publisher | None = None,
        report: Report | None = None,
        placement: Placement | None = None,
    ) -> None:
        """See the class.

        Args:
            placement: where entities are; None: all are here.
            report: told of forwards and side effects that lead to nothing: their author should hear of it.
        """
        self.hosts = tuple(entities)
        self.publishes = publisher is not None and bool(publisher.publications)
        self._publisher = publisher
        self._report = report
        self._placement = placement
        self._targets: dict[tuple[str, str], _Target] = {}
        self._background: set[asyncio.Task[None]] = set()
        for host in self.hosts:
            for name, endpoint in host.function.endpoints.items():
                self._targets[host.function.service, name] = _Target(endpoint, host, None)
        for action in actions:
            for name, endpoint in action.endpoints.items():
                self._targets[action.service, name] = _Target(endpoint, None, action)

    def unary(self, request: Request, done: Done) -> Callable[[], None] | None:
        """Run a command that takes one message and gives one; ``done`` gets the result once, perhaps at once.

        Returns:
            what to call if the caller goes away first, or None. A result that comes all the same may be ignored.
        """
        target = self._targets.get((request.service, request.command))
        if target is None or target.endpoint.streamed:
            done(_not_callable(request, target))
            return None
        try:
            message = target.endpoint.parse(request.payload)
        except DecodeError as error:
            done(_malformed(target.endpoint, error))
            return None
        if target.action is not None:
            return target.action.unary(
                request.command, message, request.metadata, request.deadline, partial(self._handled, request, done)
            )
        return self._to_entity(target, request, message, done)

    async def call(self, request: Request) -> Result:
        """Run a command and wait for its result, for EFFECT_LIMIT seconds at most if it has no deadline."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[Result] = loop.create_future()
        limit = request.deadline if request.deadline is not None else loop.time() + EFFECT_LIMIT
        abandon = self.unary(request._replace(deadline=limit), partial(_resolve, result))
        try:
            async with asyncio.timeout_at(limit):
                return await result
        except TimeoutError:
            return Failure(f"`{request.command}` did not finish in time", StatusCode.DEADLINE_EXCEEDED)
        finally:
            if abandon is not None and not result.done():
                abandon()

    async def stream(self, request: Request, requests: AsyncIterator[bytes]) -> AsyncGenerator[Reply, None]:
        """Run a command of a streamed shape. Closing the iterator cancels it.

        Raises:
            CommandRejected: the command failed; with the text and the status for the caller.
        """
        target = self._targets.get((request.service, request.command))
        if target is None or (target.action is None and not target.endpoint.streamed):
            raise _rejection(_not_callable(request, target))
        outcomes: AsyncGenerator[Outcome | Message, None]
        if target.action is not None:
            messages = _decoded(target.endpoint, requests)
            outcomes = target.action.stream(request.command, messages, request.metadata, request.deadline)
        else:
            outcomes = self._of_entity(target, request, requests)
        async with aclosing(outcomes) as answers:
            async for outcome in answers:
                result = await self._complete(request, outcome.action, outcome.side_effects)
                if isinstance(result, Failure):
                    raise _rejection(result)
                if result is not None:
                    yield result

    async def vacate(self, leaves: Callable[[str], bool]) -> None:
        """See ``Residency.vacate``; of the entities that have one writer."""
        for host in self.hosts:
            if host.has_one_writer:
                await host.vacate(leaves)

    async def drain(self) -> None:
        """Wait until nothing is in progress. The caller bounds the wait and lets no new command in."""
        for host in self.hosts:
            await host.drain()
        if self._background:
            await asyncio.wait(self._background)

    def _to_entity(self, target: _Target, request: Request, message: Any, done: Done) -> Callable[[], None] | None:
        assert target.entities is not None
        assert target.endpoint.key is not None
        entity_id = target.endpoint.key(message)
        if not entity_id:
            done(_nameless(request))
            return None
        _, name, payload, metadata, deadline, _, id, _ = request
        if metadata and not target.endpoint.reads_only:
            try:
                id = command_id(metadata) or id
            except ValueError as error:
                done(Failure(str(error), StatusCode.INVALID_ARGUMENT))
                return None
        placement = self._placement
        is_placed = placement is not None and target.entities.has_one_writer and not request.is_passed_on
        if placement is not None and is_placed and not placement.is_here(entity_id):
            return placement.pass_on(entity_id, request, bool(id) or target.endpoint.reads_only, done)
        pending = _Pending(self, target.entities, request, done)
        command = Command(pending, name, payload, message, metadata, deadline, False, id)
        pending.resident = target.entities.deliver(entity_id, command)
        return pending.abandon

    async def _of_entity(
        self, target: _Target, request: Request, requests: AsyncIterator[bytes]
    ) -> AsyncGenerator[Message, None]:
        """The answers to a streamed command of an entity."""
        host, key_of = target.entities, target.endpoint.key
        assert host is not None
        assert key_of is not None
        payload = await anext(aiter(requests), b"")
        try:
            message = target.endpoint.parse(payload)
        except DecodeError as error:
            raise _rejection(_malformed(target.endpoint, error)) from error
        entity_id = key_of(message)
        if not entity_id:
            raise _rejection(_nameless(request))
        stream = EntityStream(host, lambda effects: self._spawn(self._complete(request, None, effects)))
        command = Command(stream, request.command, payload, message, request.metadata, request.deadline, streamed=True)
        stream.resident = host.deliver(entity_id, command)
        async with aclosing(stream.messages()) as answers:
            async for answer in answers:
                yield answer

    def _handled(self, request: Request, done: Done, outcome: Outcome) -> None:
        self.conclude(request, done, outcome.action, outcome.side_effects)

    def conclude(self, request: Request, done: Done, action: Action | None, effects: tuple[SideEffect, ...]) -> None:
        """The target has answered: run the side effects, follow a forward, then tell ``done``."""
        if not effects and isinstance(action, (Reply, Failure)) and not self.publishes:
            done(action)
            return
        self._spawn(self._finish(request, done, action, effects))

    async def _finish(
        self, request: Request, done: Done, action: Action | None, effects: tuple[SideEffect, ...]
    ) -> None:
        result = await self._complete(request, action, effects)
        done(result if result is not None else Failure(f"`{request.command}` gave no reply", StatusCode.INTERNAL))

    async def _complete(
        self, request: Request, action: Action | None, effects: tuple[SideEffect, ...]
    ) -> Result | None:
        """Run the side effects in order, then follow a forward."""
        for number, effect in enumerate(effects):
            running = self._effect(request, effect, number)
            if effect.synchronous or len(self._background) >= MAX_BACKGROUND:
                await running
            else:
                self._spawn(running)
        result = await self._forward(request, action) if isinstance(action, Forward) else action
        if self.publishes and isinstance(result, Reply):
            return await self._published(request, result)
        return result

    async def _published(self, request: Request, reply: Reply) -> Result:
        publisher = self._publisher
        if publisher is None or (request.service, request.command) not in publisher.publications:
            return reply
        try:
            await publisher.publish(request, reply, _id_of(request))
        except CloudStateError as error:
            logger.error("the reply of `%s/%s` was not published: %s", request.service, request.command, error)
            text = f"the command is done, but its reply was not published: {error}"
            return Failure(text, StatusCode.UNAVAILABLE)
        return reply

    async def _effect(self, request: Request, effect: SideEffect, number: int) -> None:
        """Run one side effect. Whatever comes of it, the command that asked for it is answered as if it went well."""
        trace = f"`{effect.service}/{effect.command}`, side effect of `{request.service}/{request.command}`"
        if request.hops >= MAX_HOPS:
            logger.error("%s, is dropped: %d side effects led to each other", trace, MAX_HOPS)
            return
        result = await self._led(
            trace,
            Request(
                effect.service,
                effect.command,
                effect.payload,
                _carrying(request, effect.metadata),
                hops=request.hops + 1,
                id=_derived(request, f"effect {number}"),
            ),
        )
        if isinstance(result, Failure):
            logger.warning("%s, failed: %s", trace, result.description)

    async def _forward(self, request: Request, forward: Forward) -> Result:
        trace = f"`{forward.service}/{forward.command}`, forwarded from `{request.service}/{request.command}`"
        if request.hops >= MAX_HOPS:
            logger.error("%s, is refused: the command was forwarded %d times", trace, MAX_HOPS)
            return Failure(f"forwarded more than {MAX_HOPS} times", StatusCode.INTERNAL)
        return await self._led(
            trace,
            Request(
                forward.service,
                forward.command,
                forward.payload,
                _carrying(request, forward.metadata),
                request.deadline,
                request.hops + 1,
                _derived(request, "forward"),
            ),
        )

    async def _led(self, trace: str, request: Request) -> Result:
        """Run what another command leads to. ``trace`` says how, for who has to mend it."""
        target = self._targets.get((request.service, request.command))
        if self._report is not None and (target is None or target.endpoint.streamed):
            self._report(f"{trace}: {_not_callable(request, target).description}")
        return await self.call(request)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


class _Pending:
    """A command at an entity, and who waits for its answer: the ticket of ``Command``."""

    __slots__ = ("_done", "_host", "_over", "_request", "_router", "arrived", "resident")

    def __init__(self, router: Router, host: Residency[Any], request: Request, done: Done) -> None:
        self._router = router
        self._host = host
        self._request = request
        self._done = done
        self._over = False
        self.arrived = host.monotonic()
        self.resident: Residing | None = None

    def answered(self, answer: Answer) -> None:
        if self._over:
            return
        self._over = True
        host = self._host
        host.release()
        action = answer.action
        metrics = host.metrics
        metrics.command_total_time.observe(host.monotonic() - self.arrived)
        if isinstance(action, Failure):
            metrics.failed_commands += 1
        else:
            metrics.completed_commands += 1
        if not answer.side_effects and isinstance(action, (Reply, Failure)) and not self._router.publishes:
            self._done(action)
        else:
            self._router.conclude(self._request, self._done, action, answer.side_effects)

    def abandon(self) -> None:
        if not self._over and self.resident is not None:
            self._over = True
            self._host.release()
            self.resident.feed(Abandoned(self))


async def _decoded(endpoint: Endpoint, requests: AsyncIterator[bytes]) -> AsyncIterator[Any]:
    async for payload in requests:
        try:
            message = endpoint.parse(payload)
        except DecodeError as error:
            raise _rejection(_malformed(endpoint, error)) from error
        yield message


def _id_of(request: Request) -> str:
    """The caller's id of a command that has been taken; empty if it has none."""
    try:
        return request.id or command_id(request.metadata)
    except ValueError:  # an action does not need it
        return ""


def _carrying(request: Request, metadata: Metadata) -> Metadata:
    """The metadata of what a command leads to: the trace that the command is part of goes on in it."""
    if not request.metadata or any(name == "traceparent" for name, _ in metadata):
        return metadata
    return (*metadata, *(entry for entry in request.metadata if entry[0] in _TRACE))


def _derived(request: Request, what: str) -> str:
    """The id of a command that another one leads to: the same whenever that one is tried again."""
    id = _id_of(request)
    return f"{id}>{request.service}/{request.command} {what}" if id else ""


def _resolve(future: asyncio.Future[Result], result: Result) -> None:
    if not future.done():
        future.set_result(result)


def _rejection(failure: Failure) -> CommandRejected:
    return CommandRejected(failure.description, failure.status)


def _nameless(request: Request) -> Failure:
    text = f"`{request.command}` names no entity: the key of its message is empty"
    logger.info("call refused: %s", text)
    return Failure(text, StatusCode.INVALID_ARGUMENT)


def _malformed(endpoint: Endpoint, error: DecodeError) -> Failure:
    text = f"the message of `{endpoint.name}` is not valid protobuf: {error}"
    logger.info("call refused: %s", text)
    return Failure(text, StatusCode.INVALID_ARGUMENT)


def _not_callable(request: Request, target: _Target | None) -> Failure:
    name = f"{request.service}/{request.command}"
    if target is None:
        return Failure(f"`{name}` is not served here", StatusCode.UNIMPLEMENTED)
    shape = "streamed" if target.endpoint.streamed else "unary"
    return Failure(f"`{name}` is {shape} and was called otherwise", StatusCode.UNIMPLEMENTED)
