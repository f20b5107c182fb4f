"""How a failure looks over HTTP/JSON: a status and ``{"code": "<name of the gRPC status>", "message": "..."}``.

The reference had a table for this but never called it: every failure was a 500 with the bare text as its body
(protocol.md section 2.4). Here the status says whose fault it was, by the mapping in google/rpc/code.proto, which
gateways and client libraries know. It differs from the reference's unused table for CANCELLED, DEADLINE_EXCEEDED,
RESOURCE_EXHAUSTED, FAILED_PRECONDITION, ABORTED and OUT_OF_RANGE; 412 and 416 in particular belong to conditional and
range requests, which nobody made.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Protocol, TypeAlias

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.transport import HttpExchange

logger = logging.getLogger("cloudstate.runtime.proxy")

#: The HTTP status of each gRPC status.
HTTP_STATUS: dict[StatusCode, int] = {
    StatusCode.OK: 200,
    StatusCode.CANCELLED: 499,
    StatusCode.UNKNOWN: 500,
    StatusCode.INVALID_ARGUMENT: 400,
    StatusCode.DEADLINE_EXCEEDED: 504,
    StatusCode.NOT_FOUND: 404,
    StatusCode.ALREADY_EXISTS: 409,
    StatusCode.PERMISSION_DENIED: 403,
    StatusCode.RESOURCE_EXHAUSTED: 429,
    StatusCode.FAILED_PRECONDITION: 400,
    StatusCode.ABORTED: 409,
    StatusCode.OUT_OF_RANGE: 400,
    StatusCode.UNIMPLEMENTED: 501,
    StatusCode.INTERNAL: 500,
    StatusCode.UNAVAILABLE: 503,
    StatusCode.DATA_LOSS: 500,
    StatusCode.UNAUTHENTICATED: 401,
}

Headers = tuple[tuple[str, str], ...]

_JSON: Headers = (("content-type", "application/json"),)
_TEXT: Headers = (("content-type", "text/plain; charset=utf-8"),)


class RequestRefused(Exception):
    """An HTTP request that does not become a call; ``message`` says what is wrong, where, and what would be right."""

    def __init__(self, status: int, message: str, headers: Headers = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


#: The gRPC name that goes with a refused request.
_REFUSALS = {400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 405: "UNIMPLEMENTED", 415: "INVALID_ARGUMENT"}


class Respond(Protocol):
    """Answers an HTTP exchange as a whole."""

    def __call__(self, status: int, headers: Headers, body: bytes) -> None: ...


def write_refusal(exchange: HttpExchange, refused: RequestRefused) -> None:
    """Answer a request that did not become a call, and log it."""
    request = exchange.request
    logger.info("request refused: %s", refused.message, extra={"method": request.method, "path": request.path[:200]})
    body = failure_json(_REFUSALS[refused.status], refused.message)
    exchange.respond(refused.status, _JSON + refused.headers, body)


def write_failure(respond: Respond, code: StatusCode, message: str) -> None:
    """Answer a call that failed."""
    respond(HTTP_STATUS[code], _JSON, failure_json(code.name, message))


def write_bare_failure(respond: Respond, code: StatusCode, message: str) -> None:
    """Answer a call that failed, as the reference does."""
    respond(500, _TEXT, message.encode())


#: Answers a call that failed.
WriteFailure: TypeAlias = Callable[[Respond, StatusCode, str], None]


def failure_json(code: str, message: str) -> bytes:
    """The body that describes a failure."""
    return json.dumps({"code": code, "message": message}, ensure_ascii=False, separators=(",", ":")).encode()
