"""CRDT entities of two processes: streams across them, and what stays when one is killed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import grpc.aio
import pytest
from tests.processes import server
from tests.servers.nats import Nats, nats, url

from chat.presence_pb2 import Look, Visit
from presence_service.client import RoomClient


@pytest.fixture(scope="module")
def servers() -> Iterator[list[Nats]]:
    with nats() as running:
        yield running


def presence(servers: list[Nats]) -> list[str]:
    journal, cluster = url(servers, "presence"), f"nats://127.0.0.1:{servers[0].port}"
    return ["-m", "cloudstate.cli", "run", "specs/presence", "--port", "0", "--journal", journal, "--cluster", cluster]


async def names(stream: Any) -> list[str]:
    return list((await stream.read()).names)


async def test_two_processes_serve_the_same_rooms(servers: list[Nats]) -> None:
    with server(presence(servers)) as (_, other):
        with server(presence(servers)) as (_, address):
            await meet(address, other)
        async with asyncio.timeout(60), grpc.aio.insecure_channel(other) as channel:
            people = await RoomClient(channel).enter(Visit(room="r", name="Cleo"))
            assert set(people.names) - {"Bob"} == {"Ada", "Cleo"}  # Bob's going may have been noticed before the kill


async def meet(address: str, other: str) -> None:
    """Two come into a room at one process, and are seen at the other."""
    one, another = grpc.aio.insecure_channel(address), grpc.aio.insecure_channel(other)
    async with asyncio.timeout(60), one, another:
        here, there = RoomClient(one), RoomClient(another)
        watching: Any = there.watch(Look(room="r"))
        assert await names(watching) == []
        assert list((await here.enter(Visit(room="r", name="Ada"))).names) == ["Ada"]
        assert await names(watching) == ["Ada"]
        staying: Any = here.stay(Visit(room="r", name="Bob"))
        assert await names(staying) == ["Ada", "Bob"]
        assert await names(watching) == ["Ada", "Bob"]
        watching.cancel()
