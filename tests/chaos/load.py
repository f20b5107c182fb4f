"""Clients of a fleet: they add and read, record what they see, and are judged by the history."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count

import grpc
from tests.chaos.fleet import Fleet, Member
from tests.counting import Kind
from tests.histories import Operation, violations

#: What a client may be told for a while, and tries again after.
RETRYABLE = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED, grpc.StatusCode.DEADLINE_EXCEEDED}
#: Seconds that a call may take, and in which a command has to have its answer.
CALL, PATIENCE = 20.0, 90.0


class Clients:
    """Clients with stock gRPC channels.

    Args:
        retries: they send what got no answer again, with the same id, to another member. Else every error is counted.
    """

    def __init__(self, fleet: Fleet, kind: Kind, seed: int, entities: int = 24, retries: bool = True) -> None:
        self.history: list[Operation] = []
        self.errors: Counter[str] = Counter()
        self.fleet = fleet
        self.kind = kind
        self.chance = random.Random(seed)
        self._entities = entities
        self._retries = retries
        self._numbers = count()
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._stop = asyncio.Event()

    @asynccontextmanager
    async def at_work(self, clients: int = 16) -> AsyncIterator[None]:
        """As long as the block lasts they call; at its end everything that was begun is answered."""
        self._stop.clear()
        working = [asyncio.create_task(self._client(number)) for number in range(clients)]
        try:
            yield
        finally:
            self._stop.set()
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*working)

    async def judge(self) -> None:
        """Read everything once more; nothing that was seen may be wrong."""
        for entity in range(self._entities):
            for member in self.fleet.running:
                await self._call(f"w{entity}", False, member.address)
        found = violations(self.history)
        assert not found, "\n".join(found)
        for channel in self._channels.values():
            with suppress(asyncio.CancelledError):
                await channel.close()
        self._channels.clear()

    async def answered(self, more: int) -> None:
        """Wait for so many further answers."""
        wanted = len(self.history) + more
        async with asyncio.timeout(PATIENCE):
            while len(self.history) < wanted:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def all_answer(self, member: Member) -> float:
        """Read every entity through a member; the seconds until all have answered."""
        begin = time.monotonic()
        await asyncio.gather(*(self._call(f"w{entity}", False, member.address) for entity in range(self._entities)))
        return time.monotonic() - begin

    async def _client(self, number: int) -> None:
        while not self._stop.is_set():
            entity = f"w{self.chance.randrange(self._entities)}"
            await self._call(entity, self.chance.random() < 0.7)

    async def _call(self, entity: str, adds: bool, address: str = "") -> None:
        """Have one answer, from the member at an address or from any."""
        method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
        path, payload = (self.kind.add if adds else self.kind.read)(entity)
        metadata = (("idempotency-key", f"id-{next(self._numbers)}"),)
        begin = time.monotonic()
        while True:
            chosen = address or self.chance.choice(self.fleet.ready).address
            method = self._channel(chosen).unary_unary(path)
            try:
                reply = await method(payload, metadata=metadata, timeout=CALL)
            except grpc.aio.AioRpcError as error:
                if not adds and error.code() is grpc.StatusCode.NOT_FOUND:
                    self.history.append(Operation(entity, adds, begin, time.monotonic(), 0))
                    return
                await self._failed(error, begin)
                if not self._retries:
                    return
                continue
            self.history.append(Operation(entity, adds, begin, time.monotonic(), self.kind.size(reply)))
            return

    async def _failed(self, error: grpc.aio.AioRpcError, begin: float) -> None:
        self.errors[f"{error.code().name}: {error.details()}"] += 1
        if error.code() not in RETRYABLE or time.monotonic() - begin > PATIENCE:
            raise error
        await asyncio.sleep(0.05)

    def _channel(self, address: str) -> grpc.aio.Channel:
        channel = self._channels.get(address)
        if channel is None:
            options = (("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500))
            channel = self._channels[address] = grpc.aio.insecure_channel(address, options)
        return channel
