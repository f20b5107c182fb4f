"""What is decided for all members of a cluster alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Lease:
    """The times of a cluster, in seconds; all members have the same.

    Attributes:
        length: a member that is silent for so long has lost what it owns.
        settle: a member has to be there for so long before it is given shards.
    """

    length: float = 3.0
    settle: float = 0.5

    @property
    def rest(self) -> float:
        """A shard that has moved stays for so long: it is not known yet where its commands come in."""
        return self.length * 3

    @property
    def beat(self) -> float:
        """Between two signs of life."""
        return self.length / 4

    @property
    def own(self) -> float:
        """How long a member trusts its own last sign of life: less than the others do."""
        return self.length * 2 / 3


class Setting(NamedTuple):
    """See the module.

    Attributes:
        service: its name.
        shards: into how many parts its entities are divided.
        lease: see ``Lease``.
        shares_journal: False where each member has a journal of its own, so that nothing can move.
        expected: how many members there will be at the start; shards are not taken before.
    """

    service: str
    shards: int
    lease: Lease = Lease()
    shares_journal: bool = True
    expected: int = 1
