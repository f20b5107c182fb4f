"""All figures of docs/performance.md, measured in one run on this machine: ``python -m tests.bench [--json FILE]``."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from google.protobuf.empty_pb2 import Empty
from tests.bench import grpc_echo
from tests.bench.http_load import run_http_load
from tests.bench.load import Figures, run_load
from tests.processes import ROOT, cart, function, proxy, server
from tests.servers.nats import nats, url
from tests.servers.postgresql import postgresql

sys.path.insert(0, str(ROOT / "generated" / "shopping-cart"))

CARTS = 1000
CONNECTIONS = 8
IN_FLIGHT = 8
SERVICE = "/com.example.shoppingcart.ShoppingCart/"


def echo(calls: int) -> Figures:
    """The yardstick of the same run."""
    with server(["-m", "tests.bench.grpc_echo"]) as (_, address):
        payload = _add_item(0)

        def check(number: int, reply: bytes) -> bool:
            return reply == payload

        return _load(address, grpc_echo.PATH, lambda number: payload, check, calls)


def carts(calls: int, gets: int, directory: str) -> tuple[Figures, Figures, Figures]:
    """Durable AddItem, then GetCart over gRPC and over HTTP/JSON; all carts are counted afterwards."""
    with server(cart(f"sqlite:{directory}/bench.db")) as (_, address):
        sent = Counter(number % CARTS for number in range(calls + 2000))
        empty = Empty().SerializeToString()
        _load(address, SERVICE + "AddItem", lambda n: _add_item(calls + n), lambda n, reply: reply == empty, 2000)
        added = _load(address, SERVICE + "AddItem", _add_item, lambda n, reply: reply == empty, calls)
        read = _load(
            address, SERVICE + "GetCart", _get_cart, lambda n, reply: _quantity(reply) == sent[n % CARTS], gets
        )
        host, _, port = address.rpartition(":")

        def body_is_right(number: int, body: bytes) -> bool:
            quantity: int = sum(item["quantity"] for item in json.loads(body)["items"])
            return quantity == sent[number % CARTS]

        http = asyncio.run(
            run_http_load(host, int(port), _http_get, body_is_right, calls=gets, connections=CONNECTIONS * IN_FLIGHT)
        )
        return added, read, http


def sidecar(calls: int, directory: str) -> Figures:
    """Durable AddItem, with the cart's code in a process of its own, behind a unix socket."""
    empty = Empty().SerializeToString()
    code = function("shopping-cart", "--unix", f"{directory}/function.sock")
    with (
        server(code) as (_, where),
        server(proxy(where, "--journal", f"sqlite:{directory}/sidecar.db")) as (_, address),
    ):
        _load(address, SERVICE + "AddItem", lambda n: _add_item(calls + n), lambda n, reply: reply == empty, 2000)
        return _load(address, SERVICE + "AddItem", _add_item, lambda n, reply: reply == empty, calls)


def in_postgresql(calls: int) -> Figures:
    """Durable AddItem, embedded, with the journal in a PostgreSQL of this machine (fsync on)."""
    empty = Empty().SerializeToString()
    with postgresql() as database, server(cart(database.url)) as (_, address):
        _load(address, SERVICE + "AddItem", lambda n: _add_item(calls + n), lambda n, reply: reply == empty, 2000)
        return _load(address, SERVICE + "AddItem", _add_item, lambda n, reply: reply == empty, calls)


def in_jetstream(calls: int) -> Figures:
    """Durable AddItem, embedded, with the journal in a NATS of this machine (one node, files, its usual lazy sync)."""
    empty = Empty().SerializeToString()
    with nats() as servers, server([*cart(url(servers, "BENCH")), "--log-level", "ERROR"]) as (_, address):
        _load(address, SERVICE + "AddItem", lambda n: _add_item(calls + n), lambda n, reply: reply == empty, 2000)
        return _load(address, SERVICE + "AddItem", _add_item, lambda n, reply: reply == empty, calls)


def command_line() -> tuple[float, float]:
    """Median seconds of ``cloudstate --help`` and of compiling the example, as whole processes."""

    def seconds(*arguments: str) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "cloudstate.cli", *arguments], cwd=ROOT, check=True, capture_output=True)
        return time.perf_counter() - started

    help_ = statistics.median(seconds("--help") for _ in range(5))
    compile_ = statistics.median(seconds("compile", "specs/shopping-cart", "--check") for _ in range(5))
    return help_, compile_


def _load(address: str, path: str, payload: Any, check: Any, calls: int) -> Figures:
    load = run_load(address, path, payload, check, calls=calls, connections=CONNECTIONS, in_flight=IN_FLIGHT)
    try:
        import uvloop
    except ImportError:
        return asyncio.run(load)
    return uvloop.run(load)


def _add_item(number: int) -> bytes:
    from shoppingcart.shoppingcart_pb2 import AddLineItem

    item = AddLineItem(user_id=f"user-{number % CARTS}", product_id=f"product-{number % 8}", name="Pen", quantity=1)
    return item.SerializeToString()


def _get_cart(number: int) -> bytes:
    from shoppingcart.shoppingcart_pb2 import GetShoppingCart

    return GetShoppingCart(user_id=f"user-{number % CARTS}").SerializeToString()


def _http_get(number: int) -> bytes:
    return f"GET /carts/user-{number % CARTS} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


def _quantity(reply: bytes) -> int:
    from shoppingcart.shoppingcart_pb2 import Cart

    return sum(item.quantity for item in Cart.FromString(reply).items)


def main() -> int:
    """Measure, print, and say whether the promises of docs/performance.md hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--calls", type=int, default=60_000, help="AddItem calls")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        yardstick = echo(options.calls // 3)
        added, read, http = carts(options.calls, options.calls // 2, directory)
        apart = sidecar(options.calls // 2, directory)
    shared = in_postgresql(options.calls // 2)
    streamed = in_jetstream(options.calls // 2)
    help_, compile_ = command_line()
    load = f"{CONNECTIONS} connections x {IN_FLIGHT} calls in flight, {CARTS} carts"
    print(f"{load}, SQLite, every commit synced (as synchronous=FULL)")
    print(yardstick.row("grpc.aio echo (yardstick)"))
    print(added.row("AddItem, durable, embedded, gRPC"))
    print(apart.row("AddItem, durable, sidecar, gRPC"))
    print(shared.row("AddItem, durable, PostgreSQL, gRPC"))
    print(streamed.row("AddItem, JetStream, gRPC"))
    print(read.row("GetCart, gRPC"))
    print(http.row("GetCart, HTTP/JSON"))
    ratio = added.rate / yardstick.rate
    apart_ratio = apart.rate / yardstick.rate
    shared_ratio = shared.rate / yardstick.rate
    streamed_ratio = streamed.rate / yardstick.rate
    print(f"AddItem is {ratio:.2f} times the yardstick, {apart_ratio:.2f} times as a sidecar")
    print(f"in PostgreSQL it is {shared_ratio:.2f} times, in JetStream {streamed_ratio:.2f} times the yardstick")
    print(f"cloudstate --help {help_:.3f} s, compile of the example {compile_:.3f} s")
    promises = {
        "AddItem >= 2.5 x yardstick": ratio >= 2.5,
        "AddItem >= 18,000/s": added.rate >= 18_000,
        "AddItem p99 < 12 ms": added.percentile(99) < 12,
        "AddItem as a sidecar >= 1.5 x yardstick": apart_ratio >= 1.5,
        "AddItem in PostgreSQL >= 1.5 x yardstick": shared_ratio >= 1.5,
        "AddItem in JetStream >= 1.2 x yardstick": streamed_ratio >= 1.2,
        "HTTP/JSON GetCart >= 6,000/s": http.rate >= 6_000,
        "--help < 0.3 s": help_ < 0.3,
        "compile < 1.5 s": compile_ < 1.5,
    }
    for promise, kept in promises.items():
        print(f"{'kept  ' if kept else 'BROKEN'} {promise}")
    if options.json:
        rates = {"echo": yardstick.rate, "add_item": added.rate, "get_cart": read.rate, "http_get_cart": http.rate}
        rates |= {"sidecar_add_item": apart.rate, "postgresql_add_item": shared.rate}
        rates["jetstream_add_item"] = streamed.rate
        figures = {**rates, "ratio": ratio, "p99_ms": added.percentile(99), "help_s": help_, "compile_s": compile_}
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0 if all(promises.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
