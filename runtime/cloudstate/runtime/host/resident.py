"""One entity in memory: executes the effects of its session against the function and the journal."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from cloudstate.runtime.entity.messages import (
    Activate,
    Activated,
    ActivationFailed,
    Answer,
    Discard,
    Effect,
    EventsEmitted,
    FunctionLost,
    Handle,
    Input,
    Kept,
    Outcome,
    Persist,
    Persisted,
    PersistFailed,
)
from cloudstate.runtime.entity.session import EntitySession
from cloudstate.runtime.errors import CloudStateError, EntityFailed
from cloudstate.runtime.function.port import EntityFunction, Instance
from cloudstate.runtime.host.residency import HostLimits
from cloudstate.runtime.journal.errors import JournalUnavailable
from cloudstate.runtime.journal.port import Answer as KeptAnswer
from cloudstate.runtime.journal.port import (
    Appended,
    AppendEvents,
    EntityKey,
    History,
    Journal,
    Value,
    WriteValue,
)
from cloudstate.runtime.metrics import EntityMetrics

logger = logging.getLogger(__name__)

#: Loading an entity that takes longer than so many seconds fails, and with it the commands that wait for it.
ACTIVATION_LIMIT = 30.0


class Ticket(Protocol):
    """Whoever waits for the answer to a command.

    Attributes:
        arrived: when the command came, on the host's monotonic clock.
    """

    arrived: float

    def answered(self, answer: Answer) -> None: ...


class Home(Protocol):
    """What a resident needs of the host that keeps it."""

    function: EntityFunction
    journal: Journal
    metrics: EntityMetrics
    monotonic: Callable[[], float]

    limits: HostLimits

    def forget(self, entity_id: str) -> None: ...


class Recall:
    """The journal as an instance starts from it; holds back the kept answers that came along."""

    def __init__(self, journal: Journal, window: int) -> None:
        self.kept: tuple[Kept, ...] = ()
        self._journal = journal
        self._window = window

    async def load(self, entity: EntityKey, *, schema: str | None = None) -> History:
        """See ``Journal.load``."""
        history = await self._journal.load(entity, window=self._window, schema=schema)
        self.kept = tuple(Kept(*answer) for answer in history.answers)
        return history

    async def load_value(self, entity: EntityKey) -> Value:
        """See ``Journal.load_value``."""
        value = await self._journal.load_value(entity, window=self._window)
        self.kept = tuple(Kept(*answer) for answer in value.answers)
        return value


class Resident:
    """One entity in memory. Messages go in with ``feed``; tickets of commands are told in the order of the session."""

    __slots__ = (
        "_activation",
        "_active_since",
        "_handled_at",
        "_home",
        "_inbox",
        "_instance",
        "_running",
        "key",
        "last_used",
        "session",
    )

    def __init__(self, key: EntityKey, home: Home) -> None:
        self.key = key
        self.session = EntitySession(home.limits.waiting, home.limits.window)
        self.last_used = 0.0
        self._home = home
        self._instance: Instance | None = None
        self._activation: asyncio.Task[None] | None = None
        self._active_since: float | None = None
        self._inbox: list[Input] = []  # holds one message at most for long: a deque takes 600 bytes
        self._running = False
        self._handled_at = 0.0

    def feed(self, message: Input) -> None:
        """Take a command (whose ticket is told the answer, perhaps before this returns) or another message."""
        # A loop, not recursion: a function that answers at once would otherwise nest a level per waiting command.
        if self._running:
            self._inbox.append(message)
            return
        self._running = True
        try:
            self._execute(self.session.feed(message), message)
            while self._inbox:
                message = self._inbox.pop(0)
                self._execute(self.session.feed(message), message)
        finally:
            self._running = False

    def _execute(self, effects: list[Effect], message: Input) -> None:
        for effect in effects:
            if isinstance(effect, Answer):
                self._answer(effect)
            elif isinstance(effect, Handle):
                if effect.command is not message:
                    self._unstashed(effect.command.ticket)
                self._handle(effect)
            elif isinstance(effect, Persist):
                self._persist(effect)
            elif isinstance(effect, Activate):
                self._activation = asyncio.get_running_loop().create_task(self._activate())
            elif isinstance(effect, Discard):
                self._discard()
            else:
                self._home.forget(self.key.id)

    def _unstashed(self, ticket: Ticket) -> None:
        home = self._home
        home.metrics.unstashed_commands += 1
        home.metrics.command_stash_time.observe(home.monotonic() - ticket.arrived)

    def _handle(self, effect: Handle) -> None:
        assert self._instance is not None
        home = self._home
        self._handled_at = home.monotonic()
        outcome = self._instance.handle(effect.command_id, effect.command, self._handled)
        if outcome is not None:
            home.metrics.command_processing_time.observe(home.monotonic() - self._handled_at)
            self._inbox.append(outcome)

    def _handled(self, outcome: Outcome) -> None:
        """The function has answered later."""
        home = self._home
        home.metrics.command_processing_time.observe(home.monotonic() - self._handled_at)
        self.feed(outcome)

    def _lost(self, message: FunctionLost) -> None:
        self._home.metrics.failed_entities += 1
        self.feed(message)

    def _answer(self, answer: Answer) -> None:
        ticket: Ticket = answer.ticket
        try:
            ticket.answered(answer)
        except Exception:
            # The entity's other callers must not suffer from one that cannot take its answer.
            logger.exception("an answer of `%s` entity `%s` could not be delivered", self.key.type, self.key.id)

    def _persist(self, effect: Persist) -> None:
        change, expected = effect.change, effect.expected
        answer = None if effect.kept is None else KeptAnswer(*effect.kept)
        append: AppendEvents | WriteValue
        if isinstance(change, EventsEmitted):
            append = AppendEvents(self.key, expected, change.events, change.snapshot, change.schema, answer)
        elif change is None:
            append = AppendEvents(self.key, expected, (), answer=answer)
        else:
            append = WriteValue(self.key, expected, change.value, answer)
        # No deadline here: the journal's port promises that every append ends, as written, refused or unavailable.
        try:
            self._home.journal.submit(append, self._appended)
        except Exception:
            logger.exception("append to `%s` entity `%s` failed", self.key.type, self.key.id)
            self._appended(JournalUnavailable("the journal failed", retry_safe=None))

    def _appended(self, result: Appended) -> None:
        if isinstance(result, int):
            self.feed(Persisted(result))
        else:
            logger.warning("append failed: %s", result)
            self.feed(PersistFailed(result))

    async def _activate(self) -> None:
        self._instance = instance = self._home.function.instance(self.key, self._lost)
        message: Input
        recall = Recall(self._home.journal, self._home.limits.window)
        try:
            async with asyncio.timeout(ACTIVATION_LIMIT):
                message = Activated(await instance.start(recall), recall.kept)
        except TimeoutError:
            reason = f"loading took longer than {ACTIVATION_LIMIT:g} seconds"
            message = ActivationFailed(JournalUnavailable(reason, retry_safe=True))
        except CloudStateError as error:
            if error.retry_safe:  # what is unavailable says so itself, once
                logger.info("`%s` entity `%s` cannot be activated now: %s", self.key.type, self.key.id, error)
            else:
                logger.error("`%s` entity `%s` cannot be activated", self.key.type, self.key.id, exc_info=error)
            message = ActivationFailed(error)
        except Exception as error:
            logger.error("`%s` entity `%s` cannot be activated", self.key.type, self.key.id, exc_info=error)
            failed = EntityFailed(entity_type=self.key.type, entity_id=self.key.id, doing="being activated")
            message = ActivationFailed(failed)
        self._activation = None
        if isinstance(message, Activated):
            self._home.metrics.activated_entities += 1
            self._active_since = self._home.monotonic()
        else:
            self._home.metrics.failed_entities += 1
        self.feed(message)

    def _discard(self) -> None:
        if self._instance is not None:
            self._instance.stop()
            self._instance = None
        if self._active_since is not None:
            self._home.metrics.entity_active_time.observe(self._home.monotonic() - self._active_since)
            self._active_since = None
