"""Request and response heads: which requests are gRPC, and the header fields of replies that never change."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from itertools import chain

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.transport.wire.metadata import Field
from cloudstate.runtime.transport.wire.status import CallFailed, Status

CONTENT_TYPE: Field = (b"content-type", b"application/grpc")
ACCEPT_ENCODING: Field = (b"grpc-accept-encoding", b"identity,gzip")
GZIP: Field = (b"grpc-encoding", b"gzip")
OK_200: Field = (b":status", b"200")

REPLY_HEAD = (OK_200, CONTENT_TYPE, ACCEPT_ENCODING)
REPLY_OK = ((b"grpc-status", b"0"),)

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


def header_list_size(fields: Sequence[Field]) -> int:
    """The size that SETTINGS_MAX_HEADER_LIST_SIZE limits: names, values and 32 bytes a field."""
    return sum(map(len, chain.from_iterable(fields))) + 32 * len(fields)


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
