"""The life of one durable entity (event-sourced or value), without I/O: messages in, effects out.

The session keeps the order that the protocol asks for (protocol.md sections 1.3, 1.4, 2.5, 2.7): activation before
the first command, one command at a time, the change durable before the answer, waiting commands in order of arrival,
a rebuilt state after anything that may have left a dirty one. It does not know what the state is.

A command that has an id is answered once: its answer is written with its change, and a retry gets it from there.

    ABSENT --Command--> ACTIVATING --Activated--> READY <--> HANDLING --> PERSISTING --> READY
      READY --Passivate--> STOPPED         a lost function, a failed write, a restart: back to ABSENT or ACTIVATING
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Any

from cloudstate.runtime.entity.messages import (
    Abandoned,
    Activate,
    Activated,
    ActivationFailed,
    Answer,
    Command,
    Discard,
    Effect,
    Failure,
    FunctionLost,
    Handle,
    Input,
    Outcome,
    Passivate,
    Persist,
    Persisted,
    PersistFailed,
    Stop,
)
from cloudstate.runtime.entity.window import Window
from cloudstate.runtime.errors import CloudStateError, ProtocolViolation, StatusCode

#: What callers see when something other than their command went wrong (protocol.md section 2.6).
UNEXPECTED_FAILURE = "Unexpected entity failure"
UNEXPECTED_TERMINATION = "Unexpected entity termination"


class Phase(Enum):
    """Where in its life an entity is."""

    ABSENT = auto()
    ACTIVATING = auto()
    READY = auto()
    HANDLING = auto()
    PERSISTING = auto()
    STOPPED = auto()


class EntitySession:
    """One entity. Invariant: at most one command is between Handle and Answer, and ``_current`` is that command.

    Args:
        max_waiting: how many commands may wait; the next one is answered RESOURCE_EXHAUSTED at once.
        window: how many answers are kept for retries.
    """

    __slots__ = (
        "_current",
        "_last_id",
        "_lost",
        "_max_waiting",
        "_outcome",
        "_waiting",
        "_window",
        "phase",
        "sequence",
    )

    def __init__(self, max_waiting: int = 1000, window: int = 100) -> None:
        self.phase = Phase.ABSENT
        self.sequence = 0
        self._max_waiting = max_waiting
        self._waiting: list[Command] = []  # mostly empty, and there are many: a deque takes 600 bytes
        self._current: Command | None = None
        self._outcome: Outcome | None = None
        self._last_id = 0
        self._lost = False
        self._window = Window(window)

    def feed(self, message: Input) -> list[Effect]:
        """Take one message and say what must happen next, in order.

        Raises:
            ProtocolViolation: the message is not legal in this phase; the session is unchanged.
        """
        return _STEPS[type(message)](self, message)

    @property
    def is_idle(self) -> bool:
        """True if nothing runs and nothing waits."""
        return self._current is None and not self._waiting and self.phase is not Phase.ACTIVATING

    @property
    def is_free(self) -> bool:
        """True if the next command does not have to wait."""
        return self.phase is Phase.READY

    # --- Commands -----------------------------------------------------------------------------------------------------

    def _command(self, command: Command) -> list[Effect]:
        if self.phase is Phase.READY:
            known = self._window.answer_to(command)
            return [self._begin(command) if known is None else Answer(command.ticket, known)]
        if self.phase is Phase.STOPPED:
            raise self._illegal(command)
        if len(self._waiting) >= self._max_waiting:
            description = f"{self._max_waiting} commands already wait for this entity; try again later"
            return [Answer(command.ticket, Failure(description, StatusCode.RESOURCE_EXHAUSTED))]
        self._waiting.append(command)
        if self.phase is Phase.ABSENT:
            return [self._activate()]
        return []

    def _begin(self, command: Command) -> Handle:
        self.phase = Phase.HANDLING
        self._current = command
        self._last_id += 1
        return Handle(self._last_id, command)

    def _next(self) -> list[Effect]:
        """The current command is over: begin the next one that is not a retry, if any."""
        self._current = None
        self._outcome = None
        self.phase = Phase.READY
        effects: list[Effect] = []
        while self._waiting and self.phase is Phase.READY:
            effects += self._command(self._waiting.pop(0))
        return effects

    def _abandoned(self, message: Abandoned) -> list[Effect]:
        for command in self._waiting:
            if command.ticket is message.ticket:
                self._waiting.remove(command)
                break
        return []

    # --- Activation ---------------------------------------------------------------------------------------------------

    def _activate(self) -> Activate:
        self.phase = Phase.ACTIVATING
        self._last_id = 0
        self._lost = False
        return Activate()

    def _activated(self, message: Activated) -> list[Effect]:
        if self.phase is not Phase.ACTIVATING:
            raise self._illegal(message)
        self.sequence = message.sequence
        self._window.fill(message.kept)
        return self._next()

    def _activation_failed(self, message: ActivationFailed) -> list[Effect]:
        if self.phase is not Phase.ACTIVATING:
            raise self._illegal(message)
        self.phase = Phase.ABSENT
        return [Discard(), *self._fail_waiting(_failure(message.error))]

    # --- Outcomes -----------------------------------------------------------------------------------------------------

    def _handled(self, outcome: Outcome) -> list[Effect]:
        if self.phase is not Phase.HANDLING or self._current is None:
            raise self._illegal(outcome)
        change = None if isinstance(outcome.action, Failure) else outcome.change
        kept = self._window.record(self._current, outcome.action) if self._current.id else None
        if change is None and kept is None:
            return self._conclude(outcome)
        self.phase = Phase.PERSISTING
        self._outcome = outcome
        return [Persist(self.sequence, change, kept)]

    def _conclude(self, outcome: Outcome) -> list[Effect]:
        """Everything that the answer depends on is durable."""
        assert self._current is not None
        action = outcome.action
        answer = Answer(self._current.ticket, action, outcome.side_effects)
        is_dirty = self._lost or (isinstance(action, Failure) and action.restart)
        return [answer, *(self._rebuild() if is_dirty else self._next())]

    def _persisted(self, message: Persisted) -> list[Effect]:
        if self.phase is not Phase.PERSISTING or self._current is None or self._outcome is None:
            raise self._illegal(message)
        self.sequence = message.sequence
        self._window.keep()
        return self._conclude(self._outcome)

    def _persist_failed(self, message: PersistFailed) -> list[Effect]:
        if self.phase is not Phase.PERSISTING or self._current is None:
            raise self._illegal(message)
        self._window.drop()
        return [Answer(self._current.ticket, _failure(message.error)), *self._rebuild()]

    def _rebuild(self) -> list[Effect]:
        """The state in memory may be wrong: build it anew at once. Waiting commands keep their order."""
        self._current = None
        self._outcome = None
        return [Discard(), self._activate()]

    def _function_lost(self, message: FunctionLost) -> list[Effect]:
        if self.phase is Phase.PERSISTING:
            # The change is on its way to the journal and will be answered; the function is needed only after that.
            self._lost = True
            return []
        if self.phase is Phase.STOPPED:
            return []
        effects: list[Effect] = []
        if self._current is not None:
            effects.append(Answer(self._current.ticket, Failure(message.description, StatusCode.UNKNOWN)))
        self._current = None
        self.phase = Phase.ABSENT
        return [*effects, Discard(), *self._fail_waiting(Failure(message.waiting, StatusCode.UNKNOWN))]

    def _passivate(self, message: Passivate) -> list[Effect]:
        if self.phase not in (Phase.READY, Phase.ABSENT) or self._waiting:
            return []
        was_ready, self.phase = self.phase is Phase.READY, Phase.STOPPED
        return [Discard(), Stop()] if was_ready else [Stop()]

    def _fail_waiting(self, failure: Failure) -> list[Effect]:
        answers: list[Effect] = [Answer(command.ticket, failure) for command in self._waiting]
        self._waiting.clear()
        return answers

    def _illegal(self, message: Input) -> ProtocolViolation:
        return ProtocolViolation(f"{type(message).__name__} is not legal while the entity is {self.phase.name}")


def _failure(error: CloudStateError) -> Failure:
    return Failure(str(error), error.status)


_STEPS: dict[type[Any], Callable[[EntitySession, Any], list[Effect]]] = {
    Command: EntitySession._command,
    Activated: EntitySession._activated,
    ActivationFailed: EntitySession._activation_failed,
    Outcome: EntitySession._handled,
    Persisted: EntitySession._persisted,
    PersistFailed: EntitySession._persist_failed,
    FunctionLost: EntitySession._function_lost,
    Abandoned: EntitySession._abandoned,
    Passivate: EntitySession._passivate,
}
