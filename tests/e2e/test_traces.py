"""One trace from the client to the function to the journal, as an OpenTelemetry collector gets it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as otlp
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.processes import ROOT, cart, function, proxy, server

sys.path.insert(0, str(ROOT / "generated" / "shopping-cart"))

TRACE, CLIENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CART = "com.example.shoppingcart.ShoppingCart"
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


def add(address: str) -> None:
    from shoppingcart.shoppingcart_pb2 import AddLineItem

    with grpc.insecure_channel(address) as channel:
        call: Any = channel.unary_unary(f"/{CART}/AddItem")
        item = AddLineItem(user_id="ann", product_id="pen", name="Pen", quantity=1)
        call(item.SerializeToString(), metadata=(("traceparent", f"00-{TRACE}-{CLIENT}-01"),), timeout=PATIENCE)


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
