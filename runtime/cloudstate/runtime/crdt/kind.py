"""The eight data types by name. The numbers are stored and sent: they never change."""

from __future__ import annotations

from enum import IntEnum


class Kind(IntEnum):
    """A data type; the numbers are those of the fields of the protocol's ``CrdtDelta``."""

    GCOUNTER = 1
    PNCOUNTER = 2
    GSET = 3
    ORSET = 4
    LWWREGISTER = 5
    FLAG = 6
    ORMAP = 7
    VOTE = 8

    @property
    def title(self) -> str:
        """The name as the protocol spells it, e.g. ``GCounter``."""
        return _TITLES[self]


_TITLES = {
    Kind.GCOUNTER: "GCounter",
    Kind.PNCOUNTER: "PNCounter",
    Kind.GSET: "GSet",
    Kind.ORSET: "ORSet",
    Kind.LWWREGISTER: "LWWRegister",
    Kind.FLAG: "Flag",
    Kind.ORMAP: "ORMap",
    Kind.VOTE: "Vote",
}
