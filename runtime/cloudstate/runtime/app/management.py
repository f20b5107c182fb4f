"""The port for those who look after a runtime: metrics, and whether it is alive and ready (protocol.md 2.12, 2.15)."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs

from cloudstate.runtime.metrics import CONTENT_TYPE, Metrics, render
from cloudstate.runtime.transport import HttpExchange, Server

_TEXT = (("content-type", "text/plain; charset=utf-8"),)


class Management:
    """Serves ``/metrics`` (and ``/``), ``/ready`` and ``/alive``.

    Args:
        metrics: what to show, asked at each scrape.
        is_ready: whether calls are served.
    """

    def __init__(self, metrics: Callable[[], Metrics], is_ready: Callable[[], bool]) -> None:
        self._metrics = metrics
        self._is_ready = is_ready
        self._server = Server(lambda path: None, self._answer)

    async def listen(self, host: str, port: int) -> int:
        """Serve; gives the port.

        Raises:
            OSError: the address cannot be bound.
        """
        return await self._server.listen(host, port)

    async def close(self) -> None:
        """Stop."""
        await self._server.drain(0.1)

    def _answer(self, exchange: HttpExchange) -> None:
        match exchange.request.path:
            case "/metrics" | "/":
                names = parse_qs(exchange.request.query).get("name[]", [])
                text = render(self._metrics(), names)
                exchange.respond(200, (("content-type", CONTENT_TYPE),), text.encode())
            case "/alive":
                exchange.respond(200, _TEXT, b"OK\n")
            case "/ready" if self._is_ready():
                exchange.respond(200, _TEXT, b"OK\n")
            case "/ready":
                exchange.respond(503, _TEXT, b"not ready\n")
            case path:
                exchange.respond(404, _TEXT, f"nothing is at {path}; there are /metrics, /ready and /alive\n".encode())
