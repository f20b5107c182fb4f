"""The port for those who look after a runtime: metrics, aliveness, readiness (protocol.md 2.12, 2.15), draining."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from urllib.parse import parse_qs

from cloudstate.runtime.metrics import CONTENT_TYPE, Metrics, render
from cloudstate.runtime.transport import HttpExchange, Server

_TEXT = (("content-type", "text/plain; charset=utf-8"),)


class Management:
    """Serves ``/metrics`` (and ``/``), ``/ready``, ``/alive`` and ``/drain``.

    Args:
        metrics: what to show, asked at each scrape.
        is_ready: whether calls are served.
        drain: gives what this process owns to others. It goes on serving calls. Can be asked for only where the port
            is on a loopback address: there is no login.
    """

    def __init__(
        self, metrics: Callable[[], Metrics], is_ready: Callable[[], bool], drain: Callable[[], Awaitable[None]]
    ) -> None:
        self._metrics = metrics
        self._is_ready = is_ready
        self._drain = drain
        self._draining: asyncio.Future[None] | None = None
        self._is_local = False
        self._server = Server(lambda path: None, self._answer)

    async def listen(self, host: str, port: int) -> int:
        """Serve; gives the port.

        Raises:
            OSError: the address cannot be bound.
        """
        self._is_local = host == "localhost" or _is_loopback(host)
        return await self._server.listen(host, port)

    async def close(self) -> None:
        """Stop."""
        if self._draining is not None:
            self._draining.cancel()
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
            case "/drain" if not self._is_local:
                exchange.respond(403, _TEXT, b"this port can be reached from elsewhere: send SIGTERM to drain\n")
            case "/drain" if exchange.request.method == "POST":
                self._drained(exchange)
            case "/drain":
                exchange.respond(405, (*_TEXT, ("allow", "POST")), b"draining changes something: use POST\n")
            case path:
                exchange.respond(
                    404, _TEXT, f"nothing is at {path}; there are /metrics, /ready, /alive and /drain\n".encode()
                )

    def _drained(self, exchange: HttpExchange) -> None:
        """Answer when it is done; asked again meanwhile, it is the same draining."""
        if self._draining is None:
            self._draining = asyncio.ensure_future(self._drain())

        def done(drained: asyncio.Future[None]) -> None:
            if drained.cancelled() or drained.exception() is not None:
                exchange.respond(500, _TEXT, b"draining failed; the log says why\n")
            else:
                exchange.respond(200, _TEXT, b"drained\n")

        self._draining.add_done_callback(done)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name
        return False
