"""All of one simulation: nodes, what they share, and what can happen to them."""

from __future__ import annotations

import random
from typing import Any, TypeVar

from cloudstate.runtime.clock import Clock
from cloudstate.runtime.journal.memory import MemoryJournal
from cloudstate.runtime.testing.simulation.journal import JournalConditions, SharedJournal
from cloudstate.runtime.testing.simulation.loop import SimulatedLoop
from cloudstate.runtime.testing.simulation.network import Conditions, SimulatedNetwork
from cloudstate.runtime.testing.simulation.node import Node, Program
from cloudstate.runtime.testing.simulation.process import ProcessClock
from cloudstate.runtime.testing.simulation.trace import Trace

S = TypeVar("S")


class World:
    """See the module. Made by ``simulate``.

    Attributes:
        seed: what all chance comes from.
        nodes: by name, in the order in which they were added.
        network: the engine's server, and how it is reached.
        journal: the journal that all share.
        random: chance for the scenario.
        trace: what happened last; scenarios may note more.
    """

    def __init__(self, loop: SimulatedLoop, seed: int, kept: int = 80) -> None:
        self.seed = seed
        self.nodes: dict[str, Node[Any]] = {}
        self.random = self._chance("scenario")
        self.trace = Trace(lambda: loop.now, kept)
        self.network = SimulatedNetwork(loop, self._chance("network"), self.trace)
        clock: Clock = ProcessClock(loop.main, lambda: loop.now)
        self.journal = SharedJournal(loop, self._chance("journal"), self.trace, MemoryJournal(clock))
        self.journal.fences_late = self.random.random() < 0.5
        self._loop = loop

    @property
    def now(self) -> float:
        """Virtual seconds since the simulation began."""
        return self._loop.now

    def add_node(self, program: Program[S], name: str | None = None) -> Node[S]:
        """A node that runs a program from now on.

        Args:
            program: an async context manager: entered at start, left at an orderly stop; it gives the service that
                ``Node.run`` is for. A ``CloudStateError`` ends the process, which is then started again.
        """
        name = name or f"node{len(self.nodes) + 1}"
        node = Node(name, program, self._loop, self._chance(name), self.network, self.journal, self.trace)
        self.nodes[name] = node
        return node

    async def ready(self) -> None:
        """Wait until all nodes that are there run."""
        for node in list(self.nodes.values()):
            await node.ready()

    def heal(self) -> None:
        """End every fault: start and resume all nodes, mend all that is cut, make conditions good."""
        self.network.conditions = Conditions()
        self.journal.conditions = JournalConditions()
        self.network.heal()
        self.journal.heal()
        for node in self.nodes.values():
            node.resume()
            node.slow()
            node.start()

    def _chance(self, what: str) -> random.Random:
        return random.Random(f"{self.seed} {what}")  # noqa: S311 - it has to be repeatable
