"""Makes the body of an HTTP response out of the command's reply."""

from __future__ import annotations

from typing import Any, NamedTuple

from google.protobuf.descriptor import FieldDescriptor

from cloudstate.runtime.proxy.transcoding.binding import HTTP_BODY, Binding
from cloudstate.runtime.proxy.transcoding.json_encoder import Encode, JsonEncoder

JSON = "application/json"


class Body(NamedTuple):
    """A response body and its content type; "" where the reply does not say one."""

    content_type: str
    data: bytes


class ReplyRenderer:
    """Renders the replies of one binding."""

    def __init__(self, binding: Binding, encoder: JsonEncoder) -> None:
        self._class = binding.output_class
        self._field = binding.response_field
        self._encode = _encode(binding, encoder)
        field = self._field
        shown = self._class.DESCRIPTOR if field is None else field.message_type
        is_repeated = field is not None and field.is_repeated
        #: The response is the data of an HttpBody rather than JSON.
        self.is_raw = not is_repeated and shown is not None and shown.full_name == HTTP_BODY

    def __call__(self, payload: bytes) -> Body:
        """The response's body for one reply.

        Raises:
            Exception: the payload is not the declared message, or has no JSON form; protobuf raises what it likes.
        """
        message = self._class.FromString(payload)
        shown: Any = message if self._field is None else getattr(message, self._field.name)
        if self.is_raw:
            return Body(shown.content_type, shown.data)
        if self._field is not None and _can_be_null(self._field) and not message.HasField(self._field.name):
            return Body(JSON, b"null")
        return Body(JSON, self._encode(shown).encode())


def _encode(binding: Binding, encoder: JsonEncoder) -> Encode:
    if binding.response_field is None:
        return encoder.message(binding.output_class.DESCRIPTOR)  # type: ignore[arg-type]
    return encoder.field(binding.response_field)


def _can_be_null(field: FieldDescriptor) -> bool:
    """A scalar that can be absent is null when it is; an absent message shows its defaults, as the reference does."""
    return field.has_presence and field.message_type is None
