"""The generated code does what it says: clients talk to a server, classes are abstract, calls name their command."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.message import Message

from cloudstate.compiler.model import Service
from cloudstate.runtime.authoring import Action, Call, ValueEntity
from cloudstate.runtime.cluster.shards import shard_of
from cloudstate.runtime.function.endpoint import key_reader

Load = Callable[[str, str], Any]


@pytest.fixture
def load(
    generated: dict[str, Path], services: dict[str, Service], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str], Any]:
    """Import a module of a case: ``load("streaming-actions", "stream_pb2")``; "" is its package."""

    def load(case: str, module: str) -> Any:
        monkeypatch.syspath_prepend(str(generated[case]))
        return importlib.import_module(module or services[case].package)

    return load


class Echo(grpc.GenericRpcHandler):
    """Serves every rpc of the streaming case by its shape, and remembers path and metadata of the last call."""

    def __init__(self) -> None:
        self.path = ""
        self.metadata: dict[str, str | bytes] = {}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        self.path = handler_call_details.method
        self.metadata = {key: value for key, value in handler_call_details.invocation_metadata or ()}
        match self.path.rpartition("/")[2]:
            case "StreamedIn":
                return grpc.stream_unary_rpc_method_handler(self._last)
            case "StreamedOut":
                return grpc.unary_stream_rpc_method_handler(self._twice)
            case "Streamed":
                return grpc.stream_stream_rpc_method_handler(self._each)
        return grpc.unary_unary_rpc_method_handler(self._same)

    async def _same(self, request: bytes, _: object) -> bytes:
        return request

    async def _last(self, requests: AsyncIterator[bytes], _: object) -> bytes:
        return [request async for request in requests][-1]

    async def _twice(self, request: bytes, _: object) -> AsyncIterator[bytes]:
        yield request
        yield request

    async def _each(self, requests: AsyncIterator[bytes], _: object) -> AsyncIterator[bytes]:
        async for request in requests:
            yield request


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
async def channel(echo: Echo) -> AsyncIterator[grpc.aio.Channel]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((echo,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(None)


async def each(*messages: Message) -> AsyncIterator[Any]:
    for message in messages:
        yield message


async def test_the_client_has_all_four_shapes(load: Load, echo: Echo, channel: grpc.aio.Channel) -> None:
    messages = load("streaming-actions", "stream_pb2")
    client = load("streaming-actions", "").StreamClient(channel)
    one, two = messages.In(text="one"), messages.In(text="two")
    assert (await client.unary(one)).text == "one"
    assert echo.path == "/stream.Stream/Unary"
    assert (await client.streamed_in(each(one, two))).text == "two"
    assert [out.text async for out in client.streamed_out(one)] == ["one", "one"]
    assert [out.text async for out in client.streamed(each(one, two))] == ["one", "two"]


async def test_actions_get_the_callers_metadata_and_nothing_else(
    load: Load, echo: Echo, channel: grpc.aio.Channel
) -> None:
    messages = load("streaming-actions", "stream_pb2")
    client = load("streaming-actions", "").StreamClient(channel)
    await client.unary(messages.In(), metadata=[("x-own", "1")], timeout=5)
    assert echo.metadata.keys() - {"user-agent"} == {"x-own"}


async def test_commands_of_entities_carry_an_id_and_their_shard(
    load: Load, echo: Echo, channel: grpc.aio.Channel
) -> None:
    messages = load("composite-key", "keys_pb2")
    client = load("composite-key", "").KeysClient(channel)
    await client.get(messages.Key(region="eu", number=7))
    first = echo.metadata["ce-id"]
    assert echo.metadata["x-cloudstate-shard"] == str(shard_of("eu-7", 256))
    await client.get(messages.Key(region="eu", number=7))
    assert echo.metadata["ce-id"] != first


async def test_a_given_id_stays(load: Load, echo: Echo, channel: grpc.aio.Channel) -> None:
    messages = load("composite-key", "keys_pb2")
    client = load("composite-key", "").KeysClient(channel)
    await client.get(messages.Key(region="eu"), metadata=(("ce-id", "mine"), ("x-cloudstate-shard", "7")))
    assert echo.metadata["ce-id"] == "mine"
    assert echo.metadata["x-cloudstate-shard"] == "7"


@pytest.mark.parametrize("key", ["user:1/2", "Grüße", " a\n", "a-b", "a\\b", "100%", ""])
async def test_the_shard_of_any_key(load: Load, echo: Echo, channel: grpc.aio.Channel, key: str) -> None:
    messages = load("keyword-names", "words_pb2")
    client = load("keyword-names", "").ClassClient(channel)
    await client.import_(messages.Call(**{"from": key, "self": "x", "class": 1}))
    assert echo.path == "/words.Class/Import"
    assert echo.metadata["x-cloudstate-shard"] == str(shard_of(key, 256))


@pytest.mark.parametrize("region", ["eu", "eu-1", "e\\u", ""])
async def test_the_shard_of_several_fields(load: Load, echo: Echo, channel: grpc.aio.Channel, region: str) -> None:
    messages = load("composite-key", "keys_pb2")
    request = messages.Key(region=region, number=-7)
    await load("composite-key", "").KeysClient(channel).get(request)
    entity_id = key_reader(messages.Key, ("region", "number"))(request)
    assert echo.metadata["x-cloudstate-shard"] == str(shard_of(entity_id, 256))


async def test_the_number_of_shards_is_that_of_the_spec(
    load: Load, echo: Echo, channel: grpc.aio.Channel, services: dict[str, Service]
) -> None:
    assert services["sidecar-jetstream"].shards == 64
    messages = load("sidecar-jetstream", "sidecar_jetstream_pb2")
    for number in range(8):
        await load("sidecar-jetstream", "").SmallClient(channel).get(messages.Key(id=f"user-{number}"))
        assert echo.metadata["x-cloudstate-shard"] == str(shard_of(f"user-{number}", 64))


def implement(abstract: type[Any], answer: Callable[..., object]) -> type[Any]:
    """A class that has every method that ``abstract`` asks for."""
    return type("Implementation", (abstract,), dict.fromkeys(abstract.__abstractmethods__, answer))


def test_a_class_with_all_handlers_can_be_made_and_no_other(load: Load) -> None:
    abstract = load("keyword-names", "").ClassEntity
    with pytest.raises(TypeError, match="abstract"):
        abstract()
    assert implement(abstract, lambda *_: None)()


def test_the_definition_names_the_handlers(case: str, load: Load, services: dict[str, Service]) -> None:
    package = load(case, "")
    abstracts = [value for name, value in vars(package).items() if name.endswith(("Entity", "Action"))]
    assert len(abstracts) == len(services[case].entities)
    for abstract in abstracts:
        definition = abstract.definition
        handlers = [*definition.commands, *getattr(definition, "events", ())]
        handlers += [upcaster for upcaster in getattr(definition, "upcasters", ()) if upcaster.method]
        assert {handler.method for handler in handlers} == abstract.__abstractmethods__
        assert len({handler.method for handler in handlers}) == len(handlers)


def test_bases_are_those_of_the_authoring_surface_even_where_names_clash(load: Load) -> None:
    assert issubclass(load("clashing-names", "").ValueEntity, ValueEntity)
    assert issubclass(load("streaming-actions", "").StreamAction, Action)


def test_calls_name_their_command(load: Load) -> None:
    message = load("composite-key", "keys_pb2").Key(region="eu")
    call = load("composite-key", "").KeysCalls.get(message)
    assert call == Call("keys.Keys", "Get", message)


def test_only_unary_commands_have_a_call(load: Load) -> None:
    calls = load("streaming-actions", "").StreamCalls
    assert [name for name in vars(calls) if not name.startswith("_")] == ["unary"]


def test_docstrings_show_the_comment(load: Load) -> None:
    entity = load("comments", "").CommentsEntity
    assert entity.__doc__.startswith('"Quoted" at the start,\n')
    assert entity.quoted.__doc__ == '"Quoted"'
    assert entity.escapes.__doc__ == 'A """triple""" quote, a back\\slash, C:\\new\\x41, and a trailing one: \\'
    assert entity.only_quotes.__doc__ == '"""'
    assert entity.unicode.__doc__.endswith("a zero\u200bwidth space.")


def test_a_package_has_nothing_that_was_not_generated(load: Load) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Missing'"):
        _ = load("composite-key", "").Missing
