"""CRDT entities of one type. See ``residency.py``."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable

from cloudstate.runtime.clock import Clock
from cloudstate.runtime.crdt import Audience, Dot, Record
from cloudstate.runtime.entity.crdt_messages import Heard, MembersChanged
from cloudstate.runtime.function.port import CrdtFunction
from cloudstate.runtime.host.crdt_reading import read
from cloudstate.runtime.host.crdt_resident import CrdtResident
from cloudstate.runtime.host.residency import HostLimits, Residency
from cloudstate.runtime.journal.port import EntityKey, Journal
from cloudstate.runtime.replication import Replication

#: The node that a journal of one machine stands for.
ONLY_NODE = "local"


#: So many entities are told in one turn of the loop that members have come or gone.
_TOLD_AT_ONCE = 200


class CrdtHost(Residency[CrdtFunction]):
    """Keeps them in memory and delivers commands to them.

    Without replication there is one node, which has everything as soon as it is durable, and one member, this process.
    The node's name is the journal's: it goes on after a restart. The member's is new then, so that votes of a process
    end with it.

    With replication the process is a member of a cluster. Where members share a journal its name as a node is one that
    replication gives, and may have been that of another one (``Names``). Where they do not, it is the member's, and
    another one from when nobody knows whether what was changed under it has been written: no name may stand for two
    changes.
    """

    def __init__(
        self,
        function: CrdtFunction,
        journal: Journal,
        limits: HostLimits | None = None,
        clock: Clock | None = None,
        replication: Replication | None = None,
    ) -> None:
        super().__init__(function, journal, limits, clock)
        self.replication = replication
        self.shared = replication is not None and journal.shared
        self.entity_type = function.entity_type
        self._names = 0
        self._name = ONLY_NODE if replication is None else replication.me
        if replication is not None:
            self.audience = replication.audience
            replication.serve(self)
            return
        member = f"{ONLY_NODE}/{secrets.token_hex(8)}"
        self.audience = Audience(member, frozenset({member}))

    @property
    def node(self) -> str:
        """The name of this node in causal histories, from now on."""
        return self.replication.node if self.shared and self.replication is not None else self._name

    def rename(self) -> None:
        """Nobody knows whether a change has been written: make no other one under the same name and number."""
        self._names += 1
        self._name = f"{self.audience.member}~{self._names}"

    # --- What replication asks; see ``Residents`` ---------------------------------------------------------------------

    def ids(self) -> Iterable[str]:
        """See ``Residents``."""
        return list(self._residents)

    def is_resident(self, entity_id: str) -> bool:
        """See ``Residents``."""
        return entity_id in self._residents

    def durable(self, entity_id: str) -> Record | None:
        """See ``Residents``."""
        resident = self._residents.get(entity_id)
        return resident.session.durable if isinstance(resident, CrdtResident) else None

    def hear(
        self, entity_id: str, record: Record, receipt: Callable[[bool], None] | None = None, after: Dot | None = None
    ) -> None:
        """See ``Residents``."""
        resident = self._residents.get(entity_id)
        if resident is None:
            resident = self._admit(entity_id)
            resident.last_used = self.monotonic()
        resident.feed(Heard(record, receipt, after))

    async def stored(self, entity_id: str) -> Record:
        """See ``Residents``."""
        return (await read(self.journal, EntityKey(self.entity_type, entity_id))).record

    def members_changed(self, audience: Audience) -> None:
        """See ``Residents``. What is read into memory from now on knows it; what is there is told little by little."""
        self.audience = audience
        self._tell_members(list(self._residents), audience)

    def _tell_members(self, ids: list[str], audience: Audience) -> None:
        if audience is not self.audience:
            return  # newer ones are on their way
        for entity_id in ids[:_TOLD_AT_ONCE]:
            resident = self._residents.get(entity_id)
            if resident is not None:
                resident.feed(MembersChanged(audience))
        if ids[_TOLD_AT_ONCE:]:
            asyncio.get_running_loop().call_soon(self._tell_members, ids[_TOLD_AT_ONCE:], audience)

    def _resident(self, key: EntityKey) -> CrdtResident:
        return CrdtResident(key, self, self.limits.waiting)
