"""Custom metadata and the HTTP/2 header fields that carry it: ASCII text, or base64 when the key ends in ``-bin``."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.payload import Metadata
from cloudstate.runtime.transport.wire.status import CallFailed, Status

Field = tuple[bytes, bytes]

_KEY = re.compile(r"[0-9a-z_.\-]+")

#: Header names that belong to HTTP or to gRPC itself; callers never see or set them. So do all that start with grpc-.
RESERVED = frozenset(
    {"connection", "content-length", "content-type", "host", "keep-alive", "proxy-connection", "te", "trailer"}
    | {"transfer-encoding", "upgrade"}
)
#: Names that nearly every request has and no caller sees: one look-up instead of three questions.
_HIDDEN = frozenset(
    {b":method", b":scheme", b":path", b":authority", b"content-type", b"te"}
    | {b"grpc-accept-encoding", b"grpc-encoding", b"grpc-timeout"}
)


def decode_metadata(fields: Iterable[Field]) -> Metadata:
    """The custom metadata among header fields, in order; pseudo headers, gRPC's own and content-type are left out.

    Raises:
        CallFailed: INTERNAL, when a binary value is not base64 or a text value is not printable ASCII.
    """
    entries: list[tuple[str, str | bytes]] = []
    for name, value in fields:
        if name in _HIDDEN or name[:1] == b":" or name.startswith(b"grpc-"):
            continue
        key = name.decode("latin-1")
        if name.endswith(b"-bin"):
            entries.extend((key, _decode_binary(key, part)) for part in value.split(b","))
        else:
            entries.append((key, _decode_text(key, value)))
    return tuple(entries)


def _decode_binary(key: str, value: bytes) -> bytes:
    stripped = value.strip(b" \t")
    try:
        return binascii.a2b_base64(stripped + b"=" * (-len(stripped) % 4), strict_mode=True)
    except binascii.Error as error:
        raise _malformed(key, "base64") from error


def _decode_text(key: str, value: bytes) -> str:
    text = value.decode("latin-1")
    if text.isascii() and (text.isprintable() or not text):
        return text
    raise _malformed(key, "printable ASCII")


def _malformed(key: str, expected: str) -> CallFailed:
    return CallFailed(Status(StatusCode.INTERNAL, f"the value of metadata `{key}` is not {expected}"))


def encode_metadata(metadata: Metadata) -> list[Field]:
    """Header fields for custom metadata. White space around text values is dropped, as HTTP demands.

    Raises:
        ValueError: for a key that is malformed or reserved, or a value that does not fit its key.
    """
    return [_encode_entry(key, value) for key, value in metadata]


def _encode_entry(key: str, value: str | bytes) -> Field:
    if not _KEY.fullmatch(key):
        raise ValueError(f"metadata key {key!r} has characters other than 0-9 a-z _ - .")
    if key.startswith("grpc-") or key in RESERVED:
        raise ValueError(f"metadata key {key!r} is reserved")
    name = key.encode("ascii")
    if name.endswith(b"-bin"):
        if isinstance(value, str):
            raise ValueError(f"metadata {key!r} takes bytes")
        return name, binascii.b2a_base64(value, newline=False).rstrip(b"=")
    if not isinstance(value, str):
        raise ValueError(f"metadata {key!r} takes text; only keys that end in -bin take bytes")
    if value and not (value.isascii() and value.isprintable()):
        raise ValueError(f"the value of metadata {key!r} is not printable ASCII")
    return name, value.strip(" ").encode("ascii")
