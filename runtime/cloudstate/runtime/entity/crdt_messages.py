"""What goes into the session of a CRDT entity and what comes out of it, besides what all sessions share."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple, TypeAlias

from cloudstate.runtime.crdt import Audience, Change, Dot, Record
from cloudstate.runtime.entity.messages import (
    Abandoned,
    Action,
    ActivationFailed,
    Answer,
    Command,
    Discard,
    FunctionLost,
    Handle,
    Passivate,
    Persist,
    Persisted,
    PersistFailed,
    SideEffect,
    Stop,
)


class Consistency(IntEnum):
    """How far a change must have travelled before its command is answered; numbered as in the protocol."""

    LOCAL = 0
    MAJORITY = 1
    ALL = 2


# --- Inputs -----------------------------------------------------------------------------------------------------------


class Loaded(NamedTuple):
    """What the journal has of the entity."""

    record: Record
    sequence: int


class Opened(NamedTuple):
    """The function knows the value and is ready for commands."""


class StateAction(NamedTuple):
    """What a function does to the value: a change, or a deletion, which wins if it asks for both."""

    change: Change | None = None
    deletes: bool = False
    consistency: Consistency = Consistency.LOCAL


class CrdtReply(NamedTuple):
    """What the function makes of a command. ``streamed``: more may follow; legal where the command is streamed."""

    command_id: int
    action: Action | None
    side_effects: tuple[SideEffect, ...] = ()
    state_action: StateAction = StateAction()
    streamed: bool = False


class StreamedMessage(NamedTuple):
    """A further reply to a streamed command."""

    command_id: int
    action: Action | None
    side_effects: tuple[SideEffect, ...] = ()
    ends: bool = False


class CancelReply(NamedTuple):
    """The function has heard that the caller of a streamed command is gone."""

    command_id: int
    side_effects: tuple[SideEffect, ...] = ()
    state_action: StateAction = StateAction()


class Overtaken(NamedTuple):
    """The write found that others had written before it, and wrote nothing. This is what they have written."""

    record: Record
    sequence: int


class Heard(NamedTuple):
    """Another node tells what it knows: a delta or all of it.

    Attributes:
        receipt: given back with ``Acknowledge`` or ``Missed``; None: nobody waits for that.
        after: of a delta, see ``Spread``.
    """

    record: Record
    receipt: Any = None
    after: Dot | None = None


class Reached(NamedTuple):
    """A change that was spread is where it should be."""

    number: int


class Unreached(NamedTuple):
    """A change that was spread did not get that far in time. It may still do so later."""

    number: int


class MembersChanged(NamedTuple):
    """Processes have joined or left the cluster."""

    audience: Audience


CrdtInput: TypeAlias = (
    Command
    | Loaded
    | Opened
    | ActivationFailed
    | CrdtReply
    | StreamedMessage
    | CancelReply
    | Persisted
    | PersistFailed
    | Overtaken
    | Reached
    | Unreached
    | Heard
    | MembersChanged
    | FunctionLost
    | Abandoned
    | Passivate
)

# --- Effects ----------------------------------------------------------------------------------------------------------


class Load(NamedTuple):
    """Read the entity from the journal; then feed Loaded or ActivationFailed."""


class Open(NamedTuple):
    """Start the function's instance with the value as a change of the empty one, or with nothing if there is none.

    Then feed Opened or ActivationFailed.
    """

    change: Change | None


class Tell(NamedTuple):
    """Tell the function what others have changed. Happens only while it has nothing to answer. None: deleted."""

    change: Change | None


class Cancel(NamedTuple):
    """Tell the function that the caller of this streamed command is gone; then feed its CancelReply."""

    command_id: int


class Spread(NamedTuple):
    """Send a change to the other nodes. It is durable here by now.

    If more than LOCAL is asked for, feed Reached or Unreached.

    Attributes:
        after: the latest dot of this node before it. Whoever has not heard of all up to it cannot merge the change.
    """

    number: int
    delta: Record
    consistency: Consistency
    after: Dot


class Acknowledge(NamedTuple):
    """What was heard with this receipt is merged and durable by now. Never comes if it could not be."""

    receipt: Any


class Missed(NamedTuple):
    """What was heard with this receipt was not merged: something that came before it is not known here."""

    receipt: Any


class Message(NamedTuple):
    """One answer to a streamed command: run its side effects, then deliver its action, if it has one.

    ``ends``: it is the last; of whatever comes after it only side effects count. A Failure is always the last. State is
    durable by now.
    """

    ticket: Any
    action: Action | None
    side_effects: tuple[SideEffect, ...] = ()
    ends: bool = False


class Report(NamedTuple):
    """The function has broken the protocol: tell its author."""

    text: str


CrdtEffect: TypeAlias = (
    Load
    | Open
    | Handle
    | Tell
    | Cancel
    | Persist
    | Spread
    | Acknowledge
    | Missed
    | Answer
    | Message
    | Report
    | Discard
    | Stop
)
