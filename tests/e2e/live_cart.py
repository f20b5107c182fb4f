"""The shopping cart as a real process that tests are rude to: what it logs, what it holds, whom it serves meanwhile."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import count
from pathlib import Path

import grpc
from tests.processes import ROOT, cart, server

sys.path.insert(0, str(ROOT / "generated" / "shopping-cart"))

ADD = "/com.example.shoppingcart.ShoppingCart/AddItem"
PATIENCE = 20.0  # seconds after which a test gives up waiting


class Log:
    """The lines that the process writes, as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._lines: list[str] = []
        self._news = threading.Condition()
        self._fences = count()
        self._thread = threading.Thread(target=self._read, args=(process,), daemon=True)
        self._thread.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            with self._news:
                self._lines.append(line)
                self._news.notify_all()

    @contextmanager
    def lines(self, port: int) -> Iterator[list[str]]:
        """What is logged while the block runs; a request that marks the end of it goes in after it."""
        with self._news:
            start = len(self._lines)
        found: list[str] = []
        yield found
        fence = f"/fence/{next(self._fences)}/end"
        assert get(port, fence) == 404
        with self._news:
            assert self._news.wait_for(lambda: any(fence in line for line in self._lines[start:]), PATIENCE)
            found += [line for line in self._lines[start:] if "/fence/" not in line]


def get(port: int, path: str) -> int:
    """The status of a well-formed GET."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


class Bystander:
    """A stock gRPC client that puts pens into a cart, one after the other, and sees each of them arrive."""

    def __init__(self, address: str) -> None:
        self.calls = 0
        self.failure: BaseException | None = None
        self._stop = threading.Event()
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._run, args=(address,), daemon=True)
        self._thread.start()

    def _run(self, address: str) -> None:
        from google.protobuf.empty_pb2 import Empty

        from shoppingcart.shoppingcart_pb2 import AddLineItem, Cart, GetShoppingCart

        service = ADD.removesuffix("AddItem")
        try:
            with grpc.insecure_channel(address) as channel:
                add = channel.unary_unary(
                    ADD, request_serializer=AddLineItem.SerializeToString, response_deserializer=Empty.FromString
                )
                read = channel.unary_unary(
                    service + "GetCart",
                    request_serializer=GetShoppingCart.SerializeToString,
                    response_deserializer=Cart.FromString,
                )
                while not self._stop.is_set():
                    add(AddLineItem(user_id="bystander", product_id="pen", name="Pen", quantity=1), timeout=5)
                    [line] = read(GetShoppingCart(user_id="bystander"), timeout=5).items
                    assert line.quantity == self.calls + 1
                    with self._news:
                        self.calls += 1
                        self._news.notify_all()
        except BaseException as failure:
            self.failure = failure

    def check(self) -> None:
        """Every call so far went well, and so does one more."""
        with self._news:
            before = self.calls
            served = self._news.wait_for(lambda: self.calls > before, PATIENCE)
        assert served, self.failure

    def leave(self) -> None:
        """Stop, and fail if anything went wrong."""
        self._stop.set()
        self._thread.join(PATIENCE)
        if self.failure is not None:
            raise self.failure


@dataclass(frozen=True)
class Service:
    """The process under test.

    Attributes:
        resting: bytes that it held before anybody was rude.
    """

    process: subprocess.Popen[str]
    port: int
    log: Log
    bystander: Bystander
    resting: int

    def check(self) -> None:
        """The process lives, answers, and has served the bystander's every call, and one more."""
        self.bystander.check()
        assert get(self.port, "/carts/bystander") == 200
        assert self.process.poll() is None


def memory(process: subprocess.Popen[str], row: str = "VmRSS") -> int:
    """Bytes that a process holds now; with ``VmHWM`` the most that it ever held."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith(row)]
    return int(line.split()[1]) * 1024


@contextmanager
def served(directory: Path) -> Iterator[Service]:
    """The process, with its journal in a directory, and the bystander that it serves."""
    with server(cart(f"sqlite:{directory}/carts.db")) as (process, address):
        port = int(address.rpartition(":")[2])
        get(port, "/carts/bystander")
        resting = memory(process)
        bystander = Bystander(address)
        yield Service(process, port, Log(process), bystander, resting)
        bystander.leave()
