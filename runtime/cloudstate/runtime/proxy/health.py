"""grpc.health.v1.Health: whether the runtime, or one of its services, takes calls."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.transport import CallFailed, Method, Status, StreamCall, StreamMethod, UnaryCall, UnaryMethod

SERVICE = "grpc.health.v1.Health"

_messages: Any = health_pb2  # its stubs are older than List
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
_MALFORMED = Status(StatusCode.INVALID_ARGUMENT, "the request is not a HealthCheckRequest")


class Health:
    """The health of the whole (the service ``""``) and of each service: serving, until ``draining`` is set."""

    def __init__(self, services: Iterable[str]) -> None:
        self._services = frozenset(services) | {""}
        self._draining = False
        self._changed = asyncio.Event()

    @property
    def draining(self) -> bool:
        """True: everything reports NOT_SERVING, so that load balancers send new calls elsewhere."""
        return self._draining

    @draining.setter
    def draining(self, value: bool) -> None:
        if value == self._draining:
            return
        self._draining = value
        # Watchers hold on to the event that they wait for: waking it and putting a new one in its place misses nobody.
        self._changed.set()
        self._changed = asyncio.Event()

    def methods(self) -> dict[str, Method]:
        """The gRPC methods by path."""
        return {
            f"/{SERVICE}/Check": UnaryMethod(self._check),
            f"/{SERVICE}/List": UnaryMethod(self._list),
            f"/{SERVICE}/Watch": StreamMethod(self._watch),
        }

    def _status(self, service: str) -> int:
        if service not in self._services:
            return int(_SERVICE_UNKNOWN)
        return int(_NOT_SERVING if self._draining else _SERVING)

    def _check(self, call: UnaryCall, payload: bytes) -> None:
        status = self._status(_service(payload))
        if status == _SERVICE_UNKNOWN:
            call.fail(Status(StatusCode.NOT_FOUND, "no service of that name is served here"))
        else:
            call.reply(_response(status))

    def _list(self, call: UnaryCall, payload: bytes) -> None:
        response = _messages.HealthListResponse()
        for service in self._services:
            response.statuses[service].status = self._status(service)
        call.reply(response.SerializeToString())

    async def _watch(self, call: StreamCall) -> None:
        payload = await anext(call, None)
        if payload is None:
            raise CallFailed(_MALFORMED)
        service = _service(payload)
        while True:
            changed = self._changed
            await call.send(_response(self._status(service)))
            if self._draining:
                return  # an open stream would hold the shutdown up
            await changed.wait()


def _service(payload: bytes) -> str:
    try:
        return str(health_pb2.HealthCheckRequest.FromString(payload).service)
    except DecodeError:
        raise CallFailed(_MALFORMED) from None


def _response(status: int) -> bytes:
    encoded: bytes = _messages.HealthCheckResponse(status=status).SerializeToString()
    return encoded
