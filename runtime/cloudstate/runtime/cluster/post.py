"""Frames to other members: those of one turn of the event loop travel as one message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cloudstate import members_pb2 as pb
from cloudstate.runtime.cluster.engine import Engine

#: Bytes that a frame takes in a message, beside its own.
_AROUND = 8


class Post:
    """See the module.

    Args:
        address: gives the subject on which a member listens.
    """

    def __init__(self, engine: Engine, address: Callable[[str], str]) -> None:
        self._engine = engine
        self._address = address
        self._waiting: dict[str, list[pb.Frame]] = {}
        self._sizes: dict[str, int] = {}
        self._sending: asyncio.Handle | None = None

    @property
    def largest(self) -> int:
        """The largest frame in bytes."""
        return self._engine.largest - _AROUND

    def send(self, member: str, frame: pb.Frame) -> None:
        """Send a frame at the end of this turn. It may be lost."""
        size = frame.ByteSize() + _AROUND
        waiting = self._waiting.setdefault(member, [])
        if waiting and self._sizes[member] + size > self._engine.largest:
            self._flush_to(member)
            waiting = self._waiting.setdefault(member, [])
        waiting.append(frame)
        self._sizes[member] = self._sizes.get(member, 0) + size
        if self._sending is None:
            self._sending = asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Send what waits now."""
        self._sending = None
        for member in list(self._waiting):
            self._flush_to(member)

    def _flush_to(self, member: str) -> None:
        del self._sizes[member]
        frames = self._waiting.pop(member)
        self._engine.send(self._address(member), pb.Frames(frames=frames).SerializeToString())
