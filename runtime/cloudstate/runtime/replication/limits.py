"""Bounds of replication."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Times are in seconds.

    Attributes:
        wait: how long a command waits until other members have its change.
        ask: how long an entity that is read waits for what other members know of it.
        tick: between two looks at what is to be sent again, or compared.
        announced: entities that are announced in one tick.
        wholes: records that are sent in one tick because a digest did not match.
        reread: entities that are read from the shared journal in one tick after a member has gone.
        reread_slowly: the same, at any other time: a round through all that are in memory.
        rest: between the begins of two such rounds, at least.
    """

    wait: float = 5.0
    ask: float = 0.5
    tick: float = 0.25
    announced: int = 200
    wholes: int = 200
    reread: int = 100
    reread_slowly: int = 10
    rest: float = 30.0
