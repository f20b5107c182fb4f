"""What the servers say to one connection: each request has a subject of its own under one subscription."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from nats.aio.msg import Msg

#: Told each message that comes for a request; None: the connection was lost, whatever was under way with it.
Heard: TypeAlias = "Callable[[Msg | None], None]"


class Replies:
    """The requests of a connection that wait for something."""

    def __init__(self) -> None:
        self._prefix = ""
        self._count = 0
        self._waiting: dict[str, Heard] = {}

    async def listen(self, client: Any) -> None:
        """Subscribe; the client subscribes again after it has lost its server."""
        self._prefix = client.new_inbox()
        await client.subscribe(f"{self._prefix}.*", cb=self._heard)

    def expect(self, heard: Heard) -> str:
        """Where messages for a new request should be sent."""
        self._count += 1
        name = f"{self._prefix}.{self._count}"
        self._waiting[name] = heard
        return name

    def forget(self, name: str) -> None:
        """Nobody waits for these any more."""
        self._waiting.pop(name, None)

    def lose(self) -> None:
        """Tell all who wait that the connection is lost."""
        for heard in list(self._waiting.values()):
            heard(None)

    async def _heard(self, message: Msg) -> None:
        heard = self._waiting.get(message.subject)
        if heard is not None:
            heard(message)
