"""Payloads travel as bytes with a type URL, and metadata as ordered pairs; nothing here parses either."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

#: Type URLs of protobuf messages start with this (protocol.md section 1.7).
PROTOBUF_PREFIX = "type.googleapis.com/"

#: Metadata entries in the order in which they arrived. Keys are lower case; a key that ends in ``-bin`` has a bytes
#: value, every other key a str value.
Metadata: TypeAlias = "tuple[tuple[str, str | bytes], ...]"


class Payload(NamedTuple):
    """What ``google.protobuf.Any`` holds: a type URL and the encoded value."""

    type_url: str
    value: bytes
