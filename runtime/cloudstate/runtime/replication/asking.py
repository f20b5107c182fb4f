"""Questions to all members about one entity, and their answers. Sans-IO."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from cloudstate.runtime.crdt import UNKNOWN, KindConflict, Record
from cloudstate.runtime.crdt.record import merged
from cloudstate.runtime.replication.effects import Learned


@dataclass(slots=True)
class _Question:
    missing: set[str]
    ticket: Any
    until: float
    record: Record = UNKNOWN


class Asking:
    """Questions that have not been answered by everyone."""

    def __init__(self) -> None:
        self._questions: dict[int, _Question] = {}

    def __bool__(self) -> bool:
        return bool(self._questions)

    def begin(self, number: int, members: Collection[str], ticket: Any, until: float) -> None:
        """Members are asked now; there is at least one."""
        self._questions[number] = _Question(set(members), ticket, until)

    def answered(self, number: int, member: str, record: Record) -> list[Learned]:
        """A member has answered."""
        question = self._questions.get(number)
        if question is None:
            return []
        with suppress(KindConflict):  # the entity says so itself, when it hears of the other type in the usual way
            question.record = merged(question.record, record)
        question.missing.discard(member)
        return self._settled()

    def members_changed(self, members: Collection[str]) -> list[Learned]:
        """Members have come or gone: the latter do not answer any more."""
        for question in self._questions.values():
            question.missing.intersection_update(members)
        return self._settled()

    def due(self, now: float) -> list[Learned]:
        """Questions that have waited for too long: the answers so far."""
        for question in self._questions.values():
            if question.until <= now:
                question.missing.clear()
        return self._settled()

    def _settled(self) -> list[Learned]:
        done = [number for number, question in self._questions.items() if not question.missing]
        questions = [self._questions.pop(number) for number in done]
        return [Learned(question.ticket, question.record) for question in questions]
