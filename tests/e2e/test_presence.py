"""CRDT entities served by `cloudstate run`: the generated client, streams, JSON, and a kill in between."""

from __future__ import annotations

import asyncio
import json
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import grpc.aio
from tests.processes import server

from chat.presence_pb2 import Look, Visit
from presence_service.client import RoomClient, VisitsClient


def presence(journal: Path) -> list[str]:
    return ["-m", "cloudstate.cli", "run", "specs/presence", "--port", "0", "--journal", f"sqlite:{journal}"]


def ask(address: str, method: str, path: str) -> tuple[int, Any]:
    host, _, port = address.rpartition(":")
    connection = HTTPConnection(host, int(port), timeout=20)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def test_it_speaks_json_and_remembers_after_a_kill(tmp_path: Path) -> None:
    with server(presence(tmp_path / "a.db")) as (_, address):
        assert ask(address, "PUT", "/rooms/r/people/Ada") == (200, {"names": ["Ada"]})
        assert ask(address, "PUT", "/rooms/r/people/Bob") == (200, {"names": ["Ada", "Bob"]})
        assert ask(address, "DELETE", "/rooms/r/people/Ada") == (200, {"names": ["Bob"]})
    with server(presence(tmp_path / "a.db")) as (_, address):
        assert ask(address, "GET", "/rooms/r") == (200, {"names": ["Bob"]})
        assert ask(address, "DELETE", "/rooms/r") == (200, {"names": []})
        assert ask(address, "PUT", "/rooms/r/people/Cleo") == (200, {"names": ["Cleo"]})
    with server(presence(tmp_path / "a.db")) as (_, address):
        assert ask(address, "GET", "/rooms/r") == (200, {"names": ["Cleo"]})
        assert ask(address, "GET", "/rooms/nowhere") == (200, {"names": []})


async def test_a_stream_tells_what_changes_and_notices_who_goes(tmp_path: Path) -> None:
    with server(presence(tmp_path / "a.db")) as (_, address):
        async with grpc.aio.insecure_channel(address) as channel, asyncio.timeout(30):
            room, visits = RoomClient(channel), VisitsClient(channel)
            watching: Any = room.watch(Look(room="r"))
            seen = [list((await watching.read()).names)]
            await room.enter(Visit(room="r", name="Ada"))
            seen.append(list((await watching.read()).names))
            staying: Any = room.stay(Visit(room="r", name="Bob"))
            assert list((await staying.read()).names) == ["Ada", "Bob"]
            seen.append(list((await watching.read()).names))
            staying.cancel()
            seen.append(list((await watching.read()).names))
            assert seen == [[], ["Ada"], ["Ada", "Bob"], ["Ada"]]
            await room.close(Look(room="r"))
            assert await watching.read() is grpc.aio.EOF
            assert (await visits.get(Look(room="r"))).visits == 2


def test_changes_that_were_answered_survive_a_kill_in_the_middle(tmp_path: Path) -> None:
    journal = tmp_path / "a.db"
    answered = 0
    for _ in range(3):
        with server(presence(journal)) as (process, address):
            for _ in range(20):
                status, _ = ask(address, "PUT", f"/rooms/r/people/p{answered}")
                assert status == 200
                answered += 1
            process.kill()
    with server(presence(journal)) as (_, address):
        status, people = ask(address, "GET", "/rooms/r")
        assert (status, len(people["names"])) == (200, answered)
