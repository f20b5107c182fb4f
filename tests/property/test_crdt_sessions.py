"""CRDT sessions on three nodes: whatever is lost, late, failed or abandoned, callers are answered and nodes agree."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from cloudstate.runtime.clock import SystemClock
from cloudstate.runtime.crdt import TYPES, UNKNOWN, Audience, Change, ORSetChange, Record, Value, decode
from cloudstate.runtime.crdt.record import merged, shown
from cloudstate.runtime.entity import crdt_messages as crdt
from cloudstate.runtime.entity.crdt_session import CrdtSession
from cloudstate.runtime.entity.messages import (
    Abandoned,
    ActivationFailed,
    Answer,
    Command,
    Discard,
    Failure,
    FunctionLost,
    Handle,
    Passivate,
    Persist,
    Persisted,
    PersistFailed,
    Reply,
    Stop,
    ValueChanged,
)
from cloudstate.runtime.entity.session import Phase
from cloudstate.runtime.errors import CloudStateError
from cloudstate.runtime.payload import Payload

NODES = ("a", "b", "c")
OK = Reply(b"")

Step: TypeAlias = "tuple[int, int, int]"


def steps(seed: int, count: int) -> list[Step]:
    """A long history, of which shrinking finds the shortest beginning that fails."""
    random = Random(seed)
    return [(random.randrange(3), random.randrange(14), random.randrange(1000)) for _ in range(count)]


class Node:
    """A session with a function that keeps a plain value, and a journal that may fail."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.journal: tuple[Record, int] = (UNKNOWN, 0)
        self.value: Value | None = None
        self.todo: list[tuple[int, Command]] = []
        self.streams: list[int] = []
        self.cancelled: list[int] = []
        self.writes: list[Record] = []
        self.is_opening = self.is_loading = False
        self.outbox: list[Record] = []
        self.asked: Counter[int] = Counter()
        self.answers: Counter[int] = Counter()
        self.abandoned = set[int]()
        self.session = self.new()

    def new(self) -> CrdtSession:
        return CrdtSession(self.name, Audience(self.name, frozenset(NODES)), SystemClock(), 5, 2)

    def feed(self, message: crdt.CrdtInput) -> None:
        for effect in self.session.feed(message):
            self.execute(effect)

    def execute(self, effect: crdt.CrdtEffect) -> None:  # noqa: C901 one line for each effect
        match effect:
            case crdt.Load():
                self.is_loading = True
            case crdt.Open(change=change):
                self.is_opening, self.value = True, None
                self.value = None if change is None else self.after(change)
            case Handle(command_id=number, command=command):
                self.todo.append((number, command))
            case crdt.Tell(change=change):
                assert not self.todo, "told while it has something to answer"
                assert not self.cancelled
                self.value = None if change is None else self.after(change)
            case crdt.Cancel(command_id=number):
                self.cancelled.append(number)
                if number in self.streams:
                    self.streams.remove(number)
            case Persist(change=ValueChanged(value=value), expected=expected):
                assert value is not None
                assert expected == self.journal[1]
                assert not self.writes, "two writes at a time"
                self.writes.append(decode(value.value))
            case crdt.Spread(delta=delta, number=number, consistency=consistency):
                assert merged(self.journal[0], delta) == self.journal[0], "spread before it is durable"
                self.outbox.append(delta)
                if consistency is not crdt.Consistency.LOCAL:
                    self.feed(crdt.Reached(number))
            case Answer() | crdt.Message():
                self.answer(effect)
            case Discard():
                self.is_opening = self.is_loading = False
                self.todo.clear()
                self.streams.clear()
                self.cancelled.clear()
            case Stop():
                self.session = self.new()
            case crdt.Report(text=text):
                raise AssertionError(text)

    def answer(self, answer: Answer | crdt.Message) -> None:
        ticket = answer.ticket
        if isinstance(answer, Answer):
            self.answers[ticket] += 1
        elif answer.ends:
            self.answers[ticket] = 1

    def after(self, change: Change) -> Value:
        data_type = TYPES[change.kind]
        after: Value = data_type.after(data_type.empty if self.value is None else self.value, change)
        return after

    # --- What may happen ----------------------------------------------------------------------------------------------

    def command(self, ticket: int, x: int) -> None:
        self.asked[ticket] += 1
        self.feed(Command(ticket, "Do", b"", None, (), None, streamed=x % 3 == 0))

    def proceed(self, x: int) -> None:
        """The journal or the opening function ends what it was asked."""
        if self.is_loading:
            self.is_loading = False
            self.feed(crdt.Loaded(*self.journal))
        elif self.is_opening:
            self.is_opening = False
            self.feed(ActivationFailed(CloudStateError("no")) if x % 9 == 8 else crdt.Opened())

    def write(self, x: int) -> None:
        if not self.writes:
            return
        record = self.writes.pop()
        if x % 8 != 7:
            self.journal = record, self.journal[1] + 1
        if x % 8 < 6:
            self.feed(Persisted(self.journal[1]))
        else:
            self.feed(PersistFailed(CloudStateError("lost")))

    def reply(self, x: int) -> None:
        if not self.todo:
            return
        number, command = self.todo.pop(x % len(self.todo))
        streamed = command.streamed and x % 2 == 0
        if streamed:
            self.streams.append(number)
        action = Failure("no", CloudStateError.status) if x % 11 == 10 else OK
        if isinstance(action, Failure):
            self.streams = [it for it in self.streams if it != number]
            self.feed(crdt.CrdtReply(number, action))
        else:
            self.feed(crdt.CrdtReply(number, action, (), self.changes(x), streamed))

    def cancel(self, x: int) -> None:
        if self.cancelled:
            self.feed(crdt.CancelReply(self.cancelled.pop(0), (), self.changes(x)))

    def message(self, x: int) -> None:
        if self.streams:
            number = self.streams[x % len(self.streams)]
            if x % 3 == 0:
                self.streams.remove(number)
            self.feed(crdt.StreamedMessage(number, OK, (), x % 3 == 0))

    def changes(self, x: int) -> crdt.StateAction:
        element = Payload("t", bytes([x % 5]))
        consistency = crdt.Consistency(x % 3)
        if x % 17 == 16:
            self.value = None
            return crdt.StateAction(None, True, consistency)
        if x % 4 == 0:
            return crdt.StateAction()
        change = ORSetChange(x % 13 == 12, (element,) if x % 4 == 1 else (), (element,) if x % 4 > 1 else ())
        self.value = self.after(change)
        return crdt.StateAction(change, False, consistency)

    def settle(self) -> None:
        """Everything ends well now."""
        for _ in range(1000):
            if self.is_loading or self.is_opening:
                self.proceed(0)
            elif self.writes:
                self.write(0)
            elif self.todo:
                self.reply(4)
            elif self.cancelled:
                self.cancel(4)
            elif self.streams:
                self.message(0)
            else:
                return
        raise AssertionError("it does not come to rest")


def happen(nodes: list[Node], step: Step, ticket: int) -> None:  # noqa: C901 one line for each step
    which, action, x = step
    node = nodes[which]
    match action:
        case 0 | 1 | 2:
            node.command(ticket, x)
        case 3 | 4:
            node.proceed(x)
        case 5 | 6:
            node.write(x)
        case 7 | 8:
            node.reply(x)
        case 9:
            node.cancel(x)
            node.message(x)
        case 10:
            sent = [delta for other in nodes for delta in other.outbox]
            if sent:
                node.feed(crdt.Heard(sent[x % len(sent)]))
        case 11:
            node.abandoned.add(x % (ticket + 1))
            node.feed(Abandoned(x % (ticket + 1)))
        case 12:
            if node.session.phase is Phase.READY:
                node.feed(FunctionLost("gone"))
        case _:
            node.feed(Passivate())


@given(seed=st.integers(0, 2**32), count=st.integers(0, 300))
def test_callers_are_answered_and_nodes_agree(seed: int, count: int) -> None:
    history = steps(seed, count)
    nodes = [Node(name) for name in NODES]
    for ticket, step in enumerate(history):
        happen(nodes, step, ticket)
    for node in nodes:
        node.settle()
    for node in nodes:
        for other in nodes:
            node.feed(crdt.Heard(other.journal[0]))
            node.settle()
    for node in nodes:
        node.command(len(history), 1)  # opens every function, which is shown everything
        node.settle()
    records = [node.journal[0] for node in nodes]
    everything = UNKNOWN
    for record in records:
        everything = merged(everything, record)
    assert records == [everything] * len(NODES)
    for node in nodes:
        assert node.session.is_idle
        assert node.value == shown(everything, Audience(node.name, frozenset(NODES)))
        heard = {ticket: node.answers[ticket] for ticket in node.asked if ticket not in node.abandoned}
        assert heard == dict.fromkeys(heard, 1)
