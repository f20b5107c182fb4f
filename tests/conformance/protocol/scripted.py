"""A user function that says what a test wants, and a proxy in this process in front of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from cloudstate import entity_pb2 as pb
from cloudstate.crdt_pb2 import CrdtStreamIn
from cloudstate.event_sourced_pb2 import EventSourcedReply, EventSourcedStreamIn, EventSourcedStreamOut
from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.compat import NONE, Compat
from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.eventing import Eventing
from cloudstate.runtime.function.remote import Link, announced
from cloudstate.runtime.host import CrdtHost, EntityHost, HostLimits, Router
from cloudstate.runtime.journal import Journal, MemoryJournal
from cloudstate.runtime.proxy import FrontDoor
from cloudstate.runtime.support import FUNCTION_LIMITS
from cloudstate.runtime.transport import (
    CallFailed,
    Channel,
    HttpExchange,
    Method,
    Server,
    Status,
    StreamCall,
    StreamMethod,
    UnaryCall,
    UnaryMethod,
)

PATIENCE = 10.0
EVENT_SOURCED = "/cloudstate.eventsourced.EventSourced/handle"
VALUE = "/cloudstate.valueentity.ValueEntity/handle"
CRDT = "/cloudstate.crdt.Crdt/handle"


def wrapped(message: Message) -> AnyMessage:
    """A message as payload."""
    value = AnyMessage()
    value.Pack(message, type_url_prefix="type.googleapis.com/")
    return value


class Stream:
    """One entity's stream, from the function's side."""

    def __init__(self, call: StreamCall, message_in: Any) -> None:
        self._call = call
        self._in = message_in
        self._over: asyncio.Future[Status | None] = asyncio.get_running_loop().create_future()

    async def receive(self) -> Any:
        """The next message of the proxy; None when it has half-closed."""
        data = await asyncio.wait_for(anext(aiter(self._call), None), PATIENCE)
        return None if data is None else self._in.FromString(data)

    async def send(self, message: Message) -> None:
        """Say something."""
        await self._call.send(message.SerializeToString())

    def end(self, status: Status | None = None) -> None:
        """End the call, with OK or another status."""
        if not self._over.done():
            self._over.set_result(status)

    async def serve(self) -> None:
        """The handler of the call: it ends when the test says so."""
        status = await self._over
        if status is not None:
            raise CallFailed(status)


class ScriptedFunction:
    """Announces a spec; hands every stream that the proxy opens to the test."""

    def __init__(self, spec: pb.EntitySpec) -> None:
        self.spec = spec
        self.streams: asyncio.Queue[Stream] = asyncio.Queue()
        self.reports: asyncio.Queue[str] = asyncio.Queue()
        self.actions: dict[str, Method] = {}

    def methods(self, path: str) -> Method | None:
        """See ``Server``."""
        if path == "/cloudstate.EntityDiscovery/discover":
            return UnaryMethod(lambda call, payload: call.reply(self.spec.SerializeToString()))
        if path == "/cloudstate.EntityDiscovery/reportError":
            return UnaryMethod(self._report)
        if path == EVENT_SOURCED:
            return StreamMethod(lambda call: self._open(call, EventSourcedStreamIn))
        if path == VALUE:
            from cloudstate.value_entity_pb2 import ValueEntityStreamIn

            return StreamMethod(lambda call: self._open(call, ValueEntityStreamIn))
        if path == CRDT:
            return StreamMethod(lambda call: self._open(call, CrdtStreamIn))
        return self.actions.get(path)

    async def opened(self) -> Stream:
        """The next stream that the proxy opens."""
        return await asyncio.wait_for(self.streams.get(), PATIENCE)

    def _report(self, call: UnaryCall, payload: bytes) -> None:
        self.reports.put_nowait(pb.UserFunctionError.FromString(payload).message)
        call.reply(Empty().SerializeToString())

    async def _open(self, call: StreamCall, message_in: Any) -> None:
        stream = Stream(call, message_in)
        await self.streams.put(stream)
        await stream.serve()


def no_http(exchange: HttpExchange) -> None:
    """Functions speak gRPC only."""
    exchange.respond(404)


@dataclass(kw_only=True)
class Reached:
    """A proxy's client."""

    client: Channel
    port: int
    compat: Compat

    def call(self, path: str, message: Message, **metadata: str) -> asyncio.Task[bytes]:
        """Begin a call; the task gives the reply's bytes or raises CallFailed."""

        async def ask() -> bytes:
            reply = await self.client.unary(path, message.SerializeToString(), tuple(metadata.items()), PATIENCE)
            return reply.payload

        return asyncio.create_task(ask())


@dataclass(kw_only=True)
class Proxied(Reached):
    """A function, the proxy before it in this process, and a client."""

    function: ScriptedFunction
    journal: Journal
    router: Router
    hosts: list[EntityHost]


@asynccontextmanager
async def proxied(
    spec: pb.EntitySpec,
    journal: Journal | None = None,
    compat: Compat = NONE,
    real: Callable[[str], Method | None] | None = None,
    limits: HostLimits | None = None,
) -> AsyncIterator[Proxied]:
    """A proxy in this process, with a scripted function behind it, or with ``real``, what a real one serves."""
    function = ScriptedFunction(spec)
    behind = Server(real or function.methods, no_http, FUNCTION_LIMITS)
    link = Link(f"127.0.0.1:{await behind.listen('127.0.0.1', 0)}", pause=0.01)

    async def take(channel: Channel) -> None:
        await channel.unary("/cloudstate.EntityDiscovery/discover", b"", timeout=PATIENCE)

    keeping = asyncio.create_task(link.keep(take))
    await asyncio.wait_for(link.up.wait(), PATIENCE)
    kept = journal or MemoryJournal(SystemClock())
    found = announced(spec, link, compat=compat)
    hosts = [EntityHost(entity, kept, limits) for entity in found.entities]
    crdts = [CrdtHost(entity, kept, limits) for entity in found.crdts]
    eventing = Eventing(found.description, kept, None, SystemClock())
    router = Router([*hosts, *crdts], found.actions, eventing, link.report)
    eventing.start(router)
    door = FrontDoor(found.description, router, compat=compat)
    server = Server(door.methods, door.http)
    port = await server.listen("127.0.0.1", 0)
    client = await Channel.connect(f"127.0.0.1:{port}")
    try:
        yield Proxied(
            function=function, client=client, port=port, journal=kept, router=router, compat=compat, hosts=hosts
        )
    finally:
        await eventing.stop()
        await client.close()
        await server.drain(0.1)
        keeping.cancel()
        await asyncio.wait({keeping})
        await behind.drain(0.1)


def es_reply(command_id: int, payload: Message, *events: Message, snapshot: Message | None = None) -> Message:
    """An event-sourced entity's answer."""
    return EventSourcedStreamOut(
        reply=EventSourcedReply(
            command_id=command_id,
            client_action=pb.ClientAction(reply=pb.Reply(payload=wrapped(payload))),
            events=[wrapped(event) for event in events],
            snapshot=wrapped(snapshot) if snapshot is not None else None,
        )
    )


def es_failure(command_id: int, text: str, *, restart: bool = False, status: StatusCode | None = None) -> Message:
    """A refusal that is meant for the client."""
    failure = pb.Failure(command_id=command_id, description=text, restart=restart, grpc_status=status or 0)
    return EventSourcedStreamOut(
        reply=EventSourcedReply(command_id=command_id, client_action=pb.ClientAction(failure=failure))
    )
