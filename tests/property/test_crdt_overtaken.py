"""CRDT sessions that share one record: whoever writes last, and whatever fails, nothing acknowledged is missing."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.property.test_crdt_sessions import OK, Node, Step, happen

from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.crdt import UNKNOWN, Audience, Dot, Record, decode
from cloudstate.runtime.crdt.record import merged, shown
from cloudstate.runtime.entity import crdt_messages as crdt
from cloudstate.runtime.entity.crdt_session import CrdtSession
from cloudstate.runtime.entity.messages import Answer, Persist, Persisted, PersistFailed, ValueChanged
from cloudstate.runtime.errors import CloudStateError

NAMES = ("a", "b", "c", "d")


class Table:
    """One record, written by compare-and-set on its sequence."""

    def __init__(self) -> None:
        self.record: Record = UNKNOWN
        self.sequence = 0

    def write(self, record: Record, expected: int) -> bool:
        if expected != self.sequence:
            return False
        assert merged(record, self.record) == record, "a write forgets what others have written"
        self.record, self.sequence = record, self.sequence + 1
        return True


class Sharer(Node):
    """A node whose journal is the table. ``late``: writes that failed, as far as it knows, but may still be made."""

    def __init__(self, name: str, table: Table, sent: list[tuple[Record, Dot]], node: str = "") -> None:
        self.table = table
        self.node = node
        self.sent = sent
        self.names = 0
        self.expected = 0
        self.is_overtaken = False
        self.late: list[tuple[Record, int]] = []
        super().__init__(name)

    def new(self) -> CrdtSession:
        audience = Audience(self.name, frozenset(NAMES))
        node = self.node or f"{self.name}{self.names}"
        return CrdtSession(node, audience, SystemClock(), 5, 2, is_shared=True, inherits=bool(self.node))

    def execute(self, effect: crdt.CrdtEffect) -> None:
        match effect:
            case Persist(change=ValueChanged(value=value), expected=expected):
                assert value is not None
                assert not self.writes, "two writes at a time"
                self.writes.append(decode(value.value))
                self.expected = expected
            case crdt.Spread(delta=delta):
                self.sees_written(delta)
                self.sent.append((delta, effect.after))
                if effect.consistency is not crdt.Consistency.LOCAL:
                    self.feed(crdt.Reached(effect.number))
            case Answer(action=action) | crdt.Message(action=action) if action is OK:
                super().execute(effect)
                self.sees_written(self.session.durable or UNKNOWN)
            case _:
                super().execute(effect)

    def sees_written(self, record: Record) -> None:
        written = self.table.record
        assert merged(written, record) == written, "told before it is durable"
        if written.generation == record.generation and written.state and record.state:
            for dot, fact in record.state.facts.items():
                assert written.state.facts.get(dot, fact) == fact, "one dot for two changes"

    def proceed(self, x: int) -> None:
        if self.is_loading:
            self.is_loading = False
            self.feed(crdt.Loaded(self.table.record, self.table.sequence))
        else:
            super().proceed(x)

    def write(self, x: int) -> None:
        """The journal takes the write, is found overtaken and read again, or fails, and perhaps writes all the same."""
        if self.is_overtaken:
            self.is_overtaken = False
            self.feed(crdt.Overtaken(self.table.record, self.table.sequence))
            return
        if not self.writes:
            return
        record = self.writes.pop()
        if x % 8 < 6 and self.table.write(record, self.expected):
            self.feed(Persisted(self.table.sequence))
        elif x % 8 < 6:
            self.is_overtaken = True
        else:
            self.late.append((record, self.expected))
            if not self.node:
                self.names += 1
                self.session.node = f"{self.name}{self.names}"
            self.feed(PersistFailed(CloudStateError("lost")))

    def settle(self) -> None:
        while True:
            super().settle()
            if not self.is_overtaken:
                return
            self.write(0)


def step(nodes: list[Sharer], what: Step, ticket: int) -> None:
    which, action, x = what
    node = nodes[which % len(nodes)]
    if action == 10:
        if node.sent:
            delta, after = node.sent[x % len(node.sent)]
            node.feed(crdt.Heard(delta, None, after))
    elif action == 14:
        if node.late:
            node.table.write(*node.late.pop())
    else:
        happen(list(nodes), (which % len(nodes), action, x), ticket)


@pytest.mark.parametrize("names", [("", "", "", ""), ("x", "x", "x", "x"), ("x", "x", "y", "y")])
@given(seed=st.integers(0, 2**32), count=st.integers(0, 400))
def test_nothing_that_was_answered_is_missing(names: tuple[str, ...], seed: int, count: int) -> None:
    """Also where nodes have the same name, each of which takes the others to be gone."""
    random = Random(seed)
    history = [(random.randrange(4), random.randrange(15), random.randrange(1000)) for _ in range(count)]
    table, sent = Table(), list[tuple[Record, Dot]]()
    nodes = [Sharer(name, table, sent, node) for name, node in zip(NAMES, names, strict=True)]
    for ticket, what in enumerate(history):
        step(nodes, what, ticket)
    for node in nodes:
        node.late.clear()
        node.settle()
    for record, _ in sent:
        assert merged(table.record, record) == table.record
    for node in nodes:
        node.feed(crdt.Heard(table.record))
        node.command(len(history), 1)  # opens every function, which is shown everything
        node.settle()
    for node in nodes:
        assert node.session.durable == table.record
        assert node.session.is_idle
        assert node.value == shown(table.record, Audience(node.name, frozenset(NAMES)))
        heard = {ticket: node.answers[ticket] for ticket in node.asked if ticket not in node.abandoned}
        assert heard == dict.fromkeys(heard, 1)


@given(seed=st.integers(0, 2**32), count=st.integers(0, 200))
def test_a_receipt_comes_once_what_was_heard_is_durable(seed: int, count: int) -> None:
    random = Random(seed)
    receipts: Counter[int] = Counter()

    class Receiver(Node):
        def execute(self, effect: crdt.CrdtEffect) -> None:
            if isinstance(effect, crdt.Acknowledge):
                receipts[effect.receipt] += 1
                heard = told[effect.receipt]
                assert merged(self.journal[0], heard) == self.journal[0]
            else:
                super().execute(effect)

    speaker, receiver = Node("a"), Receiver("b")
    told: dict[int, Record] = {}
    for ticket in range(count):
        happen([speaker, receiver], (random.randrange(2), random.randrange(10), random.randrange(1000)), ticket)
        if speaker.outbox and random.randrange(3) == 0:
            told[ticket] = random.choice(speaker.outbox)
            receiver.feed(crdt.Heard(told[ticket], ticket))
    receiver.settle()
    assert max(receipts.values(), default=1) == 1
