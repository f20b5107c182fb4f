"""The front door: every call that clients make comes in here and leaves as a command for the router.

One port serves all of it (protocol.md section 2.2): gRPC commands, health and reflection by their path; everything that
is not gRPC as HTTP/JSON, then Knative's probe, then 404.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cloudstate.runtime.compat import NONE, Compat
from cloudstate.runtime.description import ServiceDescription
from cloudstate.runtime.host import Router
from cloudstate.runtime.proxy.cors import Cors
from cloudstate.runtime.proxy.grpc_call import stream_method, unary_method
from cloudstate.runtime.proxy.grpc_web import GrpcWeb
from cloudstate.runtime.proxy.health import Health
from cloudstate.runtime.proxy.reflection import Reflection
from cloudstate.runtime.proxy.transcoding import HttpApi
from cloudstate.runtime.proxy.transcoding.failure import (
    RequestRefused,
    write_bare_failure,
    write_failure,
    write_refusal,
)
from cloudstate.runtime.proxy.transcoding.headers import header
from cloudstate.runtime.transport import HttpExchange, Method

_PROBE = "k-network-probe"
_PROBE_ANSWER = "queue"
_TEXT = (("content-type", "text/plain; charset=utf-8"),)


@dataclass(frozen=True, slots=True)
class FrontDoorLimits:
    """Bounds of the front door; those of connections and messages are the transport's.

    Attributes:
        max_message: the largest message of gRPC-Web, in bytes; as large as the transport's of gRPC.
        http_timeout: seconds that an HTTP/JSON call may take to its first reply; gRPC callers bring deadlines along.
    """

    max_message: int = 12 * 1024 * 1024
    http_timeout: float = 60.0


class FrontDoor:
    """What a transport server needs to serve one service: ``Server(door.methods, door.http)``."""

    def __init__(
        self,
        description: ServiceDescription,
        router: Router,
        limits: FrontDoorLimits | None = None,
        compat: Compat = NONE,
        origins: Iterable[str] = (),
    ) -> None:
        """Build all routes.

        Args:
            compat: whom to follow.
            origins: the origins of web pages that may call; ``*`` for all.

        Raises:
            ServiceInvalid: a google.api.http rule of the service is wrong.
        """
        limits = limits or FrontDoorLimits()
        self._health = Health(entity.service for entity in description.entities)
        self._api = HttpApi(
            description, router, limits.http_timeout, write_failure if compat.http_status else write_bare_failure
        )
        self._web = GrpcWeb(description, router, limits.max_message, limits.http_timeout)
        self._cors = Cors(origins) if origins else None
        self._methods = self._health.methods() | Reflection(description).methods() | _commands(description, router)

    def methods(self, path: str) -> Method | None:
        """The gRPC method for ``/package.Service/Method``, or None."""
        return self._methods.get(path)

    def http(self, exchange: HttpExchange) -> None:
        """Answer a request that is not gRPC."""
        if self._cors is not None and self._cors.serve(exchange):
            return
        if self._web.serve(exchange) or self._api.serve(exchange):
            return
        probe = header(exchange.request.headers, _PROBE)
        if probe == _PROBE_ANSWER:
            exchange.respond(200, _TEXT, _PROBE_ANSWER.encode())
        elif probe:
            write_refusal(
                exchange,
                RequestRefused(400, f"header `{_PROBE}` is `{probe}`; the only probe answered is `{_PROBE_ANSWER}`"),
            )
        else:
            path = exchange.request.path
            write_refusal(
                exchange,
                RequestRefused(
                    404, f"nothing is served at `{path}`; every method is at `POST /<package.Service>/<Method>`"
                ),
            )

    @property
    def draining(self) -> bool:
        """True: health reports NOT_SERVING. Calls that still arrive are served; the transport turns them away."""
        return self._health.draining

    @draining.setter
    def draining(self, value: bool) -> None:
        self._health.draining = value


def _commands(description: ServiceDescription, router: Router) -> dict[str, Method]:
    return {
        f"/{entity.service}/{command.name}": (unary_method if command.is_unary else stream_method)(
            entity.service, command.name, router
        )
        for entity in description.entities
        for command in entity.commands
    }
