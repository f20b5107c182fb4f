"""Streamed replies over HTTP: JSON documents one per line, Server-Sent Events, or the raw bytes of HttpBody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar, Protocol

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.proxy.transcoding.failure import failure_json
from cloudstate.runtime.proxy.transcoding.headers import raw_content_type
from cloudstate.runtime.proxy.transcoding.response import JSON, Body


class StreamFormat(Protocol):
    """How the messages of one stream follow each other in a body."""

    def content_type(self, first: Body | None, metadata_type: str) -> str:
        """The content type of the whole; ``metadata_type`` is what the first reply's metadata says, or ""."""
        ...

    def message(self, body: Body) -> bytes:
        """One message."""
        ...

    def failure(self, code: StatusCode, message: str) -> bytes | None:
        """What says that the stream broke off, as its status left long ago; None: only cutting it short can."""
        ...


@dataclass(frozen=True, slots=True)
class Lines:
    """One JSON document per line. A line with the single key ``error`` is a failure and the last one."""

    def content_type(self, first: Body | None, metadata_type: str) -> str:
        return JSON

    def message(self, body: Body) -> bytes:
        return body.data + b"\n"

    def failure(self, code: StatusCode, message: str) -> bytes:
        return b'{"error":' + failure_json(code.name, message) + b"}\n"


@dataclass(frozen=True, slots=True)
class Events:
    """Server-Sent Events: one ``data:`` per message. A failure is an event of the type ``error``, the last one."""

    TYPE: ClassVar[str] = "text/event-stream"

    def content_type(self, first: Body | None, metadata_type: str) -> str:
        return self.TYPE

    def message(self, body: Body) -> bytes:
        return b"data:" + body.data + b"\n\n"

    def failure(self, code: StatusCode, message: str) -> bytes:
        return b"event:error\ndata:" + failure_json(code.name, message) + b"\n\n"


@dataclass(frozen=True, slots=True)
class Raw:
    """The data of HttpBody messages, end to end. There is no place for a failure between them."""

    def content_type(self, first: Body | None, metadata_type: str) -> str:
        return raw_content_type("" if first is None else first.content_type, metadata_type)

    def message(self, body: Body) -> bytes:
        return body.data

    def failure(self, code: StatusCode, message: str) -> None:
        return None


def stream_format(*, is_raw: bool, accept: str) -> StreamFormat:
    """The format for a reply type and what the client accepts."""
    if is_raw:
        return Raw()
    return Events() if accept.startswith(Events.TYPE) else Lines()


async def only(payload: bytes) -> AsyncIterator[bytes]:
    """A stream of one message: all that a client that streams can send over HTTP."""
    yield payload
