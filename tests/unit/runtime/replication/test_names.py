"""Which name a member makes its changes under."""

from __future__ import annotations

import pytest
from tests.property.crdt.members import World
from tests.unit.runtime.replication.test_members import Cluster

from cloudstate.runtime.cluster.engine import EngineUnavailable
from cloudstate.runtime.testing.simulation.engine import SimulatedEngine


def nodes(world: World) -> dict[str, str]:
    return {name: member.replication.node for name, member in world.members.items()}


def test_members_have_names_of_their_own_and_take_those_of_the_dead() -> None:
    cluster = Cluster(3)

    async def story() -> None:
        assert nodes(cluster) == {"a": "n1", "b": "n2", "c": "n3"}
        cluster.kill(cluster.members["b"])
        cluster.all_see()
        await cluster.join()
        assert nodes(cluster) == {"a": "n1", "c": "n3", "d": "n2"}

    cluster.play(story)


def test_a_name_that_is_given_back_is_free_at_once() -> None:
    cluster = Cluster(2)

    async def story() -> None:
        member = cluster.members["a"]
        await cluster.loop.run_in(member.process, member.replication.close())
        await cluster.join()
        assert nodes(cluster)["c"] == "n1"

    cluster.play(story)


def test_a_name_that_another_one_has_taken_is_replaced() -> None:
    cluster = Cluster(2)

    async def story() -> None:
        member = cluster.members["b"]
        await cluster.ask("a", "Enter", guest="Ada")
        await cluster.loop.run_in(member.process, member.engine.put("crdt.n1", b"b"))
        await cluster.pass_time(0.5)
        assert nodes(cluster) == {"a": "n3", "b": "n2"}
        assert await cluster.ask("a", "Enter", guest="Bob") == "Ada,Bob"

    cluster.play(story)


def test_members_with_journals_of_their_own_keep_their_own_names() -> None:
    cluster = Cluster(2, shares=False)

    async def story() -> None:
        assert [member.host.node for member in cluster.members.values()] == ["a", "b"]

    cluster.play(story)


def test_a_member_whose_table_does_not_answer_has_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(1)

    async def refuse(*_: object) -> int:
        raise EngineUnavailable("not now")

    async def story() -> None:
        monkeypatch.setattr(SimulatedEngine, "put", refuse)
        await cluster.join()
        assert nodes(cluster) == {"a": "n1", "b": "b"}
        assert await cluster.ask("b", "Enter", guest="Ada") == "Ada"

    cluster.play(story)
