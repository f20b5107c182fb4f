"""``cloudstate function``: where it listens, what it logs, and how it stops while a proxy has entities with it."""

from __future__ import annotations

import queue
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from tests.processes import function, proxy, server

from cloudstate import entity_pb2 as pb
from cloudstate.event_sourced_pb2 import EventSourcedInit, EventSourcedStreamIn, EventSourcedStreamOut
from tck.eventsourced_pb2 import Emit, Request, RequestAction, Response

PATIENCE = 20.0
MODEL = "cloudstate.tck.model.EventSourcedTckModel"


class Entity:
    """One entity's stream, from the proxy's side."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._said: queue.Queue[EventSourcedStreamIn | None] = queue.Queue()
        self._id = 0
        handle: Any = channel.stream_stream(
            "/cloudstate.eventsourced.EventSourced/handle",
            request_serializer=EventSourcedStreamIn.SerializeToString,
            response_deserializer=EventSourcedStreamOut.FromString,
        )
        self.replies: Any = handle(iter(self._said.get, None), timeout=PATIENCE)
        self._said.put(EventSourcedStreamIn(init=EventSourcedInit(service_name=MODEL, entity_id="x")))

    def ask(self) -> EventSourcedStreamOut:
        self._id += 1
        command = pb.Command(entity_id="x", id=self._id, name="Process")
        command.payload.Pack(Request(id="x"))
        self._said.put(EventSourcedStreamIn(command=command))
        answer: EventSourcedStreamOut = next(self.replies)
        return answer

    def close(self) -> None:
        self._said.put(None)


@contextmanager
def entity(address: str) -> Iterator[Entity]:
    with grpc.insecure_channel(address) as channel:
        made = Entity(channel)
        try:
            yield made
        finally:
            made.close()


def test_stopping_ends_the_streams_of_idle_entities_in_good_order() -> None:
    with server(function("tck", "--port", "0")) as (process, address), entity(address) as made:
        assert made.ask().reply.command_id == 1
        process.send_signal(signal.SIGTERM)
        assert list(made.replies) == []
        assert made.replies.code() is grpc.StatusCode.OK
        # Ten seconds are what calls in progress get: nothing is in progress.
        assert process.wait(timeout=8) == 0


def test_a_unix_socket(tmp_path: Path) -> None:
    with server(function("tck", "--unix", str(tmp_path / "f"))) as (_, address), entity(address) as made:
        assert made.ask().reply.command_id == 1
        assert made.ask().reply.command_id == 2


def test_host_and_port_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "127.0.0.1")
    monkeypatch.setenv("PORT", "0")
    with server(function("tck")) as (_, address), entity(address) as made:
        assert address.startswith("127.0.0.1:")
        assert made.ask().reply.command_id == 1


def test_what_the_proxy_reports_and_protocols_that_are_not_served() -> None:
    with server(function("shopping-cart", "--port", "0")) as (process, address):
        with grpc.insecure_channel(address) as channel:
            report = channel.unary_unary(
                "/cloudstate.EntityDiscovery/reportError",
                request_serializer=pb.UserFunctionError.SerializeToString,
                response_deserializer=Empty.FromString,
            )
            assert report(pb.UserFunctionError(message="no key in `Cart`"), timeout=PATIENCE) == Empty()
            handle: Any = channel.stream_stream("/cloudstate.crdt.Crdt/handle")
            crdt = handle(iter([b""]), timeout=PATIENCE)
            with pytest.raises(grpc.RpcError):
                next(crdt)
            assert crdt.code() is grpc.StatusCode.UNIMPLEMENTED
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        logged = process.stdout.read()
    assert "ERROR   cloudstate.runtime.support.function: Error reported from sidecar: no key in `Cart`" in logged


def test_a_function_is_replaced_while_its_entities_live(tmp_path: Path) -> None:
    socket = str(tmp_path / "f")
    with (
        server(function("tck", "--unix", socket)) as (first, where),
        server(proxy(where)) as (_, address),
        grpc.insecure_channel(address) as channel,
    ):
        process: Any = channel.unary_unary(
            f"/{MODEL}/Process",
            request_serializer=Request.SerializeToString,
            response_deserializer=Response.FromString,
        )
        for value, state in (("A", "A"), ("B", "AB")):
            steps = [RequestAction(emit=Emit(value=value))]
            assert process(Request(id="x", actions=steps), timeout=PATIENCE).message == state
        first.send_signal(signal.SIGTERM)
        assert first.wait(timeout=8) == 0
        with server(function("tck", "--unix", socket)):
            # The first call after it: the entity is told anew to the function that is there now.
            assert process(Request(id="x"), timeout=PATIENCE).message == "AB"
