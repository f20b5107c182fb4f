"""One trace from the client to the function to the journal, as an OpenTelemetry collector gets it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as otlp
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.processes import ROOT, cart, function, proxy, server

sys.path.insert(0, str(ROOT / "generated" / "shopping-cart"))

TRACE, CLIENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{CLIENT}-01"
CART = "com.example.shoppingcart.ShoppingCart"
CONVERTER, COUNTER = "com.example.conversion.Converter", "com.example.counting.Counter"
ROOM = "com.example.chat.Room"
PATIENCE = 30.0


class Collector:
    """Takes spans, as ``opentelemetry.proto.collector.trace.v1.TraceService``."""

    def __init__(self) -> None:
        self.spans: dict[str, Span] = {}
        self._news = threading.Condition()

    def export(self, request: otlp.ExportTraceServiceRequest, context: Any) -> otlp.ExportTraceServiceResponse:
        with self._news:
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    self.spans |= {span.name: span for span in scope.spans}
            self._news.notify_all()
        return otlp.ExportTraceServiceResponse()

    def until(self, condition: Callable[[], bool]) -> None:
        with self._news:
            assert self._news.wait_for(condition, PATIENCE), sorted(self.spans)


@pytest.fixture
def collector() -> Iterator[tuple[Collector, str]]:
    made = Collector()
    listening = grpc.server(ThreadPoolExecutor(2))
    handler = grpc.unary_unary_rpc_method_handler(
        made.export,
        request_deserializer=otlp.ExportTraceServiceRequest.FromString,
        response_serializer=otlp.ExportTraceServiceResponse.SerializeToString,
    )
    service = grpc.method_handlers_generic_handler(
        "opentelemetry.proto.collector.trace.v1.TraceService", {"Export": handler}
    )
    listening.add_generic_rpc_handlers((service,))
    port = listening.add_insecure_port("127.0.0.1:0")
    listening.start()
    yield made, f"127.0.0.1:{port}"
    listening.stop(None)


def run(service: str) -> list[str]:
    """Arguments that serve an example, without anything that lasts."""
    return ["-m", "cloudstate.cli", "run", f"specs/{service}", "--port", "0", "--journal", "memory:"]


def ask(address: str, path: str, body: str) -> int:
    """A call over HTTP, from the client's span; its status."""
    connection = HTTPConnection(address, timeout=PATIENCE)
    try:
        connection.request("POST", path, body, {"content-type": "application/json", "traceparent": PARENT})
        return connection.getresponse().status
    finally:
        connection.close()


def add(address: str) -> None:
    from shoppingcart.shoppingcart_pb2 import AddLineItem

    with grpc.insecure_channel(address) as channel:
        call: Any = channel.unary_unary(f"/{CART}/AddItem")
        item = AddLineItem(user_id="ann", product_id="pen", name="Pen", quantity=1)
        call(item.SerializeToString(), metadata=(("traceparent", PARENT),), timeout=PATIENCE)


def check(spans: dict[str, Span]) -> None:
    """The spans of one command are one trace, each under the one before."""
    path = [spans[name] for name in (f"{CART}/AddItem", "handle AddItem", "append shopping-cart")]
    assert {span.trace_id.hex() for span in path} == {TRACE}
    assert [span.parent_span_id.hex() for span in path] == [CLIENT, *(span.span_id.hex() for span in path[:-1])]
    values = {one.key: one.value for one in path[1].attributes}
    assert values["cloudstate.entity.id"].string_value == "ann"


def complete(spans: dict[str, Span]) -> bool:
    return {f"{CART}/AddItem", "handle AddItem", "append shopping-cart"} <= spans.keys()


def test_embedded(collector: tuple[Collector, str]) -> None:
    made, endpoint = collector
    with server([*cart("memory:"), "--traces", endpoint]) as (_, address):
        add(address)
        made.until(lambda: complete(made.spans))
    check(made.spans)


def test_behind_a_proxy(collector: tuple[Collector, str], monkeypatch: pytest.MonkeyPatch) -> None:
    made, endpoint = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    with (
        server(function("shopping-cart", "--port", "0")) as (_, behind),
        server(proxy(behind)) as (_, address),
    ):
        add(address)
        made.until(lambda: complete(made.spans))
    check(made.spans)


def test_a_collector_that_is_away_disturbs_nobody() -> None:
    with server([*cart("memory:"), "--traces", "127.0.0.1:1"]) as (_, address):
        add(address)
        add(address)


def test_a_forward_and_a_side_effect_go_on_in_the_trace(collector: tuple[Collector, str]) -> None:
    made, endpoint = collector
    command = [*run("converter"), "--traces", endpoint]
    with server(command) as (_, address):
        assert ask(address, f"/{CONVERTER}/ConvertCounted", '{"counterId": "c", "wait": true}') == 200
        assert ask(address, f"/{CONVERTER}/GetCount", '{"counterId": "c"}') == 200
        names = [f"{CONVERTER}/GetCount", f"{COUNTER}/GetTotal", f"{CONVERTER}/ConvertCounted", f"{COUNTER}/Increase"]
        made.until(lambda: {*names, "append counter"} <= made.spans.keys())
    assert {made.spans[name].trace_id.hex() for name in [*names, "append counter"]} == {TRACE}
    for first, then in (names[:2], names[2:]):
        assert made.spans[first].parent_span_id.hex() == CLIENT
        assert made.spans[then].parent_span_id == made.spans[first].span_id


def test_a_crdt_entity(collector: tuple[Collector, str]) -> None:
    made, endpoint = collector
    with server([*run("presence"), "--traces", f"otlp:{endpoint}"]) as (_, address):
        assert ask(address, f"/{ROOM}/Enter", '{"room": "r", "name": "ann"}') == 200
        made.until(lambda: {f"{ROOM}/Enter", "handle Enter", "append room"} <= made.spans.keys())
    path = [made.spans[name] for name in (f"{ROOM}/Enter", "handle Enter", "append room")]
    assert {span.trace_id.hex() for span in path} == {TRACE}
    assert [span.parent_span_id.hex() for span in path] == [CLIENT, *(span.span_id.hex() for span in path[:-1])]


def test_a_stream_that_fails_is_one_span(collector: tuple[Collector, str]) -> None:
    made, endpoint = collector
    with server([*run("converter"), "--traces", endpoint]) as (process, address):
        with grpc.insecure_channel(address) as channel:
            call: Any = channel.stream_unary(f"/{CONVERTER}/ConvertMean")
            with pytest.raises(grpc.RpcError):
                call(iter(()), timeout=PATIENCE)
        name = f"{CONVERTER}/ConvertMean"
        made.until(lambda: name in made.spans)
        assert made.spans[name].status.code == Status.STATUS_CODE_ERROR
        process.terminate()
        assert process.stdout is not None
        assert "ended span" not in process.stdout.read()
