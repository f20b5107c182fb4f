"""Code in one process, its state in another: a user function behind the proxy, killed and restarted."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.processes import ROOT, function, proxy, server

from conversion.conversion_pb2 import Celsius, Fahrenheit
from shoppingcart.shoppingcart_pb2 import Cart, GetShoppingCart

CART = "/com.example.shoppingcart.ShoppingCart/"
CONVERTER = "/com.example.conversion.Converter/"


def ask(address: str, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    """An HTTP call: status and JSON."""
    host, _, port = address.rpartition(":")
    connection = HTTPConnection(host, int(port), timeout=20)
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {} if body is None else {"content-type": "application/json"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def add(address: str, product: str) -> tuple[int, Any]:
    return ask(address, "POST", "/cart/ada/items/add", {"productId": product, "name": product, "quantity": 1})


def products(address: str) -> list[str]:
    """What a stock gRPC client sees in the cart."""
    with grpc.insecure_channel(address) as channel:
        get = channel.unary_unary(
            CART + "GetCart",
            request_serializer=GetShoppingCart.SerializeToString,
            response_deserializer=Cart.FromString,
        )
        return [item.product_id for item in get(GetShoppingCart(user_id="ada"), timeout=20).items]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_cart_survives_the_death_of_its_code(tmp_path: Path) -> None:
    port = str(free_port())
    journal = f"sqlite:{tmp_path}/carts.db"
    with server(function("shopping-cart", "--port", port)) as (code, where):
        with server(proxy(where, "--journal", journal, "--log-level", "WARNING")) as (_, address):
            assert add(address, "pen") == (200, {})
            assert add(address, "ink") == (200, {})
            code.kill()
            code.wait()
            status, failure = add(address, "nib")
            assert (status, failure["code"]) in [(503, "UNAVAILABLE"), (500, "UNKNOWN")]
            with server(function("shopping-cart", "--port", port)):
                answers = iter(lambda: add(address, "paper"), None)
                assert next(answer for answer in answers if answer[0] != 503) == (200, {})
                assert products(address) == ["ink", "paper", "pen"]
                assert ask(address, "POST", "/cart/ada/items/nib/remove")[0] == 404
        # The proxy is gone as well; its journal is not.
        with (
            server(function("shopping-cart", "--port", "0")) as (_, where),
            server(proxy(where, "--journal", journal)) as (_, address),
        ):
            assert products(address) == ["ink", "paper", "pen"]


def test_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "function.sock"
    for _ in range(2):  # the second finds the socket that the first has left
        with server(function("shopping-cart", "--unix", str(path))) as (code, where):
            assert where == f"unix:{path}"
            with server(proxy(where)) as (_, address):
                assert add(address, "pen") == (200, {})
                assert products(address) == ["pen"]
            code.kill()


def test_values_actions_forwards_effects_and_streams() -> None:
    with server(function("wallet", "--port", "0")) as (_, where), server(proxy(where)) as (_, address):
        assert ask(address, "GET", "/wallets/w")[0] == 404
        assert ask(address, "POST", "/wallets/w/deposit", {"cents": "5"})[0] == 200
        assert ask(address, "GET", "/wallets/w")[0] == 200
    with server(function("converter", "--port", "0")) as (_, where), server(proxy(where)) as (_, address):
        body = {"degrees": 100, "wait": True}
        assert ask(address, "POST", "/counters/c/convert", body) == (200, {"degrees": 212.0})
        assert ask(address, "GET", "/counters/c/conversions")[1] == ask(address, "GET", "/counters/c")[1]
        with grpc.insecure_channel(address) as channel:
            each = channel.stream_stream(
                CONVERTER + "ConvertEach",
                request_serializer=Celsius.SerializeToString,
                response_deserializer=Fahrenheit.FromString,
            )
            replies = each((Celsius(degrees=n) for n in (0, 100)), timeout=20)
            assert [reply.degrees for reply in replies] == [32, 212]


def test_a_proxy_may_be_started_first(tmp_path: Path) -> None:
    path = tmp_path / "function.sock"
    arguments = [sys.executable, *proxy(f"unix:{path}")]
    waiting = subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert waiting.stdout is not None
        assert any("does not answer yet" in line for line in waiting.stdout)
        with server(function("shopping-cart", "--unix", str(path))):
            line = next(line for line in waiting.stdout if line.startswith("serving unix:"))
            assert products(line.split()[-1]) == []
    finally:
        waiting.kill()
        waiting.wait()
        if waiting.stdout is not None:
            waiting.stdout.close()


@pytest.mark.parametrize(
    ("user_function", "code", "text"), [("nowhere", 2, "neither host:port nor unix:PATH"), ("a:b", 2, "neither")]
)
def test_a_target_that_is_none(user_function: str, code: int, text: str) -> None:
    done = subprocess.run(
        [sys.executable, *proxy(user_function)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, text in done.stderr, "Traceback" in done.stderr) == (code, True, False), done.stderr


def test_a_function_that_comes_back_with_other_services_is_served_anew(tmp_path: Path) -> None:
    path = f"{tmp_path}/function.sock"
    with (
        server(function("shopping-cart", "--unix", path)) as (first, where),
        server(proxy(where, "--log-level", "WARNING")) as (_, address),
    ):
        assert add(address, "pen") == (200, {})
        first.kill()
        first.wait()
        with server(function("wallet", "--unix", path)):
            # Until it is discovered, nothing takes the path, and that is a 404 of another kind.
            answers = iter(lambda: ask(address, "POST", "/wallets/w/deposit", {"cents": "5"}), None)
            assert next(answer for answer in answers if answer[0] != 404) == (200, {"cents": "5"})
            assert add(address, "pen")[0] == 404
