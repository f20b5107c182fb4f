"""One CRDT entity in memory: executes the effects of its session. See ``resident.py``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any, Protocol, TypeAlias

from cloudstate.runtime.clock import Clock
from cloudstate.runtime.crdt import Audience, Change
from cloudstate.runtime.entity.crdt_messages import (
    Acknowledge,
    Cancel,
    Consistency,
    CrdtEffect,
    CrdtInput,
    CrdtReply,
    Heard,
    Load,
    Loaded,
    Message,
    Missed,
    Open,
    Opened,
    Overtaken,
    Reached,
    Report,
    Spread,
    Tell,
    Unreached,
)
from cloudstate.runtime.entity.crdt_session import CrdtSession
from cloudstate.runtime.entity.messages import (
    ActivationFailed,
    Answer,
    Discard,
    FunctionLost,
    Handle,
    Persist,
    Persisted,
    PersistFailed,
    Stop,
    ValueChanged,
)
from cloudstate.runtime.errors import CloudStateError, EntityFailed
from cloudstate.runtime.function.port import CrdtFunction, CrdtInstance
from cloudstate.runtime.host.crdt_reading import read
from cloudstate.runtime.host.resident import ACTIVATION_LIMIT, Ticket
from cloudstate.runtime.journal.errors import AppendTooLarge, JournalError, JournalUnavailable, WrongExpectedSequence
from cloudstate.runtime.journal.port import Appended, EntityKey, Journal, WriteValue
from cloudstate.runtime.metrics import EntityMetrics
from cloudstate.runtime.replication import Replication

logger = logging.getLogger(__name__)

#: A write is tried so often where other members write the same record at the same time.
MOST_ATTEMPTS = 16
#: The longest pause before the third attempt, and before any: each is a part of it that is drawn, in seconds.
FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.5

Activation: TypeAlias = Coroutine[None, None, Loaded | Opened]


class StreamTicket(Protocol):
    """Whoever waits for the answers to a streamed command. ``arrived``: see ``Ticket``."""

    arrived: float

    def message(self, message: Message) -> None: ...


class CrdtHome(Protocol):
    """What a resident needs of the host that keeps it."""

    function: CrdtFunction
    journal: Journal
    metrics: EntityMetrics
    monotonic: Callable[[], float]
    clock: Clock
    audience: Audience
    replication: Replication | None
    shared: bool

    @property
    def node(self) -> str: ...

    def rename(self) -> None: ...

    def forget(self, entity_id: str) -> None: ...


class CrdtResident:
    """One CRDT entity in memory. Messages go in with ``feed``; tickets are told in the order of the session."""

    __slots__ = (
        "_activation",
        "_activations",
        "_active_since",
        "_attempts",
        "_begun_at",
        "_home",
        "_inbox",
        "_instance",
        "_reading",
        "_running",
        "key",
        "last_used",
        "session",
    )

    def __init__(self, key: EntityKey, home: CrdtHome, max_waiting: int) -> None:
        self.key = key
        self.session = CrdtSession(
            home.node,
            home.audience,
            home.clock,
            max_waiting,
            home.function.pipeline,
            is_shared=home.shared,
            inherits=home.shared,
        )
        self.last_used = 0.0
        self._home = home
        self._instance: CrdtInstance | None = None
        self._activation: asyncio.Task[None] | None = None
        self._activations = 0
        self._attempts = 0
        self._reading: asyncio.Task[None] | None = None
        self._active_since: float | None = None
        self._inbox: list[CrdtInput] = []
        self._running = False
        self._begun_at: dict[int, float] = {}

    def feed(self, message: CrdtInput) -> None:
        """Take a command (whose ticket is told the answers, perhaps before this returns) or another message."""
        self._feed([message])

    def _feed(self, messages: Iterable[CrdtInput]) -> None:
        """The session gets one message after the other, with nothing between them."""
        self._inbox += messages
        if self._running:
            return
        self._running = True
        try:
            while self._inbox:
                message = self._inbox.pop(0)
                self._execute(self.session.feed(message), message)
        finally:
            self._running = False

    def _execute(self, effects: list[CrdtEffect], message: CrdtInput) -> None:
        for effect in effects:
            if isinstance(effect, Handle) and effect.command is not message:
                self._unstashed(effect.command.ticket)
            _DO[type(effect)](self, effect)

    def _unstashed(self, ticket: Ticket | StreamTicket) -> None:
        home = self._home
        home.metrics.unstashed_commands += 1
        home.metrics.command_stash_time.observe(home.monotonic() - ticket.arrived)

    def _load(self, effect: Load) -> None:
        self._start(self._loaded())

    def _open(self, effect: Open) -> None:
        self._start(self._opened(effect.change))

    def _tell(self, effect: Tell) -> None:
        self._current.tell(effect.change)

    def _cancel(self, effect: Cancel) -> None:
        self._current.cancel(effect.command_id)

    def _report(self, effect: Report) -> None:
        self._home.function.report(f"{self.key.type} entity {self.key.id}: {effect.text}")
        self._home.metrics.failed_entities += 1

    def _stop(self, effect: Stop) -> None:
        self._home.forget(self.key.id)

    @property
    def _current(self) -> CrdtInstance:
        assert self._instance is not None
        return self._instance

    def _handle(self, effect: Handle) -> None:
        self._begun_at[effect.command_id] = self._home.monotonic()
        self._current.handle(effect.command_id, effect.command)

    def _told(self, activation: int, *messages: CrdtInput) -> None:
        """An instance has something to say; what an older one still says is not heard."""
        if activation != self._activations or self._instance is None:
            return
        for message in messages:
            if isinstance(message, CrdtReply):
                begun = self._begun_at.pop(message.command_id, None)
                if begun is not None:
                    self._home.metrics.command_processing_time.observe(self._home.monotonic() - begun)
            elif isinstance(message, FunctionLost):
                self._home.metrics.failed_entities += 1
        self._feed(messages)

    def _answer(self, answer: Answer | Message) -> None:
        try:
            if isinstance(answer, Answer):
                ticket: Ticket = answer.ticket
                ticket.answered(answer)
            else:
                stream: StreamTicket = answer.ticket
                stream.message(answer)
        except Exception:
            # The entity's other callers must not suffer from one that cannot take its answer.
            logger.exception("an answer of `%s` entity `%s` could not be delivered", self.key.type, self.key.id)

    def _spread(self, effect: Spread) -> None:
        """Without replication there are no other nodes: what is durable here is everywhere."""
        number, consistency = effect.number, effect.consistency
        done = None if consistency is Consistency.LOCAL else partial(self._spread_out, number)
        if self._home.replication is not None:
            self._home.replication.spread(self.key, effect.delta, effect.after, consistency, done)
        elif done is not None:
            done(True)

    def _spread_out(self, number: int, reached: bool) -> None:
        self.feed(Reached(number) if reached else Unreached(number))

    def _acknowledge(self, effect: Acknowledge) -> None:
        receipt: Callable[[bool], None] = effect.receipt
        receipt(True)

    def _missed(self, effect: Missed) -> None:
        receipt: Callable[[bool], None] = effect.receipt
        receipt(False)

    # --- Journal ------------------------------------------------------------------------------------------------------

    def _persist(self, effect: Persist) -> None:
        assert isinstance(effect.change, ValueChanged)
        append = WriteValue(self.key, effect.expected, effect.change.value)
        try:
            self._home.journal.submit(append, self._appended)
        except Exception:
            logger.exception("append to `%s` entity `%s` failed", self.key.type, self.key.id)
            self._appended(JournalUnavailable("the journal failed", retry_safe=None))

    def _appended(self, result: Appended) -> None:
        if isinstance(result, int):
            self._attempts = 0
            self.feed(Persisted(result))
        elif isinstance(result, WrongExpectedSequence) and self._may_try_again():
            self._start_over()
        else:
            logger.warning("append failed: %s", result)
            self._attempts = 0
            self._fail(result)

    def _fail(self, error: JournalError) -> None:
        if self._home.replication is not None:
            if not error.retry_safe and not isinstance(error, AppendTooLarge):
                self._home.rename()
            self.session.node = self._home.node
        self.feed(PersistFailed(error))

    def _may_try_again(self) -> bool:
        """Members write one record. Without replication, nodes have no names of their own, and cannot merge."""
        self._attempts += 1
        return self._home.replication is not None and self._attempts < MOST_ATTEMPTS

    def _start_over(self) -> None:
        """Others have written first: read that, at once or after a pause that grows with every attempt."""
        assert self._home.replication is not None
        self._home.replication.overtaken += 1
        longest = min(FIRST_PAUSE * 2 ** (self._attempts - 1), LONGEST_PAUSE)
        pause = self._home.replication.chance.uniform(0, longest) if self._attempts > 1 else 0.0
        asyncio.get_running_loop().call_later(pause, self._read_again)

    def _read_again(self) -> None:
        self._reading = asyncio.get_running_loop().create_task(self._overtaken())

    async def _overtaken(self) -> None:
        try:
            async with asyncio.timeout(ACTIVATION_LIMIT):
                stored = await read(self._home.journal, self.key)
        except Exception as error:
            # What was to be written was not: that others had written first is certain.
            reason = f"the entity has been changed elsewhere and cannot be read again: {error or 'no answer in time'}"
            logger.warning("`%s` entity `%s`: %s", self.key.type, self.key.id, reason)
            self._attempts = 0
            self._fail(JournalUnavailable(reason, retry_safe=True))
        else:
            self.session.node = self._home.node
            self.feed(Overtaken(stored.record, stored.sequence))

    async def _loaded(self) -> Loaded:
        stored = await read(self._home.journal, self.key)
        replication = self._home.replication
        if replication is not None and not self._home.shared and self.session.has_waiting:
            self.feed(Heard(await replication.ask(self.key)))
        return stored

    # --- Activation ---------------------------------------------------------------------------------------------------

    async def _opened(self, change: Change | None) -> Opened:
        self._activations += 1
        self._instance = self._home.function.instance(self.key, partial(self._told, self._activations))
        await self._instance.open(change)
        return Opened()

    def _start(self, work: Activation) -> None:
        self._activation = asyncio.get_running_loop().create_task(self._activate(work))

    async def _activate(self, work: Activation) -> None:
        message: CrdtInput
        try:
            async with asyncio.timeout(ACTIVATION_LIMIT):
                message = await work
        except TimeoutError:
            reason = f"loading took longer than {ACTIVATION_LIMIT:g} seconds"
            message = ActivationFailed(JournalUnavailable(reason, retry_safe=True))
        except Exception as error:
            message = ActivationFailed(self._failed(error))
        self._activation = None
        if isinstance(message, Opened):
            self._home.metrics.activated_entities += 1
            self._active_since = self._home.monotonic()
        elif isinstance(message, ActivationFailed):
            self._home.metrics.failed_entities += 1
        self.feed(message)

    def _failed(self, error: Exception) -> CloudStateError:
        key = self.key
        if isinstance(error, CloudStateError) and error.retry_safe:  # what is unavailable says so itself, once
            logger.info("`%s` entity `%s` cannot be activated now: %s", key.type, key.id, error)
            return error
        logger.error("`%s` entity `%s` cannot be activated", key.type, key.id, exc_info=error)
        if isinstance(error, CloudStateError):
            return error
        return EntityFailed(entity_type=key.type, entity_id=key.id, doing="being activated")

    def _discard(self, effect: Discard) -> None:
        self._begun_at.clear()
        if self._activation is not None:
            self._activation.cancel()
            self._activation = None
        if self._instance is not None:
            self._instance.stop()
            self._instance = None
        if self._active_since is not None:
            self._home.metrics.entity_active_time.observe(self._home.monotonic() - self._active_since)
            self._active_since = None


_DO: dict[type[Any], Callable[[CrdtResident, Any], None]] = {
    Answer: CrdtResident._answer,
    Message: CrdtResident._answer,
    Handle: CrdtResident._handle,
    Persist: CrdtResident._persist,
    Load: CrdtResident._load,
    Open: CrdtResident._open,
    Tell: CrdtResident._tell,
    Cancel: CrdtResident._cancel,
    Spread: CrdtResident._spread,
    Report: CrdtResident._report,
    Acknowledge: CrdtResident._acknowledge,
    Missed: CrdtResident._missed,
    Discard: CrdtResident._discard,
    Stop: CrdtResident._stop,
}
