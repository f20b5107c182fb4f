"""Which of a reply's metadata can leave: what a transport cannot express is left out rather than failing the reply."""

from __future__ import annotations

import re

from cloudstate.runtime.payload import Metadata

_KEY = re.compile(r"[0-9a-z_.\-]+")
_TEXT = re.compile(r"[\x20-\x7e]*")

#: Names that belong to one hop or frame a message; commands do not get them and replies do not set them.
OF_THE_HOP = frozenset(
    {"connection", "content-length", "content-type", "host", "keep-alive", "proxy-connection", "te", "trailer"}
    | {"transfer-encoding", "upgrade"}
)


def sendable(metadata: Metadata) -> Metadata:
    """The entries that HTTP headers can carry: text in ASCII, bytes under a ``-bin`` key, no reserved name."""
    if not metadata:
        return ()
    return tuple((key, value) for key, value in metadata if _is_sendable(key, value))


def _is_sendable(key: str, value: str | bytes) -> bool:
    if key in OF_THE_HOP or key.startswith("grpc-") or _KEY.fullmatch(key) is None:
        return False
    if isinstance(value, bytes):
        return key.endswith("-bin")
    return not key.endswith("-bin") and is_text(value)


def is_text(value: str) -> bool:
    """True if the value can be that of a header: printable ASCII."""
    return _TEXT.fullmatch(value) is not None
