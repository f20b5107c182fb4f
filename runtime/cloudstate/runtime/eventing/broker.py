"""Where topics are. In this process, for development and tests; other brokers have modules of their own."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Awaitable, Callable

from cloudstate.runtime.errors import ServiceInvalid
from cloudstate.runtime.eventing.deliver import CloudEvent

#: Messages of a topic that the memory broker keeps; the oldest go first.
KEPT = 100_000


class Broker(ABC):
    """Topics: messages go to every consumer group, and within a group to one consumer, at least once."""

    @abstractmethod
    async def open(self) -> None:
        """Connect.

        Raises:
            ServiceInvalid: the address or the credentials do not fit.
            Undeliverable: the broker cannot be reached.
        """

    @abstractmethod
    async def close(self) -> None:
        """Disconnect."""

    @abstractmethod
    async def publish(self, topic: str, event: CloudEvent) -> None:
        """Returns when the broker has taken the message; one whose id it has seen lately may be dropped.

        Raises:
            Undeliverable: it has not, or it is not known whether it has.
        """

    @abstractmethod
    async def consume(self, topic: str, group: str, handle: Callable[[CloudEvent], Awaitable[None]]) -> None:
        """Give each message to ``handle`` until cancelled; one is settled when ``handle`` returns.

        Raises:
            Undeliverable: the broker cannot be reached.
        """


class MemoryBroker(Broker):
    """Topics in this process; what they hold ends with it."""

    def __init__(self) -> None:
        self._topics: dict[str, list[CloudEvent]] = defaultdict(list)
        self._first: dict[str, int] = defaultdict(int)
        self._next: dict[tuple[str, str], int] = defaultdict(int)
        self._arrived = asyncio.Condition()

    async def open(self) -> None:
        """See ``Broker.open``."""

    async def close(self) -> None:
        """See ``Broker.close``."""

    async def publish(self, topic: str, event: CloudEvent) -> None:
        """See ``Broker.publish``."""
        messages = self._topics[topic]
        messages.append(event)
        if len(messages) > KEPT:
            del messages[: KEPT // 10]
            self._first[topic] += KEPT // 10
        async with self._arrived:
            self._arrived.notify_all()

    async def consume(self, topic: str, group: str, handle: Callable[[CloudEvent], Awaitable[None]]) -> None:
        """See ``Broker.consume``."""
        key = topic, group
        while True:
            async with self._arrived:
                await self._arrived.wait_for(lambda: self._next[key] < self._first[topic] + len(self._topics[topic]))
            place = max(self._next[key], self._first[topic])
            self._next[key] = place + 1
            try:
                await handle(self._topics[topic][place - self._first[topic]])
            except BaseException:
                self._next[key] = min(self._next[key], place)  # for whoever consumes next
                raise


def open_broker(url: str) -> Broker:
    """The broker at an address; nothing is touched before its ``open``.

    Raises:
        ServiceInvalid: it names no broker that this version has, or one whose package is not installed.
    """
    if url == "memory:":
        return MemoryBroker()
    if not url.startswith("nats:"):
        # No more than what stands before the colon: there may be a password behind it.
        raise ServiceInvalid(
            f"`{url.partition(':')[0]}:...` is not the address of a message broker of this version",
            help="write `memory:` or `nats://HOST:PORT`",
        )
    try:
        from cloudstate.runtime.eventing.nats_broker import NatsBroker
    except ImportError as error:
        raise ServiceInvalid(
            f"the broker needs a package that is not installed ({error.name})",
            help="install the extra: `pip install cloudstate-py[nats]`",
        ) from error
    return NatsBroker(url)
