"""What passes between a proxy and the user function behind it, written down as it passes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message
from tests.conformance.protocol import models_crdt as crdt
from tests.conformance.protocol.models import ACTIONS, ENTITIES

from cloudstate.action_pb2 import ActionCommand, ActionResponse
from cloudstate.crdt_pb2 import CrdtStreamIn, CrdtStreamOut
from cloudstate.runtime.transport import Method, StreamMethod, UnaryMethod

_CLASSES = {model.path: (model.message_in, model.message_out) for model in ENTITIES.values()}
_CLASSES |= {path: (ActionCommand, ActionResponse) for path in ACTIONS.paths.values()}
_CLASSES[crdt.PATH] = CrdtStreamIn, CrdtStreamOut


@dataclass(slots=True, eq=False)
class Traffic:
    """One stream or call.

    Attributes:
        messages: of both sides, in the order in which the function has taken and given them.
        half_closed: the proxy has said that no more comes.
        over: the function has ended it in good order.
    """

    path: str
    messages: list[Message] = field(default_factory=list)
    half_closed: bool = False
    over: bool = False


class Wire:
    """A function's methods, with an ear on those of entities and actions.

    Attributes:
        heard: what has passed, by stream, in the order of their opening.
    """

    def __init__(self, methods: Callable[[str], Method | None], *, entity_metadata: bool) -> None:
        """Args: ``entity_metadata``: whether metadata on entities' streams is left out, as it always is for actions."""
        self.heard: list[Traffic] = []
        self._methods = methods
        self._forgets = set(ACTIONS.paths.values())
        if entity_metadata:
            self._forgets |= set(_CLASSES)
        self._changed = asyncio.Condition()

    def methods(self, path: str) -> Method | None:
        """See ``Server``."""
        method = self._methods(path)
        if path not in _CLASSES or method is None:
            return method
        if isinstance(method, UnaryMethod):
            handle = method.handle
            return UnaryMethod(lambda call, payload: self._unary(path, handle, call, payload))
        stream = method.handle
        return StreamMethod(lambda call: self._stream(path, stream, call))

    async def until(self, condition: Callable[[], bool], patience: float) -> bool:
        """Wait until the condition holds for what has been heard; False if it does not in so many seconds."""
        try:
            async with asyncio.timeout(patience), self._changed:
                await self._changed.wait_for(condition)
        except TimeoutError:
            return False
        return True

    def _unary(self, path: str, handle: Callable[[Any, bytes], None], call: Any, payload: bytes) -> None:
        traffic = self._open(path)
        self.write(traffic, payload, 0)
        handle(_TappedUnary(self, traffic, call), payload)

    async def _stream(self, path: str, handle: Callable[[Any], Any], call: Any) -> None:
        traffic = self._open(path)
        await handle(_TappedStream(self, traffic, call))
        traffic.over = True
        self._tell()

    def _open(self, path: str) -> Traffic:
        traffic = Traffic(path)
        self.heard.append(traffic)
        return traffic

    def write(self, traffic: Traffic, data: bytes, side: int) -> None:
        """Note a message of the proxy (0) or of the function (1)."""
        message = _CLASSES[traffic.path][side].FromString(data)
        if traffic.path in self._forgets:
            _forget_metadata(message)
        traffic.messages.append(message)
        self._tell()

    def half_closed(self, traffic: Traffic) -> None:
        """Note that the proxy has said everything."""
        traffic.half_closed = True
        self._tell()

    def _tell(self) -> None:
        asyncio.ensure_future(self._notify())  # noqa: RUF006 - ends at once

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()


class _TappedUnary:
    def __init__(self, wire: Wire, traffic: Traffic, call: Any) -> None:
        self.__dict__.update(_wire=wire, _traffic=traffic, _call=call)

    def reply(self, payload: bytes, *more: Any) -> None:
        self._wire.write(self._traffic, payload, 1)
        self._call.reply(payload, *more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._call, name, value)


class _TappedStream:
    def __init__(self, wire: Wire, traffic: Traffic, call: Any) -> None:
        self._wire = wire
        self._traffic = traffic
        self._call = call

    def __aiter__(self) -> _TappedStream:
        return self

    async def __anext__(self) -> bytes:
        try:
            data: bytes = await anext(self._call)
        except StopAsyncIteration:
            self._wire.half_closed(self._traffic)
            raise
        self._wire.write(self._traffic, data, 0)
        return data

    async def send(self, data: bytes) -> None:
        self._wire.write(self._traffic, data, 1)
        await self._call.send(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)


def _forget_metadata(message: Any) -> None:
    """Metadata is not compared: neither a command's own, nor that of replies, forwards and side effects."""
    for descriptor, value in message.ListFields():
        if descriptor.name == "metadata":
            message.ClearField("metadata")
        elif descriptor.message_type is not None and not descriptor.message_type.full_name.startswith("google."):
            for each in value if descriptor.is_repeated else [value]:
                _forget_metadata(each)
