"""Length-prefixed messages: a byte of flags, four of length, then the message; DATA frames may split them anywhere."""

from __future__ import annotations

import gzip
import zlib
from struct import Struct

from cloudstate.runtime.errors import StatusCode
from cloudstate.runtime.transport.wire.status import CallFailed, Status

PREFIX = Struct(">BI")
PREFIX_SIZE = PREFIX.size

#: A message as it travelled: whether it is compressed, and its bytes.
Frame = tuple[bool, bytes]

_READING_PREFIX = -1

CONGESTED = Status(StatusCode.RESOURCE_EXHAUSTED, "too many unfinished messages are held; try again later")


def frame(payload: bytes, compressed: bool = False) -> bytes:
    """A message with its prefix."""
    return PREFIX.pack(compressed, len(payload)) + payload


class Deframer:
    """Joins DATA payloads to messages. Holds at most one unfinished message, never more than ``limit`` bytes of it."""

    __slots__ = ("_chunks", "_compressed", "_limit", "_missing", "_prefix", "buffered")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._prefix = b""
        self._missing = _READING_PREFIX
        self._compressed = False
        self._chunks: list[bytes] = []
        #: Bytes of the unfinished message that are held.
        self.buffered = 0

    def feed(self, data: bytes) -> list[Frame]:
        """The messages that ``data`` completes.

        Raises:
            CallFailed: RESOURCE_EXHAUSTED for a message over the limit (as soon as its prefix is known), INTERNAL
                for a prefix that is none. Feeding must stop then.
        """
        frames: list[Frame] = []
        position = 0
        end = len(data)
        while position < end:
            if self._missing == _READING_PREFIX:
                position = self._read_prefix(data, position)
            if self._missing != _READING_PREFIX:
                position = self._read_payload(data, position, frames)
        return frames

    def _read_prefix(self, data: bytes, position: int) -> int:
        stop = position + PREFIX_SIZE - len(self._prefix)
        self._prefix += data[position:stop]
        if len(self._prefix) < PREFIX_SIZE:
            return len(data)
        flags, self._missing = PREFIX.unpack(self._prefix)
        self._prefix = b""
        self._compressed = checked_prefix(flags, self._missing, self._limit)
        return stop

    def _read_payload(self, data: bytes, position: int, frames: list[Frame]) -> int:
        chunk = data[position : position + self._missing]
        self._missing -= len(chunk)
        self.buffered += len(chunk)
        self._chunks.append(chunk)
        if self._missing == 0:
            frames.append((self._compressed, b"".join(self._chunks)))
            self._chunks.clear()
            self.buffered = 0
            self._missing = _READING_PREFIX
        return position + len(chunk)

    def finish(self) -> None:
        """Check that the stream did not end inside a message.

        Raises:
            CallFailed: INTERNAL, when it did.
        """
        if self._prefix or self._missing != _READING_PREFIX:
            raise CallFailed(Status(StatusCode.INTERNAL, "the stream ended inside a message"))


def checked_prefix(flags: int, length: int, limit: int) -> bool:
    """Whether the message is compressed.

    Raises:
        CallFailed: as ``Deframer.feed``.
    """
    if flags > 1:
        raise CallFailed(Status(StatusCode.INTERNAL, f"message flags {flags:#x} are not known"))
    if length > limit:
        raise CallFailed(too_large(length, limit))
    return flags == 1


def too_large(length: int, limit: int) -> Status:
    """The status of a message over the limit."""
    return Status(StatusCode.RESOURCE_EXHAUSTED, f"message of {length} bytes is larger than the limit of {limit} bytes")


def compress(payload: bytes) -> bytes:
    """gzip, fast level, without a time stamp: the same message gives the same bytes."""
    return gzip.compress(payload, compresslevel=1, mtime=0)


def unpack(item: Frame, encoding: bytes, limit: int) -> bytes:
    """The message in a frame, decompressed when flagged; never more than ``limit`` bytes are produced.

    Raises:
        CallFailed: RESOURCE_EXHAUSTED over the limit; INTERNAL for broken data or a flag without an encoding.
    """
    compressed, payload = item
    if not compressed:
        return payload
    if encoding != b"gzip":
        raise CallFailed(Status(StatusCode.INTERNAL, "a compressed message needs a grpc-encoding that says how"))
    inflater = zlib.decompressobj(wbits=31)
    try:
        message = inflater.decompress(payload, limit + 1)
    except zlib.error as error:
        raise CallFailed(Status(StatusCode.INTERNAL, f"broken gzip message: {error}")) from error
    if len(message) > limit:
        raise CallFailed(Status(StatusCode.RESOURCE_EXHAUSTED, f"decompressed message is larger than {limit} bytes"))
    if not inflater.eof:
        raise CallFailed(Status(StatusCode.INTERNAL, "broken gzip message: it ends too early"))
    return message
