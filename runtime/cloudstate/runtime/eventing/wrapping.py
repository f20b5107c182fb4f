"""JSON, text and bytes in an Any, and outside of it (protocol.md section 1.7).

Inside, the value is a message whose field 1 holds them, so that each value is protobuf; the data of a message of a
broker, whose readers may know nothing of CloudState, is what the field holds.
"""

from __future__ import annotations

from google.protobuf.message import DecodeError
from google.protobuf.wrappers_pb2 import BytesValue

from cloudstate.runtime.payload import Payload

JSON_PREFIX = "json.cloudstate.io/"
TEXT_URL = "p.cloudstate.io/string"
BYTES_URL = "p.cloudstate.io/bytes"


def is_wrapped(type_url: str) -> bool:
    """Whether values of this type are wrapped."""
    return type_url.startswith(JSON_PREFIX) or type_url in (TEXT_URL, BYTES_URL)


def wrapped(type_url: str, data: bytes) -> Payload:
    """What is in an Any of this type for data that comes from outside."""
    return Payload(type_url, BytesValue(value=data).SerializeToString() if is_wrapped(type_url) else data)


def unwrapped(payload: Payload) -> bytes:
    """The data for outside; of a value that is not wrapped though it should be, the value."""
    if not is_wrapped(payload.type_url):
        return payload.value
    try:
        found = BytesValue.FromString(payload.value)
    except DecodeError:
        return payload.value
    return found.value if wrapped(payload.type_url, found.value) == payload else payload.value
