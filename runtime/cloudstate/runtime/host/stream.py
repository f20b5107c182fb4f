"""The caller of a streamed command of an entity: takes the answers, and gives them out at its own pace."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import Any

from cloudstate.runtime.entity.crdt_messages import Message
from cloudstate.runtime.entity.messages import Abandoned, Answer, Failure, SideEffect
from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.host.residency import Residency, Residing

#: A caller that is so many answers behind is cut off.
MAX_BEHIND = 1000


class EntityStream:
    """The ticket of one streamed command.

    Args:
        late: takes the side effects of what arrives after the caller has gone.
    """

    def __init__(self, host: Residency[Any], late: Callable[[tuple[SideEffect, ...]], None]) -> None:
        self._host = host
        self._late = late
        self._queue: deque[Message] = deque()
        self._arrived = asyncio.Event()
        self.arrived = host.monotonic()
        self._over = False
        self.resident: Residing | None = None

    def message(self, message: Message) -> None:
        """See ``StreamTicket``."""
        if self._over:
            if message.side_effects:
                self._late(message.side_effects)
            return
        if len(self._queue) >= MAX_BEHIND:
            text = f"the caller is {MAX_BEHIND} answers behind"
            self._queue.append(Message(self, Failure(text, StatusCode.RESOURCE_EXHAUSTED), ends=True))
            self._end(is_failure=True)
            self._leave()
        else:
            self._queue.append(message)
            if message.ends:
                self._end(is_failure=isinstance(message.action, Failure))
        self._arrived.set()

    def answered(self, answer: Answer) -> None:
        """See ``Ticket``: the command was refused before it reached an entity."""
        self.message(Message(self, answer.action, answer.side_effects, ends=True))

    async def messages(self) -> AsyncGenerator[Message, None]:
        """The answers, to the last. Closing the iterator tells the entity that the caller has gone."""
        try:
            while True:
                while self._queue:
                    message = self._queue.popleft()
                    yield message
                    if message.ends:
                        return
                self._arrived.clear()
                await self._arrived.wait()
        finally:
            if not self._over:
                self._end(is_failure=False)
                self._leave()

    def _end(self, *, is_failure: bool) -> None:
        self._over = True
        host = self._host
        host.release()
        host.metrics.command_total_time.observe(host.monotonic() - self.arrived)
        if is_failure:
            host.metrics.failed_commands += 1
        else:
            host.metrics.completed_commands += 1

    def _leave(self) -> None:
        if self.resident is not None:
            self.resident.feed(Abandoned(self))
