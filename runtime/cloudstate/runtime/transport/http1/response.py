"""HTTP/1.1 responses as bytes, without input or output."""

from __future__ import annotations

from http import HTTPStatus

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"

_REASONS = {status.value: status.phrase for status in HTTPStatus}


def has_no_body(status: int) -> bool:
    """Whether a response with this status never has a body."""
    return status < 200 or status in (204, 304)


def response_head(status: int, headers: list[tuple[str, str]]) -> bytes:
    """Status line and headers; names and values have been checked."""
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}"]
    lines.extend(f"{name}: {value}" for name, value in headers)
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunk(data: bytes) -> bytes:
    """One chunk of a streamed body."""
    return b"%x\r\n%s\r\n" % (len(data), data)
