"""A service on many nodes in one test: the network, the journal and time are simulated, everything else is real.

Every run is decided by its seed. docs/testing.md shows how to use it; start reading at ``scenario.py``.
"""

from cloudstate.runtime.testing.simulation.engine import SimulatedEngine
from cloudstate.runtime.testing.simulation.errors import NodeDown, SimulationError, Stuck, TooLong, Unhandled
from cloudstate.runtime.testing.simulation.faults import Rates, mixed_faults
from cloudstate.runtime.testing.simulation.journal import JournalConditions, SharedJournal, SimulatedJournal
from cloudstate.runtime.testing.simulation.loop import SimulatedLoop
from cloudstate.runtime.testing.simulation.member import Member, member
from cloudstate.runtime.testing.simulation.network import Conditions, SimulatedNetwork
from cloudstate.runtime.testing.simulation.node import Node, Program
from cloudstate.runtime.testing.simulation.process import Process, ProcessClock
from cloudstate.runtime.testing.simulation.scenario import seeds, simulate
from cloudstate.runtime.testing.simulation.trace import Trace
from cloudstate.runtime.testing.simulation.world import World

__all__ = [
    "Conditions",
    "JournalConditions",
    "Member",
    "Node",
    "NodeDown",
    "Process",
    "ProcessClock",
    "Program",
    "Rates",
    "SharedJournal",
    "SimulatedEngine",
    "SimulatedJournal",
    "SimulatedLoop",
    "SimulatedNetwork",
    "SimulationError",
    "Stuck",
    "TooLong",
    "Trace",
    "Unhandled",
    "World",
    "member",
    "mixed_faults",
    "seeds",
    "simulate",
]
