"""The kit's model cases against ``cloudstate function specs/tck``, played by a stock gRPC client: role ``function``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import pytest
from tests.conformance.protocol.case import Ask, Case, Open, Role, load_cases
from tests.conformance.protocol.exclusions import parameters
from tests.conformance.protocol.players_function import (
    play_action,
    play_discovery,
    play_entity,
    play_replicated_entity,
)
from tests.processes import function, server


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with server(function("tck", "--port", "0")) as (_, where):
        yield where


@pytest.fixture
async def channel(address: str) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(address) as made:
        yield made


def cases(model: str) -> list[Any]:
    return parameters(Role.FUNCTION, load_cases(Role.FUNCTION, model))


@pytest.mark.parametrize("case", cases("event-sourced") + cases("value"))
async def test_entity(channel: grpc.aio.Channel, case: Case) -> None:
    await play_entity(channel, case)


async def test_a_refusal_drops_what_its_command_has_set(channel: grpc.aio.Channel) -> None:
    """More than the kit asks for: the Go library keeps the value in memory, though it is not stored."""
    steps = (
        Open(),
        Ask(ask=("update A",), reply="A", update="A"),
        Ask(ask=("update B", "fail no"), failure="no"),
        Ask(ask=(), reply="A"),
    )
    await play_entity(channel, Case("own", "", "value", frozenset({Role.FUNCTION}), steps))


@pytest.mark.parametrize("case", cases("action"))
async def test_action(channel: grpc.aio.Channel, case: Case) -> None:
    await play_action(channel, case)


@pytest.mark.parametrize("case", cases("discovery"))
async def test_discovery(channel: grpc.aio.Channel, case: Case) -> None:
    await play_discovery(channel, case)


@pytest.mark.parametrize("case", cases("crdt"))
async def test_replicated_entity(channel: grpc.aio.Channel, case: Case) -> None:
    await play_replicated_entity(channel, case)
