"""The wallet: a value entity, whose state is replaced as a whole and deleted when the wallet is closed."""

from google.protobuf.empty_pb2 import Empty

from bank import wallet_pb2 as bank
from cloudstate.runtime.authoring import CommandRejected, StatusCode, ValueContext
from wallet_service.entities import WalletEntity

#: The largest balance: the field is an int64.
MOST = 2**63 - 1


class Wallet(WalletEntity):
    """One balance for each wallet."""

    def deposit(self, command: bank.DepositRequest, ctx: ValueContext[bank.Balance]) -> bank.Balance:
        check_amount(command.cents)
        if ctx.state.cents + command.cents > MOST:
            raise CommandRejected(f"a wallet holds at most {MOST} cents", StatusCode.OUT_OF_RANGE)
        balance = bank.Balance(cents=ctx.state.cents + command.cents)
        ctx.update(balance)
        return balance

    def withdraw(self, command: bank.WithdrawRequest, ctx: ValueContext[bank.Balance]) -> bank.Balance:
        check_amount(command.cents)
        check_exists(ctx)
        if command.cents > ctx.state.cents:
            raise CommandRejected(f"{command.cents} cents asked for, {ctx.state.cents} in the wallet")
        balance = bank.Balance(cents=ctx.state.cents - command.cents)
        ctx.update(balance)
        return balance

    def close(self, command: bank.CloseRequest, ctx: ValueContext[bank.Balance]) -> Empty:
        check_exists(ctx)
        if ctx.state.cents:
            raise CommandRejected(f"there are still {ctx.state.cents} cents in the wallet")
        ctx.delete()
        return Empty()

    def get_balance(self, command: bank.GetBalanceRequest, ctx: ValueContext[bank.Balance]) -> bank.Balance:
        check_exists(ctx)
        return ctx.state


def check_amount(cents: int) -> None:
    """Refuse amounts that move nothing or move it backwards."""
    if cents <= 0:
        raise CommandRejected(f"{cents} cents: the amount must be at least 1", StatusCode.INVALID_ARGUMENT)


def check_exists(ctx: ValueContext[bank.Balance]) -> None:
    """Refuse to work on a wallet that was never opened or has been closed."""
    if not ctx.exists:
        raise CommandRejected(f"there is no wallet {ctx.entity_id}", StatusCode.NOT_FOUND)
