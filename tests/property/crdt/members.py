"""Members of a simulated cluster that keep one CRDT entity alike, and a history of what they did to it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.property.crdt.histories import Maker, Op

from cloudstate.runtime.clock import Clock
from cloudstate.runtime.cluster.engine import EngineUnavailable
from cloudstate.runtime.crdt import Audience, Change, Dot, Kind, Record, State, VoteValue, decode, includes, value_of
from cloudstate.runtime.entity.crdt_messages import Consistency, CrdtReply, StateAction
from cloudstate.runtime.entity.crdt_replica import Delta, Replica
from cloudstate.runtime.entity.crdt_session import NOT_WRITTEN_FAR_ENOUGH
from cloudstate.runtime.entity.messages import Answer, Command, Reply
from cloudstate.runtime.function.endpoint import Endpoint
from cloudstate.runtime.function.port import CrdtFunction, CrdtTold
from cloudstate.runtime.host import CrdtHost
from cloudstate.runtime.journal import (
    AppendEvents,
    EntityKey,
    Journal,
    JournalUnavailable,
    MemoryJournal,
    WriteValue,
)
from cloudstate.runtime.journal.port import Appended
from cloudstate.runtime.replication import Replication
from cloudstate.runtime.testing.simulation.engine import SimulatedEngine
from cloudstate.runtime.testing.simulation.journal import JournalConditions, SharedJournal, SimulatedJournal
from cloudstate.runtime.testing.simulation.loop import SimulatedLoop
from cloudstate.runtime.testing.simulation.network import Conditions, SimulatedNetwork
from cloudstate.runtime.testing.simulation.process import Process, ProcessClock
from cloudstate.runtime.testing.simulation.trace import Trace

KEY = EntityKey("thing", "it")


class Script:
    """A function that makes the change which a command carries."""

    service = "test.Thing"
    entity_type = KEY.type
    passivation = 1e9
    endpoints: Mapping[str, Endpoint] = {}
    metrics_prefix = "cloudstate_crdt"
    pipeline = 3

    def __init__(self) -> None:
        self.reports: list[str] = []

    def report(self, text: str) -> None:
        self.reports.append(text)

    def instance(self, key: EntityKey, told: CrdtTold) -> _Instance:
        return _Instance(told)


class _Instance:
    def __init__(self, told: CrdtTold) -> None:
        self._told = told

    async def open(self, change: Change | None) -> None: ...

    def handle(self, command_id: int, command: Command) -> None:
        change, consistency = command.message
        self._told(CrdtReply(command_id, Reply(b""), (), StateAction(change, False, consistency)))

    def tell(self, change: Change | None) -> None: ...

    def cancel(self, command_id: int) -> None: ...

    def stop(self) -> None: ...


@dataclass
class Call:
    """A command and what became of it: the ticket of it."""

    consistency: Consistency
    answer: Any = None
    arrived: float = 0.0

    def answered(self, answer: Answer) -> None:
        assert self.answer is None, "answered twice"
        self.answer = answer.action

    @property
    def is_good(self) -> bool:
        return isinstance(self.answer, Reply)

    @property
    def is_durable(self) -> bool:
        return self.is_good or (self.answer is not None and self.answer.description == NOT_WRITTEN_FAR_ENOUGH)

    @property
    def may_be_durable(self) -> bool:
        return self.is_durable or self.answer is None or self.answer.description.startswith("no answer")


@dataclass
class Made:
    """A change as it was made: by whom, of what it was shown, for which command."""

    node: str
    member: str
    change: Change
    delta: State
    shown: State
    now: int
    call: Call


@dataclass
class Log:
    """All changes, in the order in which they were made."""

    made: list[Made] = field(default_factory=list)
    calls: dict[int, Call] = field(default_factory=dict)
    """By the identity of the change, which lives as long as ``kept``."""
    kept: list[Change] = field(default_factory=list)
    written: dict[Dot, Any] = field(default_factory=dict)
    """What the shared journal had at some time."""

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Write down what replicas do."""
        original = Replica.change

        def change(replica: Replica, change: Change, now: int) -> Delta | None:
            shown = replica._shown or State(change.kind)
            told = original(replica, change, now)
            if told is not None and told.record.state is not None and told.record.state.context:
                call, member = self.calls[id(change)], replica.audience.member
                self.made.append(Made(replica.node, member, change, told.record.state, shown, now, call))
            return told

        Replica.change = change  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            Replica.change = original  # type: ignore[method-assign]

    def undone(self) -> set[int]:
        """The changes of whose dots others are in the end: nothing was written, and their members were told so."""
        same: dict[Dot, list[int]] = {}
        for n, made in enumerate(self.made):
            for dot in made.delta.facts:
                same.setdefault(dot, []).append(n)
        return {n for dot, numbers in same.items() for n in numbers if n != self._winner(dot, numbers)}

    def _winner(self, dot: Dot, numbers: list[int]) -> int:
        durable = [n for n in numbers if self.made[n].call.is_durable]
        assert len(durable) < 2, f"{dot} stands for two changes"
        written = [n for n in numbers if self.made[n].delta.facts[dot] == self.written.get(dot)]
        perhaps = [n for n in numbers if self.made[n].call.may_be_durable]
        return (durable or written or perhaps or numbers)[-1]

    def ops(self, final: State) -> list[Op]:
        """The changes that are in a state, with what each had seen of the others."""
        undone = self.undone()
        there = [made for n, made in enumerate(self.made) if n not in undone and is_in(made.delta, final)]
        return [
            Op(
                made.node,
                made.change,
                made.delta,
                frozenset(n for n, other in enumerate(there[:number]) if includes(made.shown, other.delta)),
                made.now,
            )
            for number, made in enumerate(there)
        ]


def is_in(delta: State, state: State) -> bool:
    """Whether a state knows of a change, and not of another one under the same dot."""
    facts = state.facts
    return includes(state, delta) and all(facts.get(dot, fact) == fact for dot, fact in delta.facts.items())


def voters(made: list[Made], ops: list[Op], audience: Audience) -> VoteValue:
    """A vote counts until its voter, having seen it, votes again."""
    by_delta = {id(it.delta): it.member for it in made}
    members = [by_delta[id(op.delta)] for op in ops]
    changes: list[Any] = [op.change for op in ops]
    yes = {
        members[n]
        for n, change in enumerate(changes)
        if change.self_vote
        and not any(members[later] == members[n] and n in op.seen for later, op in enumerate(ops) if later > n)
    }
    yes &= audience.members
    return VoteValue(audience.member in yes, len(yes), len(audience.members))


async def tried(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do something that needs the journal or the engine, until it answers."""
    while True:
        with suppress(JournalUnavailable, EngineUnavailable):
            return await work()


class Directory:
    """Who is there, as each member sees it."""

    def __init__(self, me: str, members: frozenset[str]) -> None:
        self.me = me
        self.seen = members
        self.is_current = True

    def members(self) -> frozenset[str]:
        return self.seen


class Member:
    """One process."""

    def __init__(self, world: World, name: str, journal: Journal | None, function: CrdtFunction) -> None:
        self.name = name
        self.function = function
        chance = world.chance
        self.process = Process(name, clock_begin=chance.uniform(0, 1000), clock_rate=chance.uniform(0.999, 1.001))
        world.loop.start(self.process)
        self.engine = SimulatedEngine(world.network, name, self.process)
        self.journal = journal or SimulatedJournal(world.journal, world.loop, name, self.process)
        self.directory = Directory(name, frozenset(world.members) | {name})
        self.clock = ProcessClock(self.process, lambda: world.loop.now)
        self._chance = random.Random(chance.random())

    async def start(self) -> None:
        await tried(self.journal.open)
        await self.engine.open()
        self.replication = Replication(
            self.engine, self.directory, "things", self._chance, is_current=lambda: self.directory.is_current
        )
        self.host = CrdtHost(self.function, self.journal, clock=self.clock, replication=self.replication)
        await tried(self.replication.start)

    @property
    def record(self) -> Record | None:
        return self.host.durable(KEY.id)


class _Watched(MemoryJournal):
    """Writes down what is written."""

    def __init__(self, clock: Clock, log: Log) -> None:
        super().__init__(clock)
        self._watch = log

    def submit(self, append: AppendEvents | WriteValue, done: Callable[[Appended], None]) -> None:
        def written(result: Appended) -> None:
            if isinstance(result, int) and isinstance(append, WriteValue) and append.entity == KEY and append.value:
                state = decode(append.value.value).state
                for dot, fact in {} if state is None else state.facts.items():
                    assert self._watch.written.setdefault(dot, fact) == fact, f"{dot} stands for two changes"
            done(result)

        super().submit(append, written)


class World:
    """A cluster.

    Args:
        shares: members share a journal; else each has one of its own.
        function: makes the code of a member.
    """

    def __init__(
        self, seed: int, count: int = 5, *, shares: bool, function: Callable[[], CrdtFunction] = Script
    ) -> None:
        self.chance = random.Random(seed)
        self.loop = SimulatedLoop(seed)
        trace = Trace(lambda: self.loop.now)
        self.network = SimulatedNetwork(self.loop, self.chance, trace)
        self.log = Log()
        self.store = _Watched(ProcessClock(self.loop.main, lambda: self.loop.now), self.log)
        self.journal = SharedJournal(self.loop, self.chance, trace, self.store)
        self.members: dict[str, Member] = {}
        self._shares = shares
        self._function = function
        self._names = iter("abcdefghijklmnopqrstuvwxyz")
        self._count = count

    async def start(self) -> None:
        for _ in range(self._count):
            await self.join()
        await self.pass_time(1.0)

    async def join(self) -> Member:
        """A new member."""
        name = next(self._names)
        clock = ProcessClock(self.loop.main, lambda: self.loop.now)
        member = Member(self, name, None if self._shares else MemoryJournal(clock), self._function())
        await self.loop.run_in(member.process, member.start())
        self.members[name] = member
        self.all_see()
        return member

    def kill(self, member: Member) -> None:
        self.loop.kill(member.process)
        del self.members[member.name]

    def all_see(self) -> None:
        """Everybody sees who is there."""
        for member in self.members.values():
            member.directory.seen = frozenset(self.members)

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def command(self, member: Member, change: Change, consistency: Consistency) -> Call:
        """Have a member make a change."""
        call = Call(consistency)
        self.log.calls[id(change)] = call
        self.log.kept.append(change)
        command = Command(call, "Do", b"", (change, consistency), (), None)
        self.loop.at(self.loop.now, member.process, self._deliver, member, command)
        return call

    @staticmethod
    def _deliver(member: Member, command: Command) -> None:
        member.host.deliver(KEY.id, command)
        member.host.release()

    # --- What may happen ----------------------------------------------------------------------------------------------

    async def happen(self, kind: Kind, make: Maker, count: int) -> None:
        """So many changes, and faults between them."""
        chance = self.chance
        for _ in range(count):
            member = chance.choice(list(self.members.values()))
            change = make(kind, chance.randrange(10_000), chance.randrange(10_000))
            self.command(member, change, chance.choice(list(Consistency)))
            if chance.random() < 0.7:
                await self.pass_time(chance.expovariate(20))
            if chance.random() < 0.1:
                self._fault()

    def _fault(self) -> None:
        chance, names = self.chance, sorted(self.members)
        name = chance.choice(names)
        match chance.randrange(9):
            case 0:
                self.network.cut(name)
            case 1 | 2:
                self.network.heal()
                self.journal.heal()
                self.all_see()
            case 3:
                self.network.split(chance.sample(names, 2))
            case 4:
                self.journal.cut(name)
            case 5:
                self.network.conditions = Conditions(loss=chance.choice([0.0, 0.1, 0.5]))
                self.journal.conditions = JournalConditions(unanswered=chance.choice([0.0, 0.0, 0.05]))
            case 6:
                seen = frozenset(chance.sample(names, 4)) | {name}
                self.members[name].directory.seen = seen
            case 7:
                self.loop.at(self.loop.now, self.members[name].process, self._leave_memory, self.members[name])
            case 8:
                self.members[name].replication._names.mine = self.members[chance.choice(names)].replication.node

    @staticmethod
    def _leave_memory(member: Member) -> None:
        member.host.sweep(member.host.monotonic() + 2e9)

    async def settle(self) -> None:
        """Everything works again, for long enough."""
        self.network.heal()
        self.journal.heal()
        self.network.conditions, self.journal.conditions = Conditions(stragglers=0.0), JournalConditions(stragglers=0.0)
        self.all_see()
        await self.pass_time(10.0)
        for member in self.members.values():
            # What was not in memory is read; a change of another kind would be refused, so there is none.
            self.loop.at(self.loop.now, member.process, self._deliver, member, _look(self))
        await self.pass_time(60.0)

    def run(self, work: Any) -> None:
        """Run a test in virtual time."""
        try:
            self.loop.run_until_complete(work)
        finally:
            self.loop.close()


def _look(world: World) -> Command:
    return Command(Call(Consistency.LOCAL), "Do", b"", (None, Consistency.LOCAL), (), None)


def value_at(member: Member) -> Any:
    """What the entity's function would see there."""
    record = member.record
    assert record is not None
    assert record.state is not None
    return value_of(record.state, member.replication.audience)
