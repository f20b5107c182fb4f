"""CRDT entities on many members, kept alike: who hears of which change, and what is known to have arrived.

port         what it needs: who is there, and the entities
items        what members tell each other; frames makes bytes of it
core         every decision, without I/O, with the parts spreads, comparison and asking
replication  the core on an engine
"""

from cloudstate.runtime.replication.limits import Limits
from cloudstate.runtime.replication.port import Membership, Residents
from cloudstate.runtime.replication.replication import Replication

__all__ = ["Limits", "Membership", "Replication", "Residents"]
