"""Entities of one type in memory, whatever their model: activation on demand, passivation of the idle, limits."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from cloudstate.runtime.clock import Clock, SystemClock
from cloudstate.runtime.entity.messages import Answer, Command, Failure, Passivate
from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.function.endpoint import Endpoint
from cloudstate.runtime.journal import MeasuredJournal
from cloudstate.runtime.journal.port import EntityKey, Journal
from cloudstate.runtime.metrics import EntityMetrics

#: Seconds after which busy entities that have to leave are looked at again.
_LOOK_AGAIN = 0.005


@dataclass(frozen=True, slots=True)
class HostLimits:
    """Bounds of one entity type.

    Attributes:
        waiting: commands that may wait for one entity.
        in_flight: commands that may be unanswered in all.
        residents: entities kept in memory; beyond it the longest idle leave early.
        window: answers that are kept for retries, of one entity; 0: none.
    """

    waiting: int = 1000
    in_flight: int = 20_000
    residents: int = 100_000
    window: int = 100


class Hosted(Protocol):
    """What is asked of the user's code for any type of entity."""

    service: str
    entity_type: str
    metrics_prefix: str
    passivation: float
    endpoints: Mapping[str, Endpoint]


class Session(Protocol):
    """What is asked of the session of any entity."""

    @property
    def is_idle(self) -> bool: ...

    @property
    def is_free(self) -> bool: ...


class Residing(Protocol):
    """One entity in memory."""

    key: EntityKey
    last_used: float

    @property
    def session(self) -> Session: ...

    def feed(self, message: Any) -> None: ...


F = TypeVar("F", bound=Hosted)


class Residency(ABC, Generic[F]):
    """Delivers commands to the entities of one type.

    Invariant: ``_residents`` is ordered by last use, the longest unused first.

    Attributes:
        has_one_writer: an entity is in one process of a cluster at a time; else every process may have it.
    """

    has_one_writer: ClassVar[bool] = False

    def __init__(
        self, function: F, journal: Journal, limits: HostLimits | None = None, clock: Clock | None = None
    ) -> None:
        self.function = function
        self.limits = limits or HostLimits()
        self.clock = clock or SystemClock()
        self.monotonic = self.clock.monotonic
        self.metrics = EntityMetrics(function.metrics_prefix, function.entity_type, self.monotonic)
        self.journal: Journal = MeasuredJournal(journal, self.metrics, self.monotonic)
        self._residents: OrderedDict[str, Residing] = OrderedDict()
        self._in_flight = 0
        self._sweep: asyncio.TimerHandle | None = None
        self._idle: asyncio.Future[None] | None = None

    @abstractmethod
    def _resident(self, key: EntityKey) -> Residing:
        """A new entity in memory."""

    def __len__(self) -> int:
        return len(self._residents)

    def deliver(self, entity_id: str, command: Command) -> Residing | None:
        """Give a command to an entity; its ticket, a ``Ticket``, is told the answer once, perhaps before this returns.

        Call ``release`` when the answer has come or is no longer wanted.

        Returns:
            the entity, or None if there was no room for the command (its ticket has been told so).
        """
        self._in_flight += 1
        if self._in_flight > self.limits.in_flight:
            text = f"{self.limits.in_flight} commands are in progress; try again later"
            command.ticket.answered(Answer(command.ticket, Failure(text, StatusCode.RESOURCE_EXHAUSTED)))
            return None
        resident = self._residents.get(entity_id)
        if resident is None:
            resident = self._admit(entity_id)
        else:
            self._residents.move_to_end(entity_id)
        resident.last_used = self.monotonic()
        self.metrics.received_commands += 1
        if not resident.session.is_free:
            self.metrics.stashed_commands += 1
        resident.feed(command)
        return resident

    def release(self) -> None:
        """One command that ``deliver`` took is over."""
        self._in_flight -= 1
        if self._idle is not None and not self._in_flight and not self._idle.done():
            self._idle.set_result(None)

    def forget(self, entity_id: str) -> None:
        """Called by a resident whose session has stopped."""
        if self._residents.pop(entity_id, None) is not None:
            self.metrics.passivated_entities += 1

    def sweep(self, now: float) -> None:
        """Passivate what has been idle for the passivation time at ``now``, on the monotonic clock."""
        oldest = now - self.function.passivation
        for resident in list(takewhile(lambda resident: resident.last_used <= oldest, self._residents.values())):
            if resident.session.is_idle:
                resident.feed(Passivate())
            else:
                resident.last_used = now
                self._residents.move_to_end(resident.key.id)

    async def drain(self) -> None:
        """Wait until no command is unanswered. The caller bounds the wait and lets no new command in."""
        if self._sweep is not None:
            self._sweep.cancel()
        if self._in_flight:
            self._idle = asyncio.get_running_loop().create_future()
            await self._idle

    async def vacate(self, leaves: Callable[[str], bool]) -> None:
        """Passivate entities, by id, as soon as each is idle; returns when none of them is in memory.

        The caller bounds the wait, and lets no new command in for them.
        """
        while leaving := [resident for id, resident in list(self._residents.items()) if leaves(id)]:
            for resident in leaving:
                if resident.session.is_idle:
                    resident.feed(Passivate())
            if any(resident.key.id in self._residents for resident in leaving):
                await asyncio.sleep(_LOOK_AGAIN)

    def _admit(self, entity_id: str) -> Residing:
        self._make_room()
        key = EntityKey(self.function.entity_type, entity_id)
        resident = self._residents[entity_id] = self._resident(key)
        if self._sweep is None:
            self._schedule_sweep()
        return resident

    def _make_room(self) -> None:
        """Over the limit, let the longest idle leave. Looks at few, so that a busy host is not searched for ever."""
        if len(self._residents) < self.limits.residents:
            return
        for resident in list(islice(self._residents.values(), 16)):
            if resident.session.is_idle:
                resident.feed(Passivate())

    def _schedule_sweep(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweep = loop.call_later(max(self.function.passivation / 4, 0.02), self._run_sweep)

    def _run_sweep(self) -> None:
        self._sweep = None
        self.sweep(self.monotonic())
        if self._residents:
            self._schedule_sweep()
