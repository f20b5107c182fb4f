"""CRDT entities of one type. See ``residency.py``."""

from __future__ import annotations

import secrets

from cloudstate.runtime.clock import Clock
from cloudstate.runtime.crdt import Audience
from cloudstate.runtime.function.port import CrdtFunction
from cloudstate.runtime.host.crdt_resident import CrdtResident
from cloudstate.runtime.host.residency import HostLimits, Residency
from cloudstate.runtime.journal.port import EntityKey, Journal

#: The node that a journal of one machine stands for.
ONLY_NODE = "local"


class CrdtHost(Residency[CrdtFunction]):
    """Keeps them in memory and delivers commands to them.

    There is one node, which has everything as soon as it is durable, and one member, this process. The node's name is
    the journal's: it goes on after a restart. The member's is new then, so that votes of a process end with it.
    """

    def __init__(
        self, function: CrdtFunction, journal: Journal, limits: HostLimits | None = None, clock: Clock | None = None
    ) -> None:
        super().__init__(function, journal, limits, clock)
        self.node = ONLY_NODE
        member = f"{ONLY_NODE}/{secrets.token_hex(8)}"
        self.audience = Audience(member, frozenset({member}))

    def _resident(self, key: EntityKey) -> CrdtResident:
        return CrdtResident(key, self, self.limits.waiting)
