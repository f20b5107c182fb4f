"""The outcome of a call: its status, how the status travels in headers, and what foreign outcomes mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from cloudstate.runtime.errors import CloudStateError, StatusCode
from cloudstate.runtime.payload import Metadata

#: Status messages are cut to this many bytes before encoding, so that trailers fit any peer's header limit.
MAX_MESSAGE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Status:
    """A gRPC status code and the text that explains it."""

    code: StatusCode
    message: str = ""


class CallFailed(CloudStateError):
    """A call ended with a status other than OK; raised by clients, and by server handlers to choose the status.

    Attributes:
        status: the code alone, as on every CloudStateError.
        status_value: code and message.
        trailers: custom metadata that came (or will go) with the status.
    """

    def __init__(self, status: Status, trailers: Metadata = ()) -> None:
        super().__init__(f"{status.code.name}: {status.message}")
        self.status = status.code
        self.status_value = status
        self.trailers = trailers


# Printable ASCII without the percent sign travels as it is; a space at either end would be stripped on the way.
_UNSAFE = re.compile(rb"[^ -$&-~]|^ | $")


def percent_encode(message: str) -> bytes:
    """Encode a status message for the ``grpc-message`` header; lone surrogates become question marks."""
    raw = message.encode("utf-8", "replace")
    if len(raw) > MAX_MESSAGE_BYTES:
        raw = raw[:MAX_MESSAGE_BYTES].decode("utf-8", "ignore").encode()
    return _UNSAFE.sub(lambda match: b"%%%02X" % match.group()[0], raw)


def percent_decode(value: bytes) -> str:
    """Decode ``grpc-message``; broken escapes stay as they are and bytes that are not UTF-8 become U+FFFD."""
    if b"%" not in value:
        return value.decode("utf-8", "replace")
    return unquote_to_bytes(value).decode("utf-8", "replace")


def status_headers(status: Status) -> list[tuple[bytes, bytes]]:
    """The trailer fields that carry a status."""
    fields = [(b"grpc-status", b"%d" % status.code)]
    if status.message:
        fields.append((b"grpc-message", percent_encode(status.message)))
    return fields


def parse_status(fields: Mapping[bytes, bytes]) -> Status | None:
    """The status that trailers carry, or None when they carry none; an unknown code counts as UNKNOWN."""
    value = fields.get(b"grpc-status")
    if value is None:
        return None
    message = percent_decode(fields.get(b"grpc-message", b""))
    try:
        return Status(StatusCode(int(value)), message)
    except ValueError:
        return Status(StatusCode.UNKNOWN, message or f"status {value[:20]!r} is not known")


_FROM_HTTP = {
    400: StatusCode.INTERNAL,
    401: StatusCode.UNAUTHENTICATED,
    403: StatusCode.PERMISSION_DENIED,
    404: StatusCode.UNIMPLEMENTED,
    429: StatusCode.UNAVAILABLE,
    431: StatusCode.INTERNAL,
    502: StatusCode.UNAVAILABLE,
    503: StatusCode.UNAVAILABLE,
    504: StatusCode.UNAVAILABLE,
}

_FROM_RESET = {
    0x7: StatusCode.UNAVAILABLE,  # REFUSED_STREAM: certainly not processed
    0x8: StatusCode.CANCELLED,  # CANCEL
    0xB: StatusCode.RESOURCE_EXHAUSTED,  # ENHANCE_YOUR_CALM
    0xC: StatusCode.PERMISSION_DENIED,  # INADEQUATE_SECURITY
}


def status_of_http(code: int) -> Status:
    """What an HTTP response without a gRPC status means (grpc/doc/http-grpc-status-mapping)."""
    return Status(_FROM_HTTP.get(code, StatusCode.UNKNOWN), f"HTTP status {code}")


def status_of_reset(error_code: int) -> Status:
    """What a stream that was reset instead of ended means (the error table of PROTOCOL-HTTP2)."""
    return Status(_FROM_RESET.get(error_code, StatusCode.INTERNAL), f"stream reset with error code {error_code}")
