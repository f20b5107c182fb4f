"""The member of a cluster that the simulation wires: its commands, and how it leaves."""

from __future__ import annotations

import pytest

from bank.wallet_pb2 import Balance, DepositRequest, GetBalanceRequest, WithdrawRequest
from cloudstate.runtime.errors import CommandRejected, StatusCode
from cloudstate.runtime.testing.simulation import Member, World, member, simulate
from wallet import Wallet


async def deposit(member: Member, id: str = "") -> int:
    balance: Balance = await member.command("Deposit", DepositRequest(wallet_id="w", cents=5), id=id)
    return balance.cents


def test_a_command_runs_wherever_it_comes_in() -> None:
    async def scenario(world: World) -> list[int]:
        nodes = [world.add_node(member(Wallet)) for _ in range(3)]
        await world.ready()
        return [await node.run(deposit) for node in nodes]

    assert simulate(1, scenario) == [5, 10, 15]


def test_a_command_with_an_id_runs_once() -> None:
    async def scenario(world: World) -> list[int]:
        nodes = [world.add_node(member(Wallet)) for _ in range(3)]
        await world.ready()
        return [await node.run(lambda member: deposit(member, "payday")) for node in nodes]

    assert simulate(1, scenario) == [5, 5, 5]


def test_a_refusal_has_the_status_of_the_handler() -> None:
    async def scenario(world: World) -> None:
        node = world.add_node(member(Wallet))
        await world.ready()
        with pytest.raises(CommandRejected) as caught:
            await node.run(lambda member: member.command("Withdraw", WithdrawRequest(wallet_id="w", cents=1)))
        assert caught.value.status == StatusCode.NOT_FOUND

    simulate(1, scenario)


def test_a_command_that_nobody_has_is_a_mistake_of_the_test() -> None:
    async def scenario(world: World) -> None:
        node = world.add_node(member(Wallet))
        await world.ready()
        for name in ("Nothing", "Deposit"):
            with pytest.raises(KeyError, match=f"no entity has a command `{name}` for a `com.example.bank.GetBalance"):
                await node.run(lambda member: member.command(name, GetBalanceRequest(wallet_id="w")))  # noqa: B023

    simulate(1, scenario)


def test_a_member_that_leaves_hands_over_its_shards() -> None:
    async def scenario(world: World) -> float:
        first, second = world.add_node(member(Wallet)), world.add_node(member(Wallet))
        await world.ready()
        await first.run(deposit)
        await first.stop()
        begin = world.now
        assert await second.run(deposit) == 10
        return world.now - begin

    assert simulate(1, scenario) < 0.5
