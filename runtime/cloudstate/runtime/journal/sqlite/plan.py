"""What one transaction writes: a batch of appends, checked and laid out as rows. Pure; the log executes it.

This is where the expected sequence and the fences are checked. It is enough to check them here because there is one
writer (the file's lock) and because a plan sees what the plans before it wrote: the log adopts the heads of a plan
after its commit, and within a plan later appends see earlier ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from cloudstate.runtime.journal.errors import Fenced, WrongExpectedSequence
from cloudstate.runtime.journal.port import Answer, AppendEvents, EntityKey, Fence, WriteValue
from cloudstate.runtime.payload import Payload


class TakeOver(NamedTuple):
    """Raise the epoch of a shard."""

    shard: str


Append: TypeAlias = AppendEvents | WriteValue | TakeOver
#: What becomes of one: the new sequence or epoch, or why nothing is written.
Result: TypeAlias = "int | WrongExpectedSequence | Fenced"

#: offset, type, id, sequence, previous, url, time, value
EventRow: TypeAlias = "tuple[int, int, str, int, int, int, int, bytes]"
#: number, type, id, sequence, url, time, value, schema
StateRow: TypeAlias = "tuple[int, int, str, int, int | None, int, bytes | None, int]"
#: offset, type, id, number, previous, time, command, reply
AnswerRow: TypeAlias = "tuple[int, int, str, int, int, int, str, bytes]"


#: Where an entity is: its sequence, the offset of its newest event, the number of its state, the offset of its newest
#: answer (0: none). Heads and their keys are plain tuples because very many are kept: the garbage collector does not
#: look at tuples of such values again.
Head: TypeAlias = "tuple[int, int, int, int]"
#: An entity's type and id.
Key: TypeAlias = "tuple[str, str]"

#: An entity that was never written.
NEW: Head = (0, 0, 0, 0)


class End(NamedTuple):
    """The end of the log: the offset of the last event, the highest number of a state, the last answer's offset."""

    event: int
    state: int
    answer: int


@dataclass(slots=True)
class Plan:
    """A batch as rows.

    Attributes:
        results: for each append of the batch, its new sequence (or a shard's new epoch) or why it is not written.
        heads: the entities' heads after this batch.
        names: the numbers of names that are not stored yet.
        epochs: the shards that are taken over, and their epochs.
        end: the end of the log after this batch.
    """

    end: End
    results: list[Result] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    states: dict[int, StateRow] = field(default_factory=dict)
    heads: dict[Key, Head] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    answers: list[AnswerRow] = field(default_factory=list)
    epochs: dict[str, int] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """True if nothing is written."""
        return not (self.events or self.states or self.answers or self.epochs)


class Planner:
    """Lays out one batch.

    Args:
        end: the end of the log before it.
        head_of: an entity's head before it.
        names: the numbers of stored names.
        epochs: the shards' epochs before it.
        time: the wall time of the batch in microseconds.
    """

    def __init__(
        self,
        end: End,
        head_of: Callable[[Key], Head],
        names: Mapping[str, int],
        epochs: Mapping[str, int],
        time: int,
    ) -> None:
        self._plan = Plan(end)
        self._head_of = head_of
        self._names = names
        self._epochs = epochs
        self._time = time
        self._event, self._state, self._answer = end

    def plan(self, batch: Sequence[Append]) -> Plan:
        """Every append of the batch in turn; one that does not fit leaves no row."""
        plan = self._plan
        heads, results = plan.heads, plan.results
        for append in batch:
            if isinstance(append, TakeOver):
                results.append(self._take_over(append.shard))
                continue
            if append.fence is not None and self._epoch(append.fence.shard) > append.fence.epoch:
                results.append(self._fenced(append.fence))
                continue
            type, id = append.entity
            key = (type, id)
            head = heads.get(key) or self._head_of(key)
            if append.expected != head[0]:
                results.append(_wrong(append, head[0]))
                continue
            after = self._events(append, head) if isinstance(append, AppendEvents) else self._value(append, head)
            if append.answer is not None:
                after = (*after[:3], self._answered(append.entity, append.answer, after[3]))
            heads[key] = after
            results.append(after[0])
        plan.end = End(self._event, self._state, self._answer)
        return plan

    def _epoch(self, shard: str) -> int:
        return self._plan.epochs.get(shard) or self._epochs.get(shard, 0)

    def _take_over(self, shard: str) -> int:
        epoch = self._plan.epochs[shard] = self._epoch(shard) + 1
        return epoch

    def _fenced(self, fence: Fence) -> Fenced:
        return Fenced(shard=fence.shard, epoch=fence.epoch, actual=self._epoch(fence.shard))

    def _events(self, append: AppendEvents, head: Head) -> Head:
        names, type, id = self._names, append.entity.type, append.entity.id
        kind = names.get(type) or self._number(type)
        sequence, previous, state, answer = head
        for url, value in append.events:
            sequence += 1
            self._event += 1
            number = names.get(url) or self._number(url)
            self._plan.events.append((self._event, kind, id, sequence, previous, number, self._time, value))
            previous = self._event
        if append.snapshot is not None:
            state = self._replace(append.entity, state, sequence, append.snapshot, append.schema)
        return sequence, previous, state, answer

    def _value(self, append: WriteValue, head: Head) -> Head:
        sequence, event, state, answer = head
        sequence += 1
        return sequence, event, self._replace(append.entity, state, sequence, append.value, ""), answer

    def _answered(self, entity: EntityKey, answer: Answer, previous: int) -> int:
        self._answer += 1
        kind = self._number(entity.type)
        row = (self._answer, kind, entity.id, answer.number, previous, self._time, answer.command_id, answer.reply)
        self._plan.answers.append(row)
        return self._answer

    def _replace(self, entity: EntityKey, number: int, sequence: int, payload: Payload | None, schema: str) -> int:
        if not number:
            self._state += 1
            number = self._state
        kind = self._number(entity.type)
        url, value = (None, None) if payload is None else (self._number(payload.type_url), payload.value)
        fingerprint = self._number(schema) if schema else 0
        self._plan.states[number] = (number, kind, entity.id, sequence, url, self._time, value, fingerprint)
        return number

    def _number(self, name: str) -> int:
        number = self._names.get(name)
        if number is None:
            new = self._plan.names
            number = new.setdefault(name, len(self._names) + len(new) + 1)
        return number


def _wrong(append: AppendEvents | WriteValue, actual: int) -> WrongExpectedSequence:
    entity = append.entity
    return WrongExpectedSequence(entity_type=entity.type, entity_id=entity.id, expected=append.expected, actual=actual)
