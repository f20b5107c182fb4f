"""Event-sourced and value entities of one type. See ``residency.py``."""

from __future__ import annotations

from cloudstate.runtime.function.port import EntityFunction
from cloudstate.runtime.host.residency import Residency
from cloudstate.runtime.host.resident import Resident
from cloudstate.runtime.journal.port import EntityKey


class EntityHost(Residency[EntityFunction]):
    """Keeps them in memory and delivers commands to them."""

    has_one_writer = True

    def _resident(self, key: EntityKey) -> Resident:
        return Resident(key, self)
