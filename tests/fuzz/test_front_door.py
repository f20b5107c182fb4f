"""Any bytes in the front doors of real services: each call gets an answer in time, and nothing inside breaks.

An answer is a reply or a status that blames the caller; INTERNAL and UNKNOWN would mean that something of ours raised.
The processes log errors only, and at the end they have logged none.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given
from hypothesis import strategies as st
from tests.processes import ROOT, server

from cloudstate.runtime.description import ServiceDescription, load

#: Seconds in which a call has to be answered.
PATIENCE = 10.0
SERVICES = ("shopping-cart", "wallet", "converter", "presence")


@dataclass(frozen=True)
class Target:
    """A running service."""

    description: ServiceDescription
    process: subprocess.Popen[str]
    port: int
    channel: grpc.Channel


@dataclass(frozen=True)
class Rpc:
    """One method of a service."""

    service: str
    path: str
    input: type[Message]
    client_streaming: bool
    server_streaming: bool


def rpcs(name: str) -> list[Rpc]:
    """Every method of an example service."""
    description = load(ROOT / "generated" / name)
    return [
        Rpc(
            name,
            f"/{entity.service}/{command.name}",
            GetMessageClass(description.schema.message(command.input)),
            command.client_streaming,
            command.server_streaming,
        )
        for entity in description.entities
        for command in entity.commands
    ]


RPCS = [rpc for name in SERVICES for rpc in rpcs(name)]


@pytest.fixture(scope="module")
def targets() -> Iterator[dict[str, Target]]:
    with ExitStack() as stack:
        made = {}
        for name in SERVICES:
            arguments = ["-m", "cloudstate.cli", "run", f"specs/{name}", "--port", "0", "--journal", "memory:"]
            process, address = stack.enter_context(server([*arguments, "--log-level", "ERROR"]))
            channel = stack.enter_context(grpc.insecure_channel(address))
            made[name] = Target(load(ROOT / "generated" / name), process, int(address.rpartition(":")[2]), channel)
        yield made
        for target in made.values():
            assert target.process.poll() is None
            target.process.terminate()
            assert target.process.stdout is not None
            logged = target.process.stdout.read()
            assert not logged, logged


def values(message: type[Message]) -> st.SearchStrategy[bytes]:
    """Encoded messages of a type with any values in their plain fields, some of them damaged."""
    plain: dict[str, st.SearchStrategy[Any]] = {}
    kinds = {1: st.floats(width=32), 2: st.floats(width=32), 9: st.text(max_size=20), 12: st.binary(max_size=20)}
    for field in message.DESCRIPTOR.fields:
        if not field.is_repeated and field.message_type is None and field.enum_type is None:
            small = st.integers(0, 2**31 - 1) if field.type != 8 else st.booleans()
            plain[field.name] = kinds.get(field.type, small)
    good = st.fixed_dictionaries({}, optional=plain).map(lambda chosen: message(**chosen).SerializeToString())
    return st.one_of(good, st.binary(max_size=60), st.tuples(good, st.binary(max_size=5)).map(b"".join))


@pytest.mark.parametrize("rpc", RPCS, ids=lambda rpc: rpc.path)
@given(data=st.data())
def test_any_payload(targets: dict[str, Target], rpc: Rpc, data: st.DataObject) -> None:
    payloads = data.draw(st.lists(values(rpc.input), max_size=3) if rpc.client_streaming else values(rpc.input))
    channel = targets[rpc.service].channel
    code = _call(channel, rpc, payloads)
    assert code not in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DEADLINE_EXCEEDED), code


def _call(channel: grpc.Channel, rpc: Rpc, payloads: Any) -> grpc.StatusCode:
    """Call, take at most three replies, and go."""
    outgoing = iter(payloads) if rpc.client_streaming else payloads
    shape = f"{'stream' if rpc.client_streaming else 'unary'}_{'stream' if rpc.server_streaming else 'unary'}"
    try:
        call = getattr(channel, shape)(rpc.path)(outgoing, timeout=PATIENCE)
        if rpc.server_streaming:
            for _ in zip(range(3), call, strict=False):
                if rpc.service == "presence":  # these go on for as long as somebody listens
                    break
            call.cancel()
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    return grpc.StatusCode.OK


PATHS = st.one_of(
    st.sampled_from(["/carts/eve", "/carts/eve/items/add", "/wallets/w/deposit", "/wallets/w", "/", "/healthz"]),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40).map(lambda text: "/" + text),
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=10), inner, max_size=3)),
)
BODIES = st.one_of(
    st.binary(max_size=60),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(st.sampled_from(["cents", "walletId", "userId", "productId", "quantity"]), JSON, max_size=3).map(
        lambda value: json.dumps(value).encode()
    ),
)


@given(
    name=st.sampled_from(SERVICES),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]),
    path=PATHS,
    query=st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), max_size=20),
    body=BODIES,
    kind=st.sampled_from(["application/json", "text/plain", "application/grpc", "application/grpc-web+proto", ""]),
    key=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=10),
)
def test_any_http_request(
    targets: dict[str, Target], name: str, method: str, path: str, query: str, body: bytes, kind: str, key: str
) -> None:
    connection = HTTPConnection("127.0.0.1", targets[name].port, timeout=PATIENCE)
    try:
        connection.request(method, f"{path}?{query}", body, {"content-type": kind, "idempotency-key": key})
        response = connection.getresponse()
        response.read()
    except (HTTPException, ConnectionError):
        return  # closed: what came was not HTTP
    finally:
        connection.close()
    assert response.status < 500 or response.status == 501, (response.status, response.reason)


@pytest.mark.parametrize(
    "rpc", [it for it in RPCS if not it.client_streaming and not it.server_streaming], ids=lambda it: it.path
)
@given(data=st.data())
def test_any_json_of_the_right_type(targets: dict[str, Target], rpc: Rpc, data: st.DataObject) -> None:
    """What the JSON of a message says reaches its command, or is refused."""
    payload = data.draw(values(rpc.input))
    try:
        message = rpc.input.FromString(payload)
        body = json_format.MessageToJson(message)
    except Exception:
        return  # not a message: the other tests have those
    connection = HTTPConnection("127.0.0.1", targets[rpc.service].port, timeout=PATIENCE)
    try:
        connection.request("POST", rpc.path, body.encode(), {"content-type": "application/json"})
        status = connection.getresponse().status
    finally:
        connection.close()
    assert status < 500
