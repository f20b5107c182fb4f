"""Generated clients send a command again while the service is unavailable: with its id, and only where it is safe."""

from __future__ import annotations

import importlib
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from cloudstate.compiler.backends import python
from cloudstate.compiler.model import Service

AWAY = grpc.StatusCode.UNAVAILABLE


class Failing(grpc.GenericRpcHandler):
    """Fails the next calls with these statuses, then echoes; remembers the command id of each."""

    def __init__(self) -> None:
        self.statuses: list[grpc.StatusCode] = []
        self.ids: list[str | bytes | None] = []

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        self.ids.append(dict(handler_call_details.invocation_metadata or ()).get("ce-id"))
        if handler_call_details.method.endswith("StreamedOut"):
            return grpc.unary_stream_rpc_method_handler(self._streamed)
        return grpc.unary_unary_rpc_method_handler(self._answer)

    async def _answer(self, request: bytes, context: Any) -> bytes:
        if self.statuses:
            await context.abort(self.statuses.pop(0), "no")
        return request

    async def _streamed(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        yield await self._answer(request, context)


@pytest.fixture
def failing() -> Failing:
    return Failing()


@pytest.fixture
async def channel(failing: Failing) -> AsyncIterator[grpc.aio.Channel]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((failing,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(None)


class Loaded:
    """The client module and the messages of a case; the module does not wait, but counts the seconds."""

    def __init__(self, client: Any, messages: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.client = client
        self.messages = messages
        self.pauses: list[float] = []
        if hasattr(client, "sleep"):
            monkeypatch.setattr(client, "sleep", self._pause)

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


@pytest.fixture
def load(
    generated: dict[str, Path], services: dict[str, Service], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str], Loaded]:
    def load(case: str, messages: str) -> Loaded:
        monkeypatch.syspath_prepend(str(generated[case]))
        client = importlib.import_module(f"{services[case].package}.client")
        return Loaded(client, importlib.import_module(messages), monkeypatch)

    return load


Load = Callable[[str, str], Loaded]


async def test_a_command_is_sent_again_with_its_id(load: Load, failing: Failing, channel: grpc.aio.Channel) -> None:
    loaded = load("composite-key", "keys_pb2")
    failing.statuses = [AWAY] * 7
    await loaded.client.KeysClient(channel).put(loaded.messages.Put(region="eu", number=7))
    assert (len(failing.ids), len(set(failing.ids)), None in failing.ids) == (8, 1, False)
    for pause, longest in zip(loaded.pauses, (0.1, 0.3, 1.0, 1.0, 1.0, 1.0, 1.0), strict=True):
        assert longest / 2 <= pause <= longest


async def test_there_is_an_end(load: Load, failing: Failing, channel: grpc.aio.Channel) -> None:
    loaded = load("composite-key", "keys_pb2")
    failing.statuses = [AWAY] * 20
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await loaded.client.KeysClient(channel).put(loaded.messages.Put(region="eu"))
    assert (failed.value.code(), len(failing.ids)) == (AWAY, 8)
    with pytest.raises(grpc.aio.AioRpcError):
        await loaded.client.KeysClient(channel, attempts=10).put(loaded.messages.Put(region="eu"))
    assert len(failing.ids) == 8 + 10
    assert max(loaded.pauses) <= 1.0


async def test_it_can_be_switched_off(load: Load, failing: Failing, channel: grpc.aio.Channel) -> None:
    loaded = load("composite-key", "keys_pb2")
    failing.statuses = [AWAY]
    with pytest.raises(grpc.aio.AioRpcError):
        await loaded.client.KeysClient(channel, attempts=1).put(loaded.messages.Put(region="eu"))
    assert len(failing.ids) == 1


async def test_nothing_is_sent_after_the_deadline(load: Load, failing: Failing, channel: grpc.aio.Channel) -> None:
    loaded = load("composite-key", "keys_pb2")
    failing.statuses = [AWAY] * 20
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        # The third pause, of half a second at least, would end after it; the ones before are not waited for here.
        await loaded.client.KeysClient(channel, attempts=20).put(loaded.messages.Put(region="eu"), timeout=0.5)
    assert failed.value.code() in (AWAY, grpc.StatusCode.DEADLINE_EXCEEDED)
    assert len(failing.ids) <= 3


@pytest.mark.parametrize("status", [grpc.StatusCode.INTERNAL, grpc.StatusCode.RESOURCE_EXHAUSTED])
async def test_other_failures_are_the_caller_s(
    load: Load, failing: Failing, channel: grpc.aio.Channel, status: grpc.StatusCode
) -> None:
    loaded = load("composite-key", "keys_pb2")
    failing.statuses = [AWAY, status]
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await loaded.client.KeysClient(channel).put(loaded.messages.Put(region="eu"))
    assert (failed.value.code(), len(failing.ids)) == (status, 2)


async def test_actions_and_streams_are_not_sent_again(load: Load, failing: Failing, channel: grpc.aio.Channel) -> None:
    loaded = load("streaming-actions", "stream_pb2")
    client = loaded.client.StreamClient(channel)
    failing.statuses = [AWAY, AWAY]
    with pytest.raises(grpc.aio.AioRpcError):
        await client.unary(loaded.messages.In(text="one"))
    with pytest.raises(grpc.aio.AioRpcError):
        [_ async for _ in client.streamed_out(loaded.messages.In(text="one"))]
    assert failing.ids == [None, None]


def retried(service: Service) -> list[str]:
    """The methods of a service's clients that are called again."""
    text = python.emit(service)[f"{service.package}/client.py"].decode()
    return re.findall(r"self\._(\w+) = _Retried\(", text)


def test_what_keeps_no_answers_is_not_sent_again_unless_it_only_reads(services: dict[str, Service]) -> None:
    crdts, keys = services["crdt-types"], services["composite-key"]
    assert [entity.service for entity in crdts.entities if retried(replace(crdts, entities=(entity,)))] == [
        "crdt_types.Switched"
    ]
    assert retried(keys) == ["get", "put"]
    forgetful = tuple(replace(entity, idempotency_window=0) for entity in keys.entities)
    assert retried(replace(keys, entities=forgetful)) == ["get"]
