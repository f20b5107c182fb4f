"""The compatibility kit's proxy cases, with our models behind our proxy: role (c) of the suite (protocol.md 6.4).

What the proxy says to the function is pinned in ``test_proxy_*``; here the results that clients get are.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from http.client import HTTPConnection
from typing import Any

import pytest
from tests.conformance.protocol.case import Ask, Call
from tests.conformance.protocol.models import ACTIONS, ENTITIES
from tests.conformance.protocol.scripted import PATIENCE, Proxied, proxied
from tests.processes import ROOT

from cloudstate.runtime.app.loading import load_functions
from cloudstate.runtime.compat import NONE, REFERENCE, Compat
from cloudstate.runtime.description import load
from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.journal import EntityKey
from cloudstate.runtime.support import UserFunction
from cloudstate.runtime.support.function import entity_spec
from cloudstate.runtime.transport import CallFailed, Status
from tck import action_pb2 as act
from tck import eventsourced_pb2 as es
from tck import valueentity_pb2 as ve

ES = "/cloudstate.tck.model."
VE = "/cloudstate.tck.model.valueentity."
ACTION = "/cloudstate.tck.model.action.ActionTckModel/"


@pytest.fixture(params=[REFERENCE, NONE], ids=["reference", "ours"])
async def stack(request: pytest.FixtureRequest) -> AsyncIterator[Proxied]:
    compat: Compat = request.param
    generated, code = ROOT / "generated" / "tck", ROOT / "specs" / "tck"
    description = load(generated)
    functions = load_functions(description, generated, code)
    function = UserFunction(description, functions.entities, functions.actions)
    async with proxied(entity_spec(description), compat=compat, real=function.methods) as made:
        yield made


async def event_sourced(stack: Proxied, *steps: str, service: str = "EventSourcedTckModel/Process") -> str:
    request = ENTITIES["event-sourced"].request(Ask(ask=steps, reply=""), "x")
    return es.Response.FromString(await stack.call(ES + service, request)).message


async def value(stack: Proxied, *steps: str, service: str = "ValueEntityTckModel/Process") -> str:
    request = ENTITIES["value"].request(Ask(ask=steps, reply=""), "x")
    return ve.Response.FromString(await stack.call(VE + service, request)).message


async def refused(call: Any) -> Status:
    with pytest.raises(CallFailed) as failed:
        await call
    return failed.value.status_value


async def test_ep1_state_changes(stack: Proxied) -> None:
    assert await event_sourced(stack) == ""
    assert await event_sourced(stack, "emit A") == "A"
    assert await event_sourced(stack, "emit B", "emit C", "emit D") == "ABCD"
    assert await event_sourced(stack, "emit E") == "ABCDE"
    assert await event_sourced(stack, "emit F", "emit G", "emit H", "emit I") == "ABCDEFGHI"
    assert await event_sourced(stack, "emit J", "emit K") == "ABCDEFGHIJK"
    history = await stack.journal.load(EntityKey("event-sourced-tck-model", "x"))
    assert (history.sequence, history.snapshot and history.snapshot.sequence) == (11, 11)


async def test_ep2_forwards_and_effects(stack: Proxied) -> None:
    assert await event_sourced(stack, "emit A", "forward other") == ""
    assert await event_sourced(stack, "effect one", "sync two") == "A"


async def test_ep3_failures(stack: Proxied) -> None:
    assert await event_sourced(stack, "emit 1", "emit 2", "emit 3") == "123"
    for steps in (("fail no",), ("emit 4", "fail no", "emit 5")):
        assert (await refused(event_sourced(stack, *steps))).message == "no"
        assert await event_sourced(stack) == "123"
    assert await event_sourced(stack, "emit 4", "emit 5") == "12345"


async def test_vp1_state_changes(stack: Proxied) -> None:
    for steps, result in [
        ((), ""),
        (("update one",), "one"),
        (("update two",), "two"),
        ((), "two"),
        (("delete",), ""),
        ((), ""),
        (("update foo",), "foo"),
        (("delete",), ""),
    ]:
        assert await value(stack, *steps) == result


async def test_vp2_forwards_and_effects(stack: Proxied) -> None:
    assert await value(stack, "update A", "forward other") == ""
    assert await value(stack, "effect one", "sync two") == "A"


async def test_vp3_failures(stack: Proxied) -> None:
    assert await value(stack, "update A") == "A"
    assert (await refused(value(stack, "update B", "fail no"))).message == "no"
    assert await value(stack) == "A"


async def action(stack: Proxied, method: str, *requests: Any) -> list[str]:
    """What a client gets from a call of any shape."""
    call = stack.client.stream(ACTION + method, timeout=PATIENCE)
    for request in ACTIONS.requests(Call(call="unary", requests=requests, responses=())):
        await call.send(request.SerializeToString())
    await call.end()
    return [act.Response.FromString(data).message async for data in call]


async def test_ap1_to_ap4_the_four_shapes(stack: Proxied) -> None:
    assert await action(stack, "ProcessUnary", [["reply one"]]) == ["one"]
    assert await action(stack, "ProcessStreamedIn", [["reply two"]]) == ["two"]
    assert await action(stack, "ProcessStreamedOut", [["reply A"], ["reply B"], ["reply C"]]) == ["A", "B", "C"]
    assert await action(stack, "ProcessStreamed", [["reply X"]], [["reply Y"]], [["reply Z"]]) == ["X", "Y", "Z"]


async def test_ap5_and_ap6_forwards_and_effects(stack: Proxied) -> None:
    assert await action(stack, "ProcessUnary", [["forward other"]]) == [""]
    assert await action(stack, "ProcessUnary", [["reply one", "effect other"]]) == ["one"]
    assert await action(stack, "ProcessStreamed", [["forward other"]], [["sync other"]]) == [""]


async def test_ap7_and_ap8_failures(stack: Proxied) -> None:
    assert (await refused(action(stack, "ProcessUnary", [["fail boom"]]))).message == "boom"
    assert (await refused(action(stack, "ProcessStreamed", [["reply one"]], [["fail boom"]]))).message == "boom"


def http(port: int, path: str, body: Any) -> tuple[int, str, str]:
    """Status, content type and text of a POST."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
        response = connection.getresponse()
        return response.status, response.getheader("content-type") or "", response.read().decode()
    finally:
        connection.close()


JSON = "application/json"


async def test_ep4_vp4_and_ap9_over_http(stack: Proxied) -> None:
    async def post(path: str, body: Any) -> tuple[int, str, str]:
        return await asyncio.to_thread(http, stack.port, path, body)

    boom = (500, "text/plain; charset=utf-8", "boom")
    if stack.compat.http_status:
        boom = (500, JSON, '{"code":"UNKNOWN","message":"boom"}')
    for path, step in (
        ("/tck/model/eventsourced/h", {"emit": {"value": "x"}}),
        ("/tck/model/entity/h", {"update": {"value": "x"}}),
    ):
        assert await post(path, {"actions": [step]}) == (200, JSON, '{"message":"x"}')
        assert await post(path, {"actions": [{"fail": {"message": "boom"}}]}) == boom
        assert await post(path, {}) == (200, JSON, '{"message":"x"}')
    for two in (ES + "EventSourcedTwo/Call", VE + "ValueEntityTwo/Call"):
        assert await post(two, {"id": "h"}) == (200, JSON, '{"message":""}')
    unary = "/tck/model/action/unary"
    assert await post(unary, {"groups": [{"steps": [{"reply": {"message": "foo"}}]}]}) == (
        200,
        JSON,
        '{"message":"foo"}',
    )
    refusal = await post(unary, {"groups": [{"steps": [{"fail": {"message": "boom"}}]}]})
    assert refusal == boom


async def test_a_refusal_has_the_status_that_others_give_it(stack: Proxied) -> None:
    # The stack's proxy has not introduced itself as one of ours, so the function says no status.
    assert await refused(event_sourced(stack, "fail no")) == Status(StatusCode.UNKNOWN, "no")
