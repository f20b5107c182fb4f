"""Five members, random histories with faults: whatever network and journal do, replicas become what they should.

``CRDT_OPERATIONS`` says how many changes are made of each type; 10,000 take about half an hour.
"""

from __future__ import annotations

import os

import pytest
from tests.property.crdt.histories import Maker, change
from tests.property.crdt.members import KEY, Call, Script, World, is_in, value_at, voters
from tests.property.crdt.naive import map_change, model

from cloudstate.runtime.crdt import Kind, State, decode
from cloudstate.runtime.entity.crdt_messages import Consistency

OPERATIONS = int(os.environ.get("CRDT_OPERATIONS", "200"))
SEED = int(os.environ.get("CRDT_SEED", "1"))
LENGTH = 100
SEEDS = range(SEED, SEED + max(OPERATIONS // LENGTH, 1))


def maker(kind: Kind) -> Maker:
    return map_change if kind is Kind.ORMAP else change


def is_refusal(report: str) -> bool:
    """Some changes of a flag are refused; its function then begins anew, and what it had still to say is not heard."""
    return report.endswith("it is on and cannot be switched off") or "unknown command id" in report


def check(world: World, kind: Kind, kept: list[Call]) -> None:
    """All members hold the same, it has what was kept, and means what the naive model says."""
    records = [member.record for member in world.members.values()]
    assert records == records[:1] * len(records)
    for member in world.members.values():
        assert member.replication.compared == 0
        assert member.host._residents[KEY.id].session.is_idle
        assert isinstance(member.function, Script)
        assert all(map(is_refusal, member.function.reports))
    if not world.log.made:
        return
    final = records[0].state if records[0] is not None and records[0].state is not None else State(kind)
    undone = world.log.undone()
    for number, made in enumerate(world.log.made):
        if any(made.call is call for call in kept):
            assert number not in undone
            assert is_in(made.delta, final), f"{made} was answered and is gone"
    ops = world.log.ops(final)
    for member in world.members.values():
        value = value_at(member)
        if kind is Kind.VOTE:
            assert value == voters(world.log.made, ops, member.replication.audience)
        else:
            assert value == model(kind, ops)


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.name.lower())
def test_members_that_share_a_journal(kind: Kind) -> None:
    for seed in SEEDS:
        world = World(seed, shares=True)

        async def play(world: World = world) -> None:
            await world.start()
            await world.happen(kind, maker(kind), LENGTH)
            for member in world.chance.sample(list(world.members.values()), world.chance.randrange(5)):
                world.kill(member)
            good = [call for call in world.log.calls.values() if call.is_good]
            await world.join()
            await world.settle()
            check(world, kind, good)
            stored = await world.store.load_value(KEY)
            if stored.payload is not None:
                records = [member.record for member in world.members.values()]
                assert decode(stored.payload.value) == records[0]

        with world.log.watching():
            world.run(play())


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.name.lower())
def test_members_that_have_a_journal_each(kind: Kind) -> None:
    """What a majority has acknowledged survives the loss of any minority."""
    for seed in SEEDS:
        world = World(seed, shares=False)

        async def play(world: World = world) -> None:
            await world.start()
            await world.happen(kind, maker(kind), LENGTH)
            for member in world.chance.sample(list(world.members.values()), 2):
                world.kill(member)
            far = [call for call in world.log.calls.values() if call.is_good and call.consistency > Consistency.LOCAL]
            await world.join()
            await world.settle()
            check(world, kind, far)

        with world.log.watching():
            world.run(play())
