"""Request and response heads: which requests are gRPC, and the header fields of replies that never change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from itertools import chain

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.transport.wire.metadata import Field
from cloudstate.runtime.transport.wire.status import CallFailed, Status, status_of_http

CONTENT_TYPE: Field = (b"content-type", b"application/grpc")
ACCEPT_ENCODING: Field = (b"grpc-accept-encoding", b"identity,gzip")
GZIP: Field = (b"grpc-encoding", b"gzip")
OK_200: Field = (b":status", b"200")

REPLY_HEAD = (OK_200, CONTENT_TYPE, ACCEPT_ENCODING)
STATUS_OK: Field = (b"grpc-status", b"0")
REPLY_OK = (STATUS_OK,)

#: Content types that are gRPC without looking closer.
PLAIN_GRPC = frozenset({b"application/grpc", b"application/grpc+proto"})
IDENTITY = b"identity"


class Content(Enum):
    """What a request is, judged by its content type."""

    GRPC = "grpc"
    UNSUPPORTED = "unsupported"  # gRPC with a codec that is not protobuf
    HTTP = "http"


def classify(content_type: bytes) -> Content:
    """What a content type says. Parameters are ignored; gRPC-Web is plain HTTP."""
    bare = content_type.partition(b";")[0].strip().lower()
    if bare in PLAIN_GRPC:
        return Content.GRPC
    if bare.startswith(b"application/grpc+"):
        return Content.UNSUPPORTED
    return Content.HTTP


def header_list_size(headers: Sequence[Field], fields: Mapping[bytes, bytes]) -> int:
    """The size that SETTINGS_MAX_HEADER_LIST_SIZE limits: names, values and 32 bytes a field.

    Args:
        headers: the list.
        fields: the same as a mapping; when no name is repeated this is the faster way to count.
    """
    overhead = 32 * len(headers)
    if len(headers) == len(fields):
        return overhead + len(b"".join(fields)) + len(b"".join(fields.values()))
    return overhead + sum(map(len, chain.from_iterable(headers)))


def checked_encoding(value: bytes) -> bytes:
    """``value`` when it names a message encoding that is understood.

    Raises:
        CallFailed: UNIMPLEMENTED, when it does not.
    """
    if value not in (IDENTITY, b"gzip"):
        raise CallFailed(Status(StatusCode.UNIMPLEMENTED, f"message encoding {value[:40]!r} is not supported"))
    return value


def accepts_gzip(accept_encoding: bytes) -> bool:
    """Whether a ``grpc-accept-encoding`` value allows gzip."""
    return b"gzip" in [name.strip() for name in accept_encoding.split(b",")]


def response_failure(fields: Mapping[bytes, bytes]) -> Status | None:
    """Why a response head is not that of a gRPC call, or None when it is."""
    code = fields.get(b":status", b"")
    content_type = fields.get(b"content-type", b"")
    if code != b"200":
        return status_of_http(int(code) if code.isdigit() else 0)
    if content_type in PLAIN_GRPC or content_type.startswith(b"application/grpc"):
        return None
    return Status(StatusCode.UNKNOWN, f"the response has content type {content_type[:80]!r}")


def request_head(authority: str, path: str) -> tuple[Field, ...]:
    """The part of a request's head that is the same for all calls of a method."""
    return (
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", path.encode("ascii")),
        (b":authority", authority.encode("ascii")),
        (b"te", b"trailers"),
        CONTENT_TYPE,
        ACCEPT_ENCODING,
    )
