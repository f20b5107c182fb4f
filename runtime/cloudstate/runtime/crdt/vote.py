"""Vote: one vote for each member of the cluster.

Model: a fact for each member that votes yes, under a dot of its node. Only members vote, and only for themselves:
votes of processes that have left count no longer, and the next vote under the same node takes them back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from cloudstate.runtime.crdt.bytestream import Reader, Writer
from cloudstate.runtime.crdt.context import Dot
from cloudstate.runtime.crdt.datatype import Audience, DataType, Draft
from cloudstate.runtime.crdt.kind import Kind


@dataclass(frozen=True, slots=True)
class VoteChange:
    """Vote yes or no; the numbers only go to user functions and are ignored when they come from there."""

    kind: ClassVar[Kind] = Kind.VOTE
    self_vote: bool
    votes_for: int = 0
    total_voters: int = 0


@dataclass(frozen=True, slots=True)
class VoteValue:
    """The own vote, how many vote yes, and how many there are."""

    kind: ClassVar[Kind] = Kind.VOTE
    self_vote: bool = False
    votes_for: int = 0
    total_voters: int = 1


class Vote(DataType[str, VoteChange, VoteValue]):
    """See the module."""

    kind = Kind.VOTE
    empty = VoteValue()

    def apply(self, change: VoteChange, draft: Draft[str]) -> None:
        """See ``DataType.apply``; voting the same again changes nothing."""
        author = draft.author
        own = {
            dot: member
            for dot, member in draft.facts.items()
            if member == author.member or (dot.node == author.node and member not in author.others)
        }
        if change.self_vote and list(own.values()) == [author.member]:
            return
        draft.take_back(own)
        if change.self_vote:
            draft.add(author.member)

    def value(self, facts: Mapping[Dot, str], audience: Audience) -> VoteValue:
        """See ``DataType.value``."""
        yes = audience.members.intersection(facts.values())
        return VoteValue(audience.member in yes, len(yes), len(audience.members))

    def creation(self, value: VoteValue) -> VoteChange:
        """See ``DataType.creation``."""
        return VoteChange(value.self_vote, value.votes_for, value.total_voters)

    def difference(self, before: VoteValue, after: VoteValue) -> VoteChange | None:
        """See ``DataType.difference``."""
        return self.creation(after) if after != before else None

    def after(self, value: VoteValue, change: VoteChange) -> VoteValue:
        """See ``DataType.after``."""
        return VoteValue(change.self_vote, change.votes_for, change.total_voters)

    def write(self, fact: str, out: Writer) -> None:
        """See ``DataType.write``."""
        out.text(fact)

    def read(self, data: Reader) -> str:
        """See ``DataType.read``."""
        return data.text()
