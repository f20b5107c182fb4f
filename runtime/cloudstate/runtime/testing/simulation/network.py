"""What the nodes of a simulation share: one server that holds the table and passes messages on, and how it is reached.

The server stands for a NATS cluster. A node can be *cut* off from it: its messages are lost, or kept until it is back,
its writes get no answer. The cluster can be *split*: nodes on the smaller side reach each other, but the table takes
no writes there and tells nothing new.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from cloudstate.runtime.cluster.engine import Entry, Overtaken
from cloudstate.runtime.testing.simulation.loop import SimulatedLoop
from cloudstate.runtime.testing.simulation.process import Process
from cloudstate.runtime.testing.simulation.table import Table
from cloudstate.runtime.testing.simulation.trace import Trace

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: So many messages of a node that is cut off are kept at most.
_KEPT = 100
#: A straggler takes so many seconds longer at most.
_LATEST = 5.0


@dataclass(frozen=True, slots=True)
class Conditions:
    """How good the network is now. Times are in seconds, shares from 0 to 1.

    Attributes:
        delay: the shortest and the longest time for one way between a node and the server.
        stragglers: how much takes a hundred times as long, or five seconds longer.
        loss: how many messages are lost.
        unanswered: how many requests to the table are lost, and as many answers.
        lag: the shortest and the longest time after which watchers hear of a change.
        skipped: how many changes a watcher is not told because there is a newer one of the same record.
    """

    delay: tuple[float, float] = (0.0001, 0.001)
    stragglers: float = 0.005
    loss: float = 0.0
    unanswered: float = 0.0
    lag: tuple[float, float] = (0.0005, 0.01)
    skipped: float = 0.5


class Link:
    """The connection of one process to the server.

    Attributes:
        node: the name of the node.
        is_connected: messages can pass now.
    """

    def __init__(self, number: int, node: str, process: Process) -> None:
        self.number = number
        self.node = node
        self.process = process
        self.is_connected = True
        self.is_open = True
        self.watchers: list[Watcher] = []
        self.unsent: list[tuple[str, bytes]] = []
        self.last_sent: dict[str, float] = {}


class Watcher:
    """Somebody who is told every change of the table.

    Attributes:
        connection: what is under way over an earlier one is lost.
    """

    def __init__(self, link: Link, changed: Callable[[Entry], None]) -> None:
        self.link = link
        self.changed = changed
        self.connection = 0
        self.last_told = 0.0


class _Subscription:
    def __init__(self, link: Link, heard: Callable[[bytes], None]) -> None:
        self.link = link
        self.heard = heard
        self.last_heard: dict[int, float] = {}


class SimulatedNetwork:
    """See the module.

    Attributes:
        conditions: how good it is; assign others at any time.
        table: what the server holds.
        is_strict: an error of who is told something ends the simulation; else it is logged, as real engines do.
        sent, lost: how many messages were sent, and how many deliveries of one failed.
    """

    def __init__(self, loop: SimulatedLoop, chance: random.Random, trace: Trace) -> None:
        self.conditions = Conditions()
        self.table = Table()
        self.is_strict = True
        self.sent = 0
        self.lost = 0
        self._loop = loop
        self._random = chance
        self._trace = trace
        self._process = Process("network")
        loop.start(self._process)
        self._links: list[Link] = []
        self._numbers = 0
        self._subscriptions: dict[str, list[_Subscription]] = {}
        self._cut: set[str] = set()
        self._minority: frozenset[str] = frozenset()

    # -- faults

    def cut(self, node: str) -> None:
        """Nothing passes between a node and the server any more."""
        self._trace.note("network", f"{node} is cut off")
        self._cut.add(node)
        for link in self._of(node):
            self._disconnect(link)

    def mend(self, node: str) -> None:
        """The node can reach the server again; it notices a little later."""
        if node in self._cut:
            self._trace.note("network", f"{node} is no longer cut off")
            self._cut.discard(node)
            for link in self._of(node):
                self._reconnect(link)

    def split(self, minority: Iterable[str]) -> None:
        """Part the server: these nodes are on the side that cannot write the table."""
        self.join()
        self._minority = frozenset(minority)
        self._trace.note("network", f"split: {', '.join(sorted(self._minority))} | the others")

    def join(self) -> None:
        """The server is whole again."""
        if self._minority:
            self._trace.note("network", "no longer split")
            minority, self._minority = self._minority, frozenset()
            for link in [link for link in self._links if link.node in minority and link.is_connected]:
                self._disconnect(link)
                self._reconnect(link)

    def forget(self) -> None:
        """The server loses the table. See ``Table.forget``."""
        self._trace.note("network", "the table is forgotten")
        self.table.forget()
        for link in [link for link in self._links if link.is_connected]:
            self._disconnect(link)
            self._reconnect(link)

    def heal(self) -> None:
        """Mend everything; conditions stay."""
        self.join()
        for node in sorted(self._cut):
            self.mend(node)

    def is_reached(self, node: str) -> bool:
        """Whether a node can reach the server at all."""
        return node not in self._cut

    # -- what engines ask for

    def attach(self, node: str, process: Process) -> Link:
        """A connection of a process, open until ``detach`` or until the process is dead."""
        self._numbers += 1
        link = Link(self._numbers, node, process)
        self._links.append(link)
        process.buried.append(lambda: self.detach(link))
        return link

    def detach(self, link: Link) -> None:
        """End a connection."""
        if link.is_open:
            link.is_open = link.is_connected = False
            self._links.remove(link)
            for subscriptions in self._subscriptions.values():
                subscriptions[:] = [subscription for subscription in subscriptions if subscription.link is not link]

    def ask(self, link: Link, operation: Callable[[], Any], answer: asyncio.Future[Any]) -> None:
        """Let the server do something that needs a majority; the answer gets the result, or nothing ever."""
        if link.is_connected and not self._happens(self.conditions.unanswered):
            self._loop.at(self._arrival(), self._process, self._serve, link, operation, answer)

    def listen(self, link: Link, subject: str, heard: Callable[[bytes], None]) -> None:
        """Pass messages to a subject on to a process from now on."""
        self._subscriptions.setdefault(subject, []).append(_Subscription(link, heard))

    def watch(self, watcher: Watcher, told: Callable[[], None]) -> None:
        """Tell every record, then every change; calls ``told`` in between."""
        link = watcher.link
        if link.is_connected:
            link.watchers.append(watcher)
            self._tell_all(watcher)
            self._loop.at(watcher.last_told, link.process, self._told, watcher, watcher.connection, told)

    def write(self, node: str, key: str, value: bytes, expected: int | None) -> int:
        """Write the table. See ``Table.write``."""
        before = self.table.value(key)
        entry = self.table.write(key, value, expected)
        if value != before:  # signs of life are no news
            self._trace.note(node, f"writes `{key}` at {entry.revision}: {value.decode(errors='replace') or 'deleted'}")
        for link in self._links:
            if link.is_connected and link.node not in self._minority:
                for watcher in link.watchers:
                    self._tell(watcher, entry)
        return entry.revision

    def send(self, link: Link, subject: str, message: bytes) -> None:
        """Pass a message on, or lose it."""
        self.sent += 1
        if link.is_connected:
            when = link.last_sent[subject] = max(self._arrival(), link.last_sent.get(subject, 0.0))
            self._loop.at(when, self._process, self._route, link, subject, message)
        elif len(link.unsent) < _KEPT and self._happens(0.5):
            link.unsent.append((subject, message))
        else:
            self.lost += 1

    # -- inside

    def _of(self, node: str) -> list[Link]:
        return [link for link in self._links if link.node == node]

    def _happens(self, share: float) -> bool:
        return share > 0.0 and self._random.random() < share

    def _arrival(self, lag: tuple[float, float] = (0.0, 0.0)) -> float:
        shortest, longest = self.conditions.delay
        delay = self._random.uniform(shortest + lag[0], longest + lag[1])
        if self._happens(self.conditions.stragglers):
            delay += min(99 * delay, _LATEST)  # what comes after it waits, too
        return self._loop.now + delay

    def _serve(self, link: Link, operation: Callable[[], Any], answer: asyncio.Future[Any]) -> None:
        if link.node in self._cut or link.node in self._minority:
            return
        try:
            result = operation()
        except Overtaken as error:
            result = error
        if not self._happens(self.conditions.unanswered):
            self._loop.at(self._arrival(), link.process, self._answer, link, answer, result)

    def _answer(self, link: Link, answer: asyncio.Future[Any], result: Any) -> None:
        if not link.is_connected or answer.done():
            return
        if isinstance(result, Exception):
            answer.set_exception(result)
        else:
            answer.set_result(result)

    def _route(self, link: Link, subject: str, message: bytes) -> None:
        for subscription in self._subscriptions.get(subject, ()):
            if not self._passes(link, subscription.link) or self._happens(self.conditions.loss):
                self.lost += 1
                continue
            last = subscription.last_heard
            when = last[link.number] = max(self._arrival(), last.get(link.number, 0.0))
            self._loop.at(when, subscription.link.process, self._hear, subscription, message)

    def _passes(self, sender: Link, receiver: Link) -> bool:
        same_side = (sender.node in self._minority) == (receiver.node in self._minority)
        return same_side and sender.node not in self._cut and receiver.is_connected

    def _hear(self, subscription: _Subscription, message: bytes) -> None:
        if subscription.link.is_connected:
            self._call(subscription.heard, message)
        else:
            self.lost += 1

    def _tell_all(self, watcher: Watcher) -> None:
        watcher.last_told = max(watcher.last_told, self._loop.now)
        for entry in self.table.entries():
            self._tell(watcher, entry)

    def _tell(self, watcher: Watcher, entry: Entry) -> None:
        when = watcher.last_told = max(self._arrival(self.conditions.lag), watcher.last_told)
        self._loop.at(when, watcher.link.process, self._change, watcher, watcher.connection, entry)

    def _change(self, watcher: Watcher, connection: int, entry: Entry) -> None:
        if watcher.connection != connection:
            return
        if not (self.table.is_overtaken(entry) and self._happens(self.conditions.skipped)):
            self._call(watcher.changed, entry)

    def _told(self, watcher: Watcher, connection: int, told: Callable[[], None]) -> None:
        if watcher.connection == connection:
            told()

    def _call(self, told: Callable[[T], None], what: T) -> None:
        try:
            told(what)
        except Exception:
            if self.is_strict:
                raise
            logger.exception("what the engine told made trouble")

    def _disconnect(self, link: Link) -> None:
        link.is_connected = False
        for watcher in link.watchers:
            watcher.connection += 1

    def _reconnect(self, link: Link) -> None:
        when = self._loop.now + self._random.uniform(0.01, 1.0)
        self._loop.at(when, self._process, self._reconnected, link)

    def _reconnected(self, link: Link) -> None:
        if not link.is_open or link.is_connected or link.node in self._cut:
            return
        link.is_connected = True
        if link.node not in self._minority:
            for watcher in link.watchers:
                self._tell_all(watcher)
        unsent, link.unsent = link.unsent, []
        for subject, message in unsent:
            self.send(link, subject, message)
