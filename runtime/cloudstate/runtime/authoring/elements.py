"""Elements of sets, values of registers and keys of maps: typed for the author, payloads for the runtime.

They are compared by their bytes, so they are always encoded in the same way.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import StringValue

from cloudstate.runtime.payload import PROTOBUF_PREFIX, Payload

E = TypeVar("E")

#: The type URL of a plain text (protocol.md section 1.7).
STRING_URL = "p.cloudstate.io/string"


class Elements(Generic[E]):
    """One type of elements: a message class, or ``str``."""

    __slots__ = ("_type", "_url")

    def __init__(self, type: type[E]) -> None:
        self._type = type
        self._url = STRING_URL if not issubclass(type, Message) else PROTOBUF_PREFIX + type.DESCRIPTOR.full_name

    def encoded(self, element: E) -> Payload:
        """An element as a payload.

        Raises:
            TypeError: it is of another type.
        """
        if type(element) is not self._type:
            raise TypeError(f"an element must be a {self._type.__name__}, not a {type(element).__name__}")
        message: Any = StringValue(value=element) if isinstance(element, str) else element
        return Payload(self._url, message.SerializeToString(deterministic=True))

    def decoded(self, payload: Payload) -> E:
        """The element that a payload is.

        Raises:
            TypeError: it is of another type.
        """
        if payload.type_url != self._url:
            raise TypeError(f"an element is a {payload.type_url}, expected {self._url}")
        parser: Any = StringValue if self._type is str else self._type
        message = parser.FromString(payload.value)
        element: E = message.value if self._type is str else message
        return element

    def empty(self) -> E:
        """What a register holds before the first write."""
        return self._type()
