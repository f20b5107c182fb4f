"""Answers on their way out: each waits until all that it may show is durable, and perhaps until others have it too."""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

from cloudstate.runtime.entity.crdt_messages import Acknowledge, Consistency, CrdtEffect, Message, Spread
from cloudstate.runtime.entity.crdt_replica import Delta
from cloudstate.runtime.entity.messages import Answer, Failure


class _Held(NamedTuple):
    """An answer that waits until everything up to ``version`` is durable, and the change that it tells of."""

    version: int
    answer: Message | Answer | Acknowledge
    delta: Delta | None
    consistency: Consistency


class Outbox:
    """The answers of one entity. Versions count the changes of what is known of it.

    Invariant: what is held is newer than what is durable.
    """

    __slots__ = ("_durable", "_held", "_spreading", "_spreads", "_version", "_writing")

    def __init__(self) -> None:
        self._version = self._durable = self._writing = self._spreads = 0
        self._held: deque[_Held] = deque()
        self._spreading: dict[int, list[Message | Answer]] = {}
        """By the number of the change: the answer that waits for it, and those that follow on the same stream."""

    @property
    def is_empty(self) -> bool:
        """True if nothing waits, and nothing is left to write."""
        return self._version == self._durable and not self._spreading

    @property
    def is_writing(self) -> bool:
        """True between ``begin_write`` and its end."""
        return bool(self._writing)

    def changed(self) -> None:
        """There is something new to write."""
        self._version += 1

    def put(self, answer: Message | Answer, delta: Delta | None, consistency: Consistency) -> list[CrdtEffect]:
        """Take an answer; gives what may leave at once.

        Args:
            delta: the change that was made with it.
            consistency: how far the change must get before the answer leaves.
        """
        if delta is not None:
            self.changed()
        held = _Held(self._version, answer, delta, consistency)
        if self._version == self._durable:
            return self._let_go(held)
        self._held.append(held)
        return []

    def acknowledge(self, receipt: Any) -> list[CrdtEffect]:
        """Tell a receipt as soon as all that is known now is durable; gives it if that is at once."""
        if self._version == self._durable:
            return [Acknowledge(receipt)]
        self._held.append(_Held(self._version, Acknowledge(receipt), None, Consistency.LOCAL))
        return []

    def begin_write(self) -> bool:
        """True if everything is to be written now. One write is under way at a time."""
        if self._writing or self._version == self._durable:
            return False
        self._writing = self._version
        return True

    def write_again(self) -> None:
        """The write under way begins anew, and takes along what has been changed meanwhile."""
        self._writing = self._version

    def written(self) -> list[CrdtEffect]:
        """The write has ended well; gives what may leave now."""
        self._durable, self._writing = self._writing, 0
        effects: list[CrdtEffect] = []
        while self._held and self._held[0].version <= self._durable:
            effects += self._let_go(self._held.popleft())
        return effects

    def failed(self, failure: Failure) -> list[CrdtEffect]:
        """The write has failed, or may have: answers that depend on it fail, and nothing is left to write."""
        self._writing, self._durable = 0, self._version
        answers = [held.answer for held in self._held]
        self._held.clear()
        return [_refused(answer, failure) for answer in answers if not isinstance(answer, Acknowledge)]

    def reached(self, number: int, failure: Failure | None = None) -> list[CrdtEffect]:
        """A change got as far as its answer asks for, or failed to: then its stream is over, too."""
        answers = self._spreading.pop(number, [])
        if failure is not None:
            return [_refused(answer, failure) for answer in answers[:1]]
        return list(answers)

    def _let_go(self, held: _Held) -> list[CrdtEffect]:
        answer = held.answer
        if isinstance(answer, Acknowledge):
            return [answer]
        ahead = self._ahead_of(answer)
        if ahead is not None:
            ahead.append(answer)
        if held.delta is None:
            return [] if ahead is not None else [answer]
        self._spreads += 1
        delta, after = held.delta
        spread = Spread(self._spreads, delta, held.consistency, after)
        if ahead is not None:
            return [spread]
        if held.consistency is Consistency.LOCAL:
            return [answer, spread]
        self._spreading[self._spreads] = [answer]
        return [spread]

    def _ahead_of(self, answer: Message | Answer) -> list[Message | Answer] | None:
        """What waits for other nodes on the same stream, and must leave first."""
        for waiting in self._spreading.values():
            if waiting[0].ticket is answer.ticket:
                return waiting
        return None


def _refused(answer: Message | Answer, failure: Failure) -> Message | Answer:
    """A failure in the place of an answer."""
    if isinstance(answer, Message):
        return Message(answer.ticket, failure, ends=True)
    return Answer(answer.ticket, failure)
