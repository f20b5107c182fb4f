"""The bytes of gRPC-Web, in both forms: messages framed as in gRPC, the status as a last frame (PROTOCOL-WEB)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.payload import Metadata
from cloudstate.runtime.transport import CallFailed, Status
from cloudstate.runtime.transport.wire.framing import Deframer, frame, unpack
from cloudstate.runtime.transport.wire.head import IDENTITY
from cloudstate.runtime.transport.wire.metadata import encode_metadata
from cloudstate.runtime.transport.wire.status import status_headers

_PREFIX = "application/grpc-web"
_TRAILERS = 0x80


@dataclass(frozen=True, slots=True)
class Form:
    """How one call's bytes are written.

    Attributes:
        content_type: of request and response.
        is_text: everything is in base64, for clients that cannot read bytes.
    """

    content_type: str
    is_text: bool

    def encoded(self, data: bytes) -> bytes:
        """A part of the response."""
        return base64.b64encode(data) if self.is_text else data

    def message(self, payload: bytes) -> bytes:
        """One reply."""
        return self.encoded(frame(payload))

    def status(self, status: Status, trailers: Metadata = ()) -> bytes:
        """How the call has ended; the last part of every response."""
        fields = [*status_headers(status), *encode_metadata(trailers)]
        text = b"".join(name + b": " + value + b"\r\n" for name, value in fields)
        return self.encoded(bytes([_TRAILERS]) + len(text).to_bytes(4, "big") + text)


def form_of(content_type: str) -> Form | None:
    """The form that a content type asks for; None if it is not gRPC-Web."""
    bare = content_type.partition(";")[0].strip().lower()
    kind, plus, codec = bare.partition("+")
    if kind not in (_PREFIX, f"{_PREFIX}-text") or (plus and codec != "proto"):
        return None
    return Form(f"{kind}+proto", kind.endswith("-text"))


def messages_of(body: bytes, form: Form, limit: int) -> list[bytes]:
    """The messages of a request.

    Raises:
        CallFailed: INVALID_ARGUMENT for what is no base64, RESOURCE_EXHAUSTED over the limit, INTERNAL for frames that
            are none.
    """
    data = _decoded(body) if form.is_text else body
    reader = Deframer(limit)
    found = [unpack(item, IDENTITY, limit) for item in reader.feed(data)]
    reader.finish()
    return found


def _decoded(body: bytes) -> bytes:
    """Base64 that may have been written in several parts, each with padding of its own."""
    try:
        quads = [body[at : at + 4] for at in range(0, len(body), 4)] if b"=" in body[:-2] else [body]
        return b"".join(base64.b64decode(quad, validate=True) for quad in quads)
    except (binascii.Error, ValueError) as error:
        raise CallFailed(Status(StatusCode.INVALID_ARGUMENT, f"the body is not base64: {error}")) from error
