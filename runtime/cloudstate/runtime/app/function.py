"""The function process: a compiled service's code, served to a proxy that keeps its state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cloudstate.runtime.app import process
from cloudstate.runtime.app.loading import load_functions
from cloudstate.runtime.description import load
from cloudstate.runtime.support import FUNCTION_LIMITS, UserFunction
from cloudstate.runtime.transport import HttpExchange, Server


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """Which service's code is served, and where.

    Attributes:
        generated: the compiled service's directory (with service.json).
        code: the directory of the spec, where the author's modules are.
        host, port: where to listen; port 0 picks a free one.
        unix: the path of a socket to listen on instead.
        grace: seconds that calls in progress get at shutdown.
    """

    generated: Path
    code: Path
    host: str = "127.0.0.1"
    port: int = 8080
    unix: str | None = None
    grace: float = 10.0


def run_function(settings: FunctionSettings, ready: Callable[[str], None] = lambda address: None) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        ready: called with ``host:port`` or ``unix:PATH`` once connections are accepted.

    Raises:
        ServiceInvalid: the compiled service or the author's code does not fit.
        OSError: the address cannot be bound.
    """
    process.run(_serve(settings, ready))


async def _serve(settings: FunctionSettings, ready: Callable[[str], None]) -> None:
    description = load(settings.generated)
    functions = load_functions(description, settings.generated, settings.code)
    function = UserFunction(description, functions.entities, functions.actions, functions.crdts)
    process.collect_rarely()
    server = Server(function.methods, _not_here, FUNCTION_LIMITS)
    host = f"unix:{settings.unix}" if settings.unix else settings.host
    await process.serve_until_stopped(server, _Calls(function), host, settings.port, settings.grace, ready)


class _Calls:
    """Calls are all that is in progress, and the server waits for those itself."""

    def __init__(self, function: UserFunction) -> None:
        self.leave = function.leave

    async def hand_over(self, limit: float) -> None:
        """See ``Serving.hand_over``."""

    async def drain(self) -> None:
        """See ``Serving.drain``."""


def _not_here(exchange: HttpExchange) -> None:
    text = b"this is a CloudState user function: it speaks gRPC to a proxy\n"
    exchange.respond(404, (("content-type", "text/plain; charset=utf-8"),), text)
