"""What this node knows of one CRDT entity, beside what its function has been shown of it.

Both differ while the function is at work: what others change is merged here at once, and shown when it is the node's
turn. What the function changes is a change of what it was shown: it cannot remove what it has not seen.
"""

from __future__ import annotations

from typing import NamedTuple

from cloudstate.runtime.crdt import (
    TYPES,
    UNKNOWN,
    Audience,
    Author,
    Change,
    Dot,
    Record,
    State,
    Value,
    merge,
    mutate,
    value_of,
)
from cloudstate.runtime.crdt.record import merged


class Delta(NamedTuple):
    """A change, and the latest dot of its node before it."""

    record: Record
    after: Dot


class Replica:
    """One entity on one node.

    Attributes:
        node: the name of this node in the causal history.
        record: what is known, here and from elsewhere.
        audience: for whom values are computed.
    """

    __slots__ = ("_generation", "_shown", "_shown_to", "audience", "node", "record")

    def __init__(self, node: str, audience: Audience) -> None:
        self.record = UNKNOWN
        self.audience = audience
        self.node = node
        self._generation = 0
        self._shown: State | None = None
        self._shown_to = audience

    def counted(self, record: Record, generation: int | None = None) -> int:
        """The latest number under this node's name in a record, if that is of this generation; else 0."""
        if record.state is None or (generation is not None and generation != record.generation):
            return 0
        return record.state.context.latest(self.node)

    def hear(self, record: Record) -> bool:
        """Merge what another node or the journal knows; True if that was news.

        Raises:
            KindConflict: the other one holds another data type.
        """
        known = self.record
        now = merged(known, record)
        if now == known:
            return False
        self.record = now
        return True

    def show(self) -> Change | None:
        """Show everything to a function that knows nothing yet; None if the entity does not exist."""
        record = self.record
        self._generation = record.generation + record.deleted
        self._shown, self._shown_to = record.state, self.audience
        return None if record.state is None else TYPES[record.state.kind].creation(self._value(record.state))

    @property
    def is_ahead(self) -> bool:
        """True if the function has perhaps not been shown everything."""
        record = self.record
        if self._shown is not record.state or self._shown_to is not self.audience:
            return True
        return record.state is None and self._generation != record.generation + record.deleted

    @property
    def must_reopen(self) -> bool:
        """True if no change leads from what was shown to what is known: the entity was deleted, or is another one."""
        record = self.record
        return self._shown is not None and (record.deleted or record.generation != self._generation)

    def catch_up(self) -> Change | None:
        """Show what is new; None if there is nothing.

        Raises:
            Inexpressible: no change leads there.
        """
        state, before, shown_to = self.record.state, self._shown, self._shown_to
        if before is None or state is None:
            return self.show()
        old = value_of(before, shown_to)
        self._shown, self._shown_to = state, self.audience
        new = self._value(state)
        change: Change | None = TYPES[state.kind].difference(old, new)
        return change

    def change(self, change: Change, now: int) -> Delta | None:
        """Make the function's change; gives the delta, or None if nothing changes.

        Args:
            now: milliseconds since the Unix epoch.

        Raises:
            ChangeRefused: the change does not fit what the function was shown.
        """
        record, shown = self.record, self._shown
        known = record.state if record.generation == self._generation else None
        is_all_shown = record.generation + record.deleted == self._generation and shown is record.state
        base = shown if shown is not None else State(change.kind)
        member, members = self.audience
        author = Author(self.node, member, now, members - {member})
        seen = known.context if known is not None else base.context
        delta = mutate(base, change, author, seen)
        if shown is not None and not delta.context:
            return None
        told = Record(self._generation, delta)
        self.record = merged(record, told)
        self._shown = self.record.state if is_all_shown and self.record.state else merge(base, delta)
        return Delta(told, Dot(self.node, seen.latest(self.node)))

    def delete(self) -> Delta:
        """Delete what the function was shown; gives the delta."""
        told = Record(self._generation, None, deleted=True)
        self.record = merged(self.record, told)
        return Delta(told, Dot(self.node, 0))

    def _value(self, state: State) -> Value:
        return value_of(state, self.audience)
