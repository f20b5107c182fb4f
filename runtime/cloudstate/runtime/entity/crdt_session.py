"""The life of one CRDT entity on one node, without I/O: messages in, effects out (protocol.md sections 1.5 and 2.8).

Commands are given to the function as they come, several at a time where it can take that, and its replies may overtake
each other. While it has anything to answer, it alone changes its value; what other nodes have changed is kept back,
and told as one change when it has answered everything. Commands that come meanwhile wait, so that it is never kept
back for ever.

What a function has changed is durable before anybody hears of it: answers wait for the journal, in order, also those
that change nothing, because they may show what is being written. One write is under way at a time and takes along
everything that was changed before it began. Then the change is spread to the other nodes, and an answer that asked for
more than LOCAL waits for them.

Nodes that share a journal share the entity's one record in it. A write that finds it overtaken merges what others have
written and begins anew: nothing of either is lost. What others tell is in that record before they tell it, so it is not
written again. Where each node has a journal of its own, what others tell is written like a change made here.

A node may have the name of one that is gone, where they share a journal: nobody can write twice under one name what is
not the same, because each write is of everything that was written before it. Should the other one not be gone, whoever
comes second sees changes in the record that are its own by name and that it did not make. It takes them over if it has
made none itself that are not written, and starts again from the journal otherwise.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from cloudstate.runtime.crdt import UNKNOWN, Audience, Inexpressible, KindConflict, Record, encode
from cloudstate.runtime.crdt.record import follows, merged
from cloudstate.runtime.entity.crdt_messages import (
    Acknowledge,
    Cancel,
    CancelReply,
    Consistency,
    CrdtEffect,
    CrdtInput,
    CrdtReply,
    Heard,
    Load,
    Loaded,
    MembersChanged,
    Message,
    Missed,
    Open,
    Opened,
    Overtaken,
    Reached,
    Report,
    StateAction,
    StreamedMessage,
    Tell,
    Unreached,
)
from cloudstate.runtime.entity.crdt_outbox import Outbox
from cloudstate.runtime.entity.crdt_replica import Delta, Replica
from cloudstate.runtime.entity.messages import (
    TERMINATED,
    Abandoned,
    Action,
    ActivationFailed,
    Answer,
    Command,
    Discard,
    Failure,
    FunctionLost,
    Handle,
    Passivate,
    Persist,
    Persisted,
    PersistFailed,
    SideEffect,
    Stop,
    ValueChanged,
)
from cloudstate.runtime.entity.session import Phase
from cloudstate.runtime.errors import CloudStateError, ProtocolViolation, StatusCode
from cloudstate.runtime.payload import Payload

#: What an encoded record is stored as.
RECORD_URL = "crdt.cloudstate.io/record"

#: So much of what is heard is kept until the journal has been read. What is not kept is not acknowledged.
MOST_EARLY = 100

#: What callers see (protocol.md section 2.6).
NOT_WRITTEN_FAR_ENOUGH = "Failed to update CRDT at requested write consistency"
UNEXPECTED_REPLY = "Unexpected CRDT entity reply"
DELETED = "Entity deleted"
CUT_OFF = "Entity terminated unexpectedly"


class NameTaken(CloudStateError):
    """Somebody else makes changes under this node's name; nothing was written."""

    status = StatusCode.ABORTED
    retry_safe = True

    def __init__(self) -> None:
        super().__init__("the entity is changed elsewhere under the name of this process; try again")


class WallClock(Protocol):
    """Whatever tells the time; the real one is not for cores."""

    def wall(self) -> float:
        """Seconds since the Unix epoch."""
        ...


class CrdtSession:
    """One entity.

    Args:
        node: the name of this node in the causal history. Nobody else may ever use it, but see ``inherits``. It may be
            replaced: another one counts from when the entity is read again.
        audience: this process and all processes of the cluster.
        clock: its wall time is what registers go by.
        max_waiting: how many commands may wait; the next one is answered RESOURCE_EXHAUSTED at once.
        pipeline: how many commands the function may have at a time.
        is_shared: all nodes write the same record, so that what is heard is durable.
        inherits: the name may be that of a node that is gone, and perhaps is not; the record is shared then.
    """

    __slots__ = (
        "_abandoned_ids",
        "_being_written",
        "_cancelling",
        "_clock",
        "_durable",
        "_early",
        "_inherits",
        "_is_loaded",
        "_is_shared",
        "_last_id",
        "_max_waiting",
        "_outbox",
        "_pipeline",
        "_replica",
        "_running",
        "_streams",
        "_waiting",
        "node",
        "phase",
        "sequence",
    )

    def __init__(
        self,
        node: str,
        audience: Audience,
        clock: WallClock,
        max_waiting: int = 1000,
        pipeline: int = 100,
        *,
        is_shared: bool = False,
        inherits: bool = False,
    ) -> None:
        self.phase = Phase.ABSENT
        self.sequence = 0
        self.node = node
        self._is_shared = is_shared
        self._inherits = inherits
        self._replica = Replica(node, audience)
        self._clock = clock
        self._max_waiting = max_waiting
        self._pipeline = pipeline
        self._waiting: deque[Command] = deque()
        self._running: dict[int, Command] = {}
        self._abandoned_ids: set[int] = set()
        """Streamed commands that run, but whose callers have gone."""
        self._streams: dict[int, Any] = {}
        self._cancelling: dict[int, Any] = {}
        self._outbox = Outbox()
        self._durable = self._being_written = UNKNOWN
        self._early: list[Heard] = []
        """What was heard before the journal had been read."""
        self._is_loaded = False
        self._last_id = 0

    def feed(self, message: CrdtInput) -> list[CrdtEffect]:
        """Take one message and say what must happen next, in order.

        Raises:
            ProtocolViolation: the message is not legal in this phase; the session is unchanged.
        """
        return _STEPS[type(message)](self, message)

    @property
    def is_idle(self) -> bool:
        """True if nothing runs, waits, is written or is streamed."""
        busy = self._running or self._waiting or self._streams or self._cancelling
        return not busy and self._outbox.is_empty and self.phase is not Phase.ACTIVATING

    @property
    def durable(self) -> Record | None:
        """What is known and durable, so that anybody may hear of it; None while the journal has not been read."""
        return self._durable if self._is_loaded else None

    @property
    def has_waiting(self) -> bool:
        """True if commands wait for the function."""
        return bool(self._waiting)

    @property
    def is_free(self) -> bool:
        """True if the next command does not have to wait."""
        if self.phase is not Phase.READY or self._waiting or len(self._running) >= self._pipeline:
            return False
        replica = self._replica
        return not (replica.is_ahead and (self._running or self._cancelling or replica.must_reopen))

    # --- Commands -----------------------------------------------------------------------------------------------------

    def _command(self, command: Command) -> list[CrdtEffect]:
        if self.phase is Phase.STOPPED:
            raise self._illegal(command)
        if len(self._waiting) >= self._max_waiting:
            text = f"{self._max_waiting} commands already wait for this entity; try again later"
            return [_answer(command, Failure(text, StatusCode.RESOURCE_EXHAUSTED))]
        self._waiting.append(command)
        return self._go_on()

    def _go_on(self) -> list[CrdtEffect]:
        """Whatever may happen now: open, tell the function what is new, begin commands."""
        if self.phase is Phase.ABSENT:
            return self._activate() if self._waiting else []
        if self.phase is not Phase.READY:
            return []
        effects: list[CrdtEffect] = []
        if self._replica.is_ahead:
            if self._running or self._cancelling:
                return []
            if self._replica.must_reopen:
                return self._reopen([Tell(None)])
            try:
                change = self._replica.catch_up()
            except Inexpressible:
                return self._reopen([])
            if change is not None:
                effects.append(Tell(change))
        while self._waiting and len(self._running) < self._pipeline:
            command = self._waiting.popleft()
            self._last_id += 1
            self._running[self._last_id] = command
            effects.append(Handle(self._last_id, command))
        return effects

    def _abandoned(self, message: Abandoned) -> list[CrdtEffect]:
        ticket = message.ticket
        for command in self._waiting:
            if command.ticket is ticket:
                self._waiting.remove(command)
                return []
        for number, running in self._running.items():
            if running.ticket is ticket and running.streamed:
                self._abandoned_ids.add(number)
                return []
        for number, streamed in self._streams.items():
            if streamed is ticket:
                return [self._cancel(number, self._streams.pop(number))]
        return []

    def _cancel(self, number: int, ticket: Any) -> Cancel:
        self._cancelling[number] = ticket
        return Cancel(number)

    # --- Activation ---------------------------------------------------------------------------------------------------

    def _activate(self) -> list[CrdtEffect]:
        self.phase = Phase.ACTIVATING
        self._last_id = 0
        return [Open(self._replica.show())] if self._is_loaded else [Load()]

    def _loaded(self, message: Loaded) -> list[CrdtEffect]:
        if self.phase is not Phase.ACTIVATING or self._is_loaded:
            raise self._illegal(message)
        self._is_loaded = True
        self.sequence = message.sequence
        self._replica.record = self._durable = message.record
        early, self._early = self._early, []
        effects = [effect for heard in early for effect in self._take_in(heard)]
        if self._waiting:
            return [*effects, *self._activate(), *self._write()]
        self.phase = Phase.ABSENT
        return [*effects, *self._write()]

    def _opened(self, message: Opened) -> list[CrdtEffect]:
        if self.phase is not Phase.ACTIVATING:
            raise self._illegal(message)
        self.phase = Phase.READY
        return self._go_on()

    def _activation_failed(self, message: ActivationFailed) -> list[CrdtEffect]:
        if self.phase is not Phase.ACTIVATING:
            raise self._illegal(message)
        self.phase = Phase.ABSENT
        return [Discard(), *self._fail_waiting(_failure(message.error))]

    # --- What the function says ---------------------------------------------------------------------------------------

    def _replied(self, reply: CrdtReply) -> list[CrdtEffect]:
        number = reply.command_id
        if number not in self._running:
            return self._broken(f"Received reply for unknown command id: {number}")
        command = self._running[number]
        failed = isinstance(reply.action, Failure)
        if reply.streamed and not command.streamed:
            return self._broken(f"Received streamed reply for command {number}, which is not streamed")
        if failed and (reply.state_action.change is not None or reply.state_action.deletes):
            return self._broken(f"Received failure with a state change for command {number}")
        try:
            delta = self._apply(reply.state_action)
        except CloudStateError as error:
            return self._broken(str(error))
        del self._running[number]
        goes_on = reply.streamed and not failed and not reply.state_action.deletes
        if command.streamed:
            answer: Message | Answer = Message(command.ticket, reply.action, reply.side_effects, ends=not goes_on)
        else:
            answer = Answer(command.ticket, reply.action, reply.side_effects)
        effects = self._release(answer, delta, reply.state_action.consistency)
        if reply.state_action.deletes:
            return [*effects, *self._deleted()]
        if goes_on:
            if number in self._abandoned_ids:
                effects.append(self._cancel(number, command.ticket))
            else:
                self._streams[number] = command.ticket
        self._abandoned_ids.discard(number)
        return [*effects, *self._go_on()]

    def _streamed(self, message: StreamedMessage) -> list[CrdtEffect]:
        number = message.command_id
        if number in self._cancelling:
            return []
        if number not in self._streams:
            return self._broken(f"Received streamed message for unknown command id: {number}")
        ends = message.ends or isinstance(message.action, Failure)
        ticket = self._streams.pop(number) if ends else self._streams[number]
        return self._release(Message(ticket, message.action, message.side_effects, ends))

    def _cancel_replied(self, reply: CancelReply) -> list[CrdtEffect]:
        number = reply.command_id
        if number not in self._cancelling:
            return self._broken(f"Received stream cancelled response for unknown command id: {number}")
        try:
            delta = self._apply(reply.state_action)
        except CloudStateError as error:
            return self._broken(str(error))
        ticket = self._cancelling.pop(number)
        answer = Message(ticket, None, reply.side_effects, ends=True)
        effects = self._release(answer, delta, reply.state_action.consistency)
        if reply.state_action.deletes:
            return [*effects, *self._deleted()]
        return [*effects, *self._go_on()]

    def _apply(self, action: StateAction) -> Delta | None:
        if action.deletes:
            return self._replica.delete()
        if action.change is None:
            return None
        return self._replica.change(action.change, int(self._clock.wall() * 1000))

    def _deleted(self) -> list[CrdtEffect]:
        """The function has deleted the entity: it is over, and begins anew with the next command."""
        effects: list[CrdtEffect] = []
        for command in self._running.values():
            effects += self._release(_answer(command, _unknown(DELETED)))
        for ticket in self._streams.values():
            effects += self._release(Message(ticket, None, ends=True))
        return [*effects, *self._close()]

    def _reopen(self, effects: list[CrdtEffect]) -> list[CrdtEffect]:
        """What the function was shown is no more: end what it streams, and begin anew for what waits."""
        for ticket in self._streams.values():
            effects += self._release(Message(ticket, None, ends=True))
        return [*effects, *self._close()]

    def _close(self) -> list[CrdtEffect]:
        self._forget_function()
        return [Discard(), *self._go_on()]

    def _broken(self, text: str) -> list[CrdtEffect]:
        """The function has broken the protocol: what it holds may be anything."""
        return [Report(text), *self._lose(_unknown(UNEXPECTED_REPLY), _unknown(CUT_OFF), _unknown(TERMINATED))]

    def _function_lost(self, message: FunctionLost) -> list[CrdtEffect]:
        if self.phase in (Phase.STOPPED, Phase.ABSENT):
            return []
        return self._lose(_unknown(message.description), _unknown(CUT_OFF), _unknown(message.waiting))

    def _lose(self, running: Failure, streams: Failure, waiting: Failure) -> list[CrdtEffect]:
        effects: list[CrdtEffect] = [_answer(command, running) for command in self._running.values()]
        for ticket in self._streams.values():
            effects += self._release(Message(ticket, streams, ends=True))
        self._forget_function()
        return [*effects, Discard(), *self._fail_waiting(waiting)]

    def _forget_function(self) -> None:
        self._running.clear()
        self._abandoned_ids.clear()
        self._streams.clear()
        self._cancelling.clear()
        self.phase = Phase.ABSENT

    # --- Durability ---------------------------------------------------------------------------------------------------

    def _release(
        self, answer: Message | Answer, delta: Delta | None = None, consistency: Consistency = Consistency.LOCAL
    ) -> list[CrdtEffect]:
        """Let an answer leave, and a change, as soon as they may."""
        return [*self._outbox.put(answer, delta, consistency), *self._write()]

    def _write(self) -> list[CrdtEffect]:
        if not self._is_loaded or not self._outbox.begin_write():
            return []
        return [self._persist()]

    def _persist(self) -> Persist:
        record = self._being_written = self._replica.record
        return Persist(self.sequence, ValueChanged(Payload(RECORD_URL, encode(record))))

    def _persisted(self, message: Persisted) -> list[CrdtEffect]:
        if not self._outbox.is_writing:
            raise self._illegal(message)
        self.sequence = message.sequence
        self._durable = self._being_written
        return [*self._outbox.written(), *self._write()]

    def _overtaken(self, message: Overtaken) -> list[CrdtEffect]:
        """Others have written first: merge, and write what they lack of ours."""
        if not self._outbox.is_writing:
            raise self._illegal(message)
        if not self._may_merge(message.record):
            return self._persist_failed(PersistFailed(NameTaken()))
        try:
            self._replica.hear(message.record)
        except KindConflict as conflict:
            return [Report(str(conflict)), *self._persist_failed(PersistFailed(conflict))]
        self.sequence = message.sequence
        self._durable = merged(self._durable, message.record)
        self._outbox.write_again()
        if self._replica.record == message.record:
            self._being_written = message.record
            return [*self._persisted(Persisted(message.sequence)), *self._go_on()]
        return [self._persist(), *self._go_on()]

    def _persist_failed(self, message: PersistFailed) -> list[CrdtEffect]:
        """Nobody knows what is durable: start again from the journal. Answers that depend on the write fail."""
        if not self._outbox.is_writing:
            raise self._illegal(message)
        failure = _failure(message.error)
        effects = self._outbox.failed(failure)
        self._replica = Replica(self.node, self._replica.audience)
        self._durable = self._being_written = UNKNOWN
        self._is_loaded = False
        if self.phase is Phase.ABSENT:
            return effects
        return [*effects, *self._lose(failure, failure, failure)]

    def _reached(self, message: Reached) -> list[CrdtEffect]:
        return self._outbox.reached(message.number)

    def _unreached(self, message: Unreached) -> list[CrdtEffect]:
        failure = Failure(NOT_WRITTEN_FAR_ENOUGH, StatusCode.UNAVAILABLE)
        effects = self._outbox.reached(message.number, failure)
        for number in self._streams_of(effects):
            effects.append(self._cancel(number, self._streams.pop(number)))
        return effects

    def _streams_of(self, answers: list[CrdtEffect]) -> list[int]:
        """The streams that some answers belong to."""
        tickets = [answer.ticket for answer in answers if isinstance(answer, Message)]
        return [number for number, ticket in self._streams.items() if any(ticket is it for it in tickets)]

    # --- Other nodes --------------------------------------------------------------------------------------------------

    def _heard(self, message: Heard) -> list[CrdtEffect]:
        if self.phase is Phase.STOPPED:
            raise self._illegal(message)
        if self._is_loaded:
            return [*self._take_in(message), *self._write(), *self._go_on()]
        if len(self._early) < MOST_EARLY:
            self._early.append(message)
        return self._activate() if self.phase is Phase.ABSENT else []

    def _take_in(self, heard: Heard) -> list[CrdtEffect]:
        record, receipt, after = heard
        follows_all = after is None or follows(record, self._replica.record, after)
        if not follows_all or not self._may_merge(record):
            return [Missed(receipt)] if receipt is not None else []
        effects = self._hear(record)
        if receipt is not None and not effects:
            effects += self._acknowledge(receipt)
        return effects

    def _hear(self, record: Record) -> list[CrdtEffect]:
        before = self._replica.record
        try:
            if not self._replica.hear(record):
                return []
        except KindConflict as conflict:
            return [Report(str(conflict))]
        if not self._is_shared:
            self._outbox.changed()
            return []
        now = self._replica.record
        self._durable = now if self._durable is before else merged(self._durable, record)
        if self._outbox.is_writing:
            self._being_written = now if self._being_written is before else merged(self._being_written, record)
        return []

    def _may_merge(self, record: Record) -> bool:
        """False if somebody else has made changes under this node's name that would be mixed up with its own."""
        replica, durable = self._replica, self._durable
        if not self._inherits or replica.counted(record) <= replica.counted(durable, record.generation):
            return True
        known = replica.record
        is_ahead = replica.counted(known) > replica.counted(durable, known.generation)
        return not (is_ahead or self._running or self._cancelling)

    def _acknowledge(self, receipt: Any) -> list[CrdtEffect]:
        return [Acknowledge(receipt)] if self._is_shared else self._outbox.acknowledge(receipt)

    def _members_changed(self, message: MembersChanged) -> list[CrdtEffect]:
        self._replica.audience = message.audience
        return self._go_on()

    # --- The end ------------------------------------------------------------------------------------------------------

    def _passivate(self, message: Passivate) -> list[CrdtEffect]:
        if not self.is_idle or self.phase not in (Phase.READY, Phase.ABSENT):
            return []
        was_ready, self.phase = self.phase is Phase.READY, Phase.STOPPED
        return [Discard(), Stop()] if was_ready else [Stop()]

    def _fail_waiting(self, failure: Failure) -> list[CrdtEffect]:
        answers: list[CrdtEffect] = [_answer(command, failure) for command in self._waiting]
        self._waiting.clear()
        return answers

    def _illegal(self, message: CrdtInput) -> ProtocolViolation:
        return ProtocolViolation(f"{type(message).__name__} is not legal while the entity is {self.phase.name}")


def _answer(command: Command, action: Action | None, effects: tuple[SideEffect, ...] = ()) -> Message | Answer:
    """The only answer to a command."""
    if command.streamed:
        return Message(command.ticket, action, effects, ends=True)
    return Answer(command.ticket, action, effects)


def _unknown(description: str) -> Failure:
    return Failure(description, StatusCode.UNKNOWN)


def _failure(error: CloudStateError) -> Failure:
    return Failure(str(error), error.status)


_STEPS: dict[type[Any], Callable[[CrdtSession, Any], list[CrdtEffect]]] = {
    Command: CrdtSession._command,
    Loaded: CrdtSession._loaded,
    Opened: CrdtSession._opened,
    ActivationFailed: CrdtSession._activation_failed,
    CrdtReply: CrdtSession._replied,
    StreamedMessage: CrdtSession._streamed,
    CancelReply: CrdtSession._cancel_replied,
    Persisted: CrdtSession._persisted,
    PersistFailed: CrdtSession._persist_failed,
    Overtaken: CrdtSession._overtaken,
    Reached: CrdtSession._reached,
    Unreached: CrdtSession._unreached,
    Heard: CrdtSession._heard,
    MembersChanged: CrdtSession._members_changed,
    FunctionLost: CrdtSession._function_lost,
    Abandoned: CrdtSession._abandoned,
    Passivate: CrdtSession._passivate,
}
