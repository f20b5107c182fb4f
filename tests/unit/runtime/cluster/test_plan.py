"""Plans of shards: what every member does by itself leads all of them to one good placement, and then stops."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudstate.runtime.cluster.plan import HIGH, Members, Move, Plan, plan
from cloudstate.runtime.cluster.table import NOBODY

NAMES = ["ann", "bob", "cid", "dee", "eve", "fay"]


def everyone(*names: str, leaving: tuple[str, ...] = ()) -> Members:
    return Members(frozenset(names), frozenset(names) - frozenset(leaving), frozenset(leaving))


def carried_out(owners: list[str], members: Members, near: dict[int, str] | None = None, most: int = 1000) -> int:
    """One round: everyone plans with the same view, then all of it happens. Gives the number of moves."""
    plans = {
        name: plan(
            name, members, owners, near={s: at for s, at in (near or {}).items() if owners[s] == name}, most=most
        )
        for name in members.alive
    }
    moved = 0
    for name, made in plans.items():
        for shard in made.acquire:
            assert owners[shard] not in members.alive
            owners[shard] = name
        for shard, to in made.hand_off:
            assert owners[shard] == name
            assert to in members.eligible
            owners[shard] = to
            moved += 1
    return moved


def settle(owners: list[str], members: Members, near: dict[int, str] | None = None, rounds: int = 12) -> int:
    """Rounds until nobody wants anything; gives the number of moves."""
    total = 0
    for _ in range(rounds):
        before = list(owners)
        total += carried_out(owners, members, near)
        if owners == before:
            return total
    raise AssertionError("the plans do not come to rest")


def spread(owners: list[str]) -> int:
    counts = Counter(owners).values()
    return max(counts) - min(counts)


def test_one_member_takes_everything() -> None:
    assert plan("ann", everyone("ann"), [NOBODY] * 5) == Plan(acquire=(0, 1, 2, 3, 4))


def test_three_members_share_what_nobody_has() -> None:
    owners = [NOBODY] * 256
    assert settle(owners, everyone("ann", "bob", "cid")) == 0
    assert spread(owners) <= 1


@pytest.mark.parametrize(("before", "after", "least"), [(3, 6, 127), (1, 2, 128), (5, 6, 42)])
def test_who_joins_gets_its_share_and_nothing_else_moves(before: int, after: int, least: int) -> None:
    owners = [NOBODY] * 256
    settle(owners, everyone(*NAMES[:before]))
    assert least <= settle(owners, everyone(*NAMES[:after])) <= least + 1
    assert spread(owners) <= 1


def test_what_the_dead_had_is_shared_and_nothing_else_moves() -> None:
    owners = [NOBODY] * 256
    settle(owners, everyone(*NAMES))
    kept = {shard: owner for shard, owner in enumerate(owners) if owner != "cid"}
    assert settle(owners, everyone("ann", "bob", "dee", "eve", "fay")) <= 4
    assert sum(owners[shard] != owner for shard, owner in kept.items()) <= 4
    assert spread(owners) <= 1


def test_who_leaves_gives_everything_away() -> None:
    owners = [NOBODY] * 64
    settle(owners, everyone("ann", "bob", "cid"))
    settle(owners, everyone("ann", "bob", "cid", leaving=("bob",)))
    assert "bob" not in owners
    assert spread(owners) <= 1


def test_the_last_one_keeps_what_it_has_while_it_leaves() -> None:
    members = everyone("ann", leaving=("ann",))
    assert plan("ann", members, ["ann", "ann", NOBODY]) == Plan()


def test_moves_are_few_at_a_time() -> None:
    made = plan("ann", everyone("ann", "bob"), ["ann"] * 100, most=7)
    assert len(made.hand_off) == 7


def test_a_shard_follows_its_commands() -> None:
    owners = ["ann", "ann", "bob", "bob"] * 8
    assert plan("ann", everyone("ann", "bob"), owners, near={0: "bob"}).hand_off == (Move(0, "bob"),)
    assert plan("ann", everyone("ann", "bob"), owners, near={0: "zoe"}).hand_off == ()


def test_a_shard_stays_where_its_journal_is() -> None:
    made = plan("ann", everyone("ann", "bob"), ["ann", "ann", "ann", NOBODY], near={0: "bob"}, may_move=False)
    assert made == Plan()
    assert plan("bob", everyone("ann", "bob"), ["ann", "ann", "ann", NOBODY], may_move=False).acquire == (3,)


@given(
    owners=st.lists(st.sampled_from([*NAMES, NOBODY, "gone"]), min_size=1, max_size=120),
    alive=st.sets(st.sampled_from(NAMES), min_size=1),
    data=st.data(),
)
def test_plans_come_to_rest_in_balance(owners: list[str], alive: set[str], data: st.DataObject) -> None:
    leaving = data.draw(st.sets(st.sampled_from(sorted(alive))))
    members = everyone(*alive, leaving=tuple(leaving))
    settle(owners, members, rounds=40)
    staying = alive - leaving
    if staying:
        counts = Counter({name: 0 for name in staying})
        counts.update(owners)
        assert set(counts) == staying
        assert max(counts.values()) - min(counts.values()) <= 1
        assert carried_out(owners, members) == 0


@given(data=st.data(), members=st.integers(2, 6), shards=st.integers(24, 200))
def test_near_shards_come_to_rest_within_bounds(data: st.DataObject, members: int, shards: int) -> None:
    names = NAMES[:members]
    owners = data.draw(st.lists(st.sampled_from([*names, NOBODY]), min_size=shards, max_size=shards))
    wanted = data.draw(st.lists(st.sampled_from([*names, None]), min_size=shards, max_size=shards))
    near = {shard: name for shard, name in enumerate(wanted) if name is not None}
    settle(owners, everyone(*names), near, rounds=60)
    counts = Counter(owners)
    assert max(counts.values()) <= shards / members * HIGH + members


def test_shards_are_where_a_hash_sends_their_commands() -> None:
    """A mesh that hashes the shard gives members uneven shares; nearness is worth that much."""
    near = {shard: NAMES[(shard * 2654435761) % 2**32 % 6] for shard in range(256)}
    owners = [NOBODY] * 256
    settle(owners, everyone(*NAMES))
    settle(owners, everyone(*NAMES), near, rounds=40)
    assert sum(owners[shard] != name for shard, name in near.items()) <= 256 * 0.05
