"""The wallet's rules, one by one, without a server."""

import pytest

from bank.wallet_pb2 import Balance, CloseRequest, DepositRequest, GetBalanceRequest, WithdrawRequest
from cloudstate.runtime.authoring import CommandRejected, StatusCode
from cloudstate.runtime.testing import EntityHarness
from wallet import Wallet


@pytest.fixture
def wallet() -> EntityHarness:
    return EntityHarness(Wallet(), "w1")


def deposit(wallet: EntityHarness, cents: int) -> Balance:
    balance: Balance = wallet.command("Deposit", DepositRequest(wallet_id="w1", cents=cents))
    return balance


def withdraw(wallet: EntityHarness, cents: int) -> Balance:
    balance: Balance = wallet.command("Withdraw", WithdrawRequest(wallet_id="w1", cents=cents))
    return balance


def close(wallet: EntityHarness) -> None:
    wallet.command("Close", CloseRequest(wallet_id="w1"))


def test_deposits_and_withdrawals_move_the_balance(wallet: EntityHarness) -> None:
    assert deposit(wallet, 500) == Balance(cents=500)
    assert deposit(wallet, 250) == Balance(cents=750)
    assert withdraw(wallet, 700) == Balance(cents=50)
    assert wallet.command("GetBalance", GetBalanceRequest(wallet_id="w1")) == Balance(cents=50)


def test_a_wallet_cannot_be_overdrawn(wallet: EntityHarness) -> None:
    deposit(wallet, 100)
    with pytest.raises(CommandRejected, match="101 cents asked for, 100 in the wallet") as refused:
        withdraw(wallet, 101)
    assert refused.value.status is StatusCode.FAILED_PRECONDITION
    assert wallet.state == Balance(cents=100)


@pytest.mark.parametrize("cents", [0, -5])
def test_an_amount_is_positive(wallet: EntityHarness, cents: int) -> None:
    for command in (deposit, withdraw):
        with pytest.raises(CommandRejected) as refused:
            command(wallet, cents)
        assert refused.value.status is StatusCode.INVALID_ARGUMENT


def test_an_emptied_wallet_still_exists(wallet: EntityHarness) -> None:
    deposit(wallet, 100)
    withdraw(wallet, 100)
    assert wallet.state == Balance(cents=0)


def test_a_closed_wallet_is_gone_and_can_be_opened_again(wallet: EntityHarness) -> None:
    deposit(wallet, 100)
    withdraw(wallet, 100)
    close(wallet)
    assert wallet.state is None
    with pytest.raises(CommandRejected, match="there is no wallet w1") as refused:
        wallet.command("GetBalance", GetBalanceRequest(wallet_id="w1"))
    assert refused.value.status is StatusCode.NOT_FOUND

    wallet.restart()
    assert deposit(wallet, 7) == Balance(cents=7)


def test_a_wallet_with_money_cannot_be_closed(wallet: EntityHarness) -> None:
    deposit(wallet, 1)
    with pytest.raises(CommandRejected, match="still 1 cents"):
        close(wallet)
    assert wallet.state == Balance(cents=1)


def test_the_balance_survives_a_restart(wallet: EntityHarness) -> None:
    deposit(wallet, 42)
    wallet.restart()
    assert wallet.command("GetBalance", GetBalanceRequest(wallet_id="w1")) == Balance(cents=42)


def test_a_balance_holds_no_more_than_its_field(wallet: EntityHarness) -> None:
    deposit(wallet, 2**63 - 1)
    with pytest.raises(CommandRejected) as refused:
        deposit(wallet, 1)
    assert refused.value.status is StatusCode.OUT_OF_RANGE
    assert wallet.state == Balance(cents=2**63 - 1)
