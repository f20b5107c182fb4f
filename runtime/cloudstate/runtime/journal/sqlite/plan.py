"""What one transaction writes: a batch of appends, checked and laid out as rows. Pure; the log executes it.

This is where the expected sequence is checked. It is enough to check it here because there is one writer (the file's
lock) and because a plan sees what the plans before it wrote: the log adopts the heads of a plan after its commit, and
within a plan later appends see earlier ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from cloudstate.runtime.journal.errors import WrongExpectedSequence
from cloudstate.runtime.journal.port import AppendEvents, EntityKey, WriteValue
from cloudstate.runtime.payload import Payload

Append: TypeAlias = AppendEvents | WriteValue

#: offset, type, id, sequence, previous, url, time, value
EventRow: TypeAlias = "tuple[int, int, str, int, int, int, int, bytes]"
#: number, type, id, sequence, url, time, value
StateRow: TypeAlias = "tuple[int, int, str, int, int | None, int, bytes | None]"


#: Where an entity is: its sequence, the offset of its newest event, the number of its state (0: none). Heads and their
#: keys are plain tuples because very many are kept: the garbage collector does not look at tuples of such values again.
Head: TypeAlias = "tuple[int, int, int]"
#: An entity's type and id.
Key: TypeAlias = "tuple[str, str]"

#: An entity that was never written.
NEW: Head = (0, 0, 0)


class End(NamedTuple):
    """The end of the log: the offset of its last event, and the highest number of a state."""

    event: int
    state: int


@dataclass(slots=True)
class Plan:
    """A batch as rows.

    Attributes:
        results: for each append of the batch, its new sequence or why it is not written.
        heads: the entities' heads after this batch.
        names: the numbers of names that are not stored yet.
        end: the end of the log after this batch.
    """

    end: End
    results: list[int | WrongExpectedSequence] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    states: dict[int, StateRow] = field(default_factory=dict)
    heads: dict[Key, Head] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)


class Planner:
    """Lays out one batch.

    Args:
        end: the end of the log before it.
        head_of: an entity's head before it.
        names: the numbers of stored names.
        time: the wall time of the batch in microseconds.
    """

    def __init__(self, end: End, head_of: Callable[[Key], Head], names: Mapping[str, int], time: int) -> None:
        self._plan = Plan(end)
        self._head_of = head_of
        self._names = names
        self._time = time
        self._event, self._state = end

    def plan(self, batch: Sequence[Append]) -> Plan:
        """Every append of the batch in turn; one that does not fit leaves no row."""
        plan = self._plan
        heads, results = plan.heads, plan.results
        for append in batch:
            type, id = append.entity
            key = (type, id)
            head = heads.get(key) or self._head_of(key)
            if append.expected != head[0]:
                results.append(_wrong(append, head[0]))
                continue
            after = self._events(append, head) if isinstance(append, AppendEvents) else self._value(append, head)
            heads[key] = after
            results.append(after[0])
        plan.end = End(self._event, self._state)
        return plan

    def _events(self, append: AppendEvents, head: Head) -> Head:
        names, type, id = self._names, append.entity.type, append.entity.id
        kind = names.get(type) or self._number(type)
        sequence, previous, state = head
        for url, value in append.events:
            sequence += 1
            self._event += 1
            number = names.get(url) or self._number(url)
            self._plan.events.append((self._event, kind, id, sequence, previous, number, self._time, value))
            previous = self._event
        if append.snapshot is not None:
            state = self._replace(append.entity, state, sequence, append.snapshot)
        return sequence, previous, state

    def _value(self, append: WriteValue, head: Head) -> Head:
        sequence, event, state = head
        sequence += 1
        return sequence, event, self._replace(append.entity, state, sequence, append.value)

    def _replace(self, entity: EntityKey, number: int, sequence: int, payload: Payload | None) -> int:
        if not number:
            self._state += 1
            number = self._state
        kind = self._number(entity.type)
        url, value = (None, None) if payload is None else (self._number(payload.type_url), payload.value)
        self._plan.states[number] = (number, kind, entity.id, sequence, url, self._time, value)
        return number

    def _number(self, name: str) -> int:
        number = self._names.get(name)
        if number is None:
            new = self._plan.names
            number = new.setdefault(name, len(self._names) + len(new) + 1)
        return number


def _wrong(append: Append, actual: int) -> WrongExpectedSequence:
    entity = append.entity
    return WrongExpectedSequence(entity_type=entity.type, entity_id=entity.id, expected=append.expected, actual=actual)
