"""Our proxy before a user function that others wrote, and an ear between the two, as the compatibility kit has it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from typing import Any

from tests.conformance.protocol.case import Case, Role, load_cases
from tests.conformance.protocol.players import Play, play_action, play_entity, play_event_log, play_reflection
from tests.conformance.protocol.players_crdt import play_replicated_entity
from tests.conformance.protocol.scripted import Reached, no_http
from tests.conformance.protocol.wire import Wire
from tests.processes import proxy, server

from cloudstate import entity_pb2 as pb
from cloudstate.runtime.compat import REFERENCE, Compat
from cloudstate.runtime.support import FUNCTION_LIMITS
from cloudstate.runtime.transport import CallFailed, Channel, Method, Outcome, Server, StreamMethod, UnaryMethod

_DISCOVER = "/cloudstate.EntityDiscovery/discover"
_REPORT = "/cloudstate.EntityDiscovery/reportError"
_PLAYERS = {
    "event-sourced": play_entity,
    "value": play_entity,
    "action": play_action,
    "crdt": play_replicated_entity,
    "reflection": play_reflection,
    "eventing": play_event_log,
}


def proxy_cases(*models: str) -> list[Case]:
    """The kit's cases of proxies, of some models or of all."""
    return [case for case in load_cases(Role.PROXY) if case.model in (models or _PLAYERS)]


async def play_case(play: Play, case: Case) -> None:
    """Be the client of a case, and hold what passes against it."""
    await _PLAYERS[case.model](play, case)


class Relay:
    """A function's methods, each of which asks the real one.

    Attributes:
        info: what the proxy said of itself when it asked for the entities; None until then.
        spec: what the function has announced.
        reported: what the proxy had to say.
    """

    def __init__(self, channel: Channel) -> None:
        """Args: ``channel``: to the real function."""
        self.info: pb.ProxyInfo | None = None
        self.spec = pb.EntitySpec()
        self.reported: list[str] = []
        self._channel = channel

    def methods(self, path: str) -> Method | None:
        """See ``Server``."""
        if path in (_DISCOVER, _REPORT) or path.endswith("/handleUnary"):
            return UnaryMethod(partial(self._unary, path))
        return StreamMethod(partial(self._stream, path))

    def _unary(self, path: str, call: Any, payload: bytes) -> None:
        if path == _REPORT:
            self.reported.append(pb.UserFunctionError.FromString(payload).message)
        if path == _DISCOVER:
            self.info = pb.ProxyInfo.FromString(payload)
        self._channel.start_unary(path, payload, call.metadata, None, partial(self._answered, path, call))

    def _answered(self, path: str, call: Any, outcome: Outcome) -> None:
        if isinstance(outcome, CallFailed):
            call.fail(outcome.status_value)
            return
        if path == _DISCOVER:
            self.spec = pb.EntitySpec.FromString(outcome.payload)
        call.reply(outcome.payload)

    async def _stream(self, path: str, call: Any) -> None:
        onward = self._channel.stream(path, call.metadata)
        asking = asyncio.create_task(_pass_on(call, onward))
        try:
            async for data in onward:
                await call.send(data)
        finally:
            onward.cancel()
            asking.cancel()
            await asyncio.wait({asking})


async def _pass_on(call: Any, onward: Any) -> None:
    try:
        async for data in call:
            await onward.send(data)
        await onward.end()
    except CallFailed:
        pass  # who reads the replies is told


@asynccontextmanager
async def between(function: str, *more: str, compat: Compat = REFERENCE) -> AsyncIterator[tuple[Play, Relay]]:
    """``cloudstate proxy`` as a process of its own, before a function at ``host:port``; and the client of that proxy.

    Args:
        more: further options of the proxy.
        compat: how far the proxy behaves as the reference.
    """
    onward = await Channel.connect(function)
    relay = Relay(onward)
    wire = Wire(relay.methods, entity_metadata=compat.entity_metadata)
    behind = Server(wire.methods, no_http, FUNCTION_LIMITS)
    try:
        port = await behind.listen("127.0.0.1", 0)
        name = "reference" if compat == REFERENCE else "none"
        options = proxy(f"127.0.0.1:{port}", "--compat", name, "--log-level", "WARNING", *more)
        with ExitStack() as processes:
            _, address = await asyncio.to_thread(processes.enter_context, server(options))
            client = await Channel.connect(address)
            reached = Reached(client=client, port=int(address.rpartition(":")[2]), compat=compat)
            try:
                yield Play(reached, wire, [entity.service_name for entity in relay.spec.entities]), relay
                assert relay.reported == []
            finally:
                await client.close()
    finally:
        await behind.drain(0.1)
        await onward.close()
