"""HTTP headers as a command's metadata, and a reply's metadata as HTTP headers."""

from __future__ import annotations

import base64
import binascii

from cloudstate.runtime.payload import Metadata
from cloudstate.runtime.proxy.metadata import OF_THE_HOP, is_text, sendable
from cloudstate.runtime.proxy.transcoding.failure import Headers


def request_metadata(headers: Headers) -> Metadata:
    """Headers in the order in which they arrived; ``-bin`` headers are base64, and left out where they are not."""
    entries: list[tuple[str, str | bytes]] = []
    for key, value in headers:
        if key in OF_THE_HOP:
            continue
        if key.endswith("-bin"):
            try:
                entries.append((key, base64.b64decode(value + "=" * (-len(value) % 4), validate=True)))
            except (binascii.Error, ValueError):
                continue
        else:
            entries.append((key, value))
    return tuple(entries)


def reply_headers(metadata: Metadata) -> Headers:
    """The entries that HTTP/JSON clients get: the text ones (protocol.md section 2.2)."""
    return tuple((key, value) for key, value in sendable(metadata) if isinstance(value, str))


def header(headers: Headers, name: str) -> str:
    """The value of the first header of that name, "" if there is none."""
    return next((value for key, value in headers if key == name), "")


def raw_content_type(*candidates: str) -> str:
    """The content type of data that has no other: the first candidate that is one, else any bytes."""
    return next((text for text in candidates if text and is_text(text)), "application/octet-stream")
