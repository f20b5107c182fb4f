"""Services whose entities count by one, so that what clients saw of them can be judged (``histories.py``)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from tests.processes import ROOT

sys.path[:0] = [str(ROOT / "generated" / "wallet"), str(ROOT / "generated" / "converter")]


@dataclass(frozen=True)
class Kind:
    """Entities that count by one: the project that serves them, the calls, and how large a reply says that one is."""

    project: str
    add: Callable[[str], tuple[str, bytes]]
    read: Callable[[str], tuple[str, bytes]]
    size: Callable[[bytes], int]


def wallets() -> Kind:
    """Values."""
    from bank.wallet_pb2 import Balance, DepositRequest, GetBalanceRequest

    path = "/com.example.bank.Wallet/"
    return Kind(
        "wallet",
        lambda id: (f"{path}Deposit", DepositRequest(wallet_id=id, cents=1).SerializeToString()),
        lambda id: (f"{path}GetBalance", GetBalanceRequest(wallet_id=id).SerializeToString()),
        lambda reply: Balance.FromString(reply).cents,
    )


def counters() -> Kind:
    """Event-sourced."""
    from counting.counting_pb2 import GetTotalRequest, IncreaseRequest, Total

    path = "/com.example.counting.Counter/"
    return Kind(
        "converter",
        lambda id: (f"{path}Increase", IncreaseRequest(counter_id=id, by=1).SerializeToString()),
        lambda id: (f"{path}GetTotal", GetTotalRequest(counter_id=id).SerializeToString()),
        lambda reply: Total.FromString(reply).value,
    )
