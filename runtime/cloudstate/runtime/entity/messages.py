"""What goes into an entity session and what comes out of it: values without behaviour.

Nobody changes one. Those that every command makes several of are slotted rather than frozen: making a frozen one, or a
named tuple, costs twice as much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from cloudstate.runtime.errors import CloudStateError, StatusCode
from cloudstate.runtime.payload import Metadata, Payload

#: What callers whose commands wait are told when their entity ends (protocol.md section 2.6).
TERMINATED = "Entity terminated"

# --- Commands and what a function makes of them -----------------------------------------------------------------------


@dataclass(slots=True)
class Command:
    """One command on its way to one entity.

    Attributes:
        ticket: whoever waits for the answer; opaque here, compared by identity.
        name: the rpc's name.
        payload: the encoded input message, untouched.
        message: the decoded input where the function runs in this process, else None.
        metadata: what the caller sent along.
        deadline: loop time in seconds after which nobody waits for the answer; None = not limited.
        streamed: more than one answer may come; the ticket takes ``Message`` of ``crdt_messages`` then.
        id: the caller's id of the command, the same in each retry; empty: none, or nothing is changed by it.
    """

    ticket: Any
    name: str
    payload: bytes
    message: Any
    metadata: Metadata
    deadline: float | None
    streamed: bool = False
    id: str = ""


class Reply(NamedTuple):
    """A successful answer: the encoded output message."""

    payload: bytes
    metadata: Metadata = ()


class Failure(NamedTuple):
    """A failed command: text and status for the caller. Nothing that the command emitted is kept.

    ``restart`` asks for the entity to be rebuilt from the journal before the next command, because its state in memory
    may hold changes that were never written.
    """

    description: str
    status: StatusCode
    restart: bool = False


class Forward(NamedTuple):
    """The answer comes from another command: handled as a fresh call after this one's state is durable."""

    service: str
    command: str
    payload: bytes
    metadata: Metadata = ()


class SideEffect(NamedTuple):
    """Another command to run after this one's state is durable; its result never changes this one's answer."""

    service: str
    command: str
    payload: bytes
    synchronous: bool = False
    metadata: Metadata = ()


Action: TypeAlias = Reply | Failure | Forward


@dataclass(slots=True)
class EventsEmitted:
    """State change of an event-sourced entity: events, and maybe the state after the last of them.

    ``schema`` is the fingerprint of the snapshot's type; empty where nobody knows it.
    """

    events: tuple[Payload, ...]
    snapshot: Payload | None = None
    schema: str = ""


@dataclass(slots=True)
class ValueChanged:
    """State change of a value entity; None deletes."""

    value: Payload | None


Change: TypeAlias = EventsEmitted | ValueChanged


@dataclass(slots=True)
class Outcome:
    """What a function makes of one command; an input of the session that gave the command to it.

    ``action`` is None where a function answers nothing (an action without reply).
    """

    action: Action | None
    side_effects: tuple[SideEffect, ...] = ()
    change: Change | None = None


class Kept(NamedTuple):
    """The answer to a command, kept for retries (``recorded``); the journal's ``Answer``."""

    number: int
    command_id: str
    reply: bytes


# --- Inputs of a session (besides Command and Outcome) ----------------------------------------------------------------


@dataclass(slots=True)
class Activated:
    """The function holds the entity's state as of ``sequence`` and is ready for commands.

    ``kept`` are the newest kept answers, oldest first.
    """

    sequence: int
    kept: tuple[Kept, ...] = ()


class ActivationFailed(NamedTuple):
    """The journal could not be read, or the function could not rebuild the state."""

    error: CloudStateError


@dataclass(slots=True)
class Persisted:
    """The change is durable; the entity is now at ``sequence``."""

    sequence: int


class PersistFailed(NamedTuple):
    """The change was not written, or it is not known whether it was."""

    error: CloudStateError


class FunctionLost(NamedTuple):
    """The function is gone (stream broken, process ended). Its outcome for a running command will not come.

    Attributes:
        description: what the caller of the running command is told.
        waiting: what the callers of commands that wait are told.
    """

    description: str
    waiting: str = TERMINATED


class Abandoned(NamedTuple):
    """The caller of this ticket went away. A waiting command is dropped; a running one goes on unheard."""

    ticket: Any


class Passivate(NamedTuple):
    """Leave memory, if there is nothing to do."""


Input: TypeAlias = (
    Command | Activated | ActivationFailed | Outcome | Persisted | PersistFailed | FunctionLost | Abandoned | Passivate
)

# --- Effects ----------------------------------------------------------------------------------------------------------


class Activate(NamedTuple):
    """Load the entity from the journal and hand its state to the function; then feed Activated or ActivationFailed."""


@dataclass(slots=True)
class Handle:
    """Give the command to the function; then feed its Outcome. ``command_id`` counts from 1 per activation."""

    command_id: int
    command: Command


@dataclass(slots=True)
class Persist:
    """Append the change and the kept answer together, expecting the entity at ``expected``.

    There is a change, a kept answer, or both. Then feed Persisted or PersistFailed. No Answer to this command may leave
    before Persisted.
    """

    expected: int
    change: Change | None
    kept: Kept | None = None


@dataclass(slots=True)
class Answer:
    """The command is over: run its side effects in order, then deliver its action. State is durable by now."""

    ticket: Any
    action: Action | None
    side_effects: tuple[SideEffect, ...] = ()


class Discard(NamedTuple):
    """Throw the function's state of this entity away; nothing more will be asked of it before the next Activate."""


class Stop(NamedTuple):
    """The session is over and may be forgotten. Nothing is waiting in it."""


Effect: TypeAlias = Activate | Handle | Persist | Answer | Discard | Stop
