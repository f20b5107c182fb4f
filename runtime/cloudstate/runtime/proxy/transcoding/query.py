"""Sets fields of a message from the query of a URL."""

from __future__ import annotations

from urllib.parse import parse_qsl

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from cloudstate.runtime.proxy.transcoding.failure import RequestRefused
from cloudstate.runtime.proxy.transcoding.scalar import converter

#: A query with more parameters than this is refused.
MAX_PARAMETERS = 1000
#: Message types that are one scalar in JSON, and so in a query: their JSON is the quoted text.
_QUOTED = frozenset({"google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask"})
_WRAPPERS = frozenset(
    f"google.protobuf.{name}Value"
    for name in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
)


def apply_query(message: Message, query: str, reserved: str) -> None:
    """Set each parameter's field; names are dotted paths in the spelling of the .proto file or of JSON.

    Args:
        reserved: a field that the body sets and that the query therefore may not, or "".

    Raises:
        RequestRefused: a parameter names no field or its value does not fit.
    """
    try:
        parameters = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except UnicodeDecodeError:
        raise RequestRefused(400, "the query is not percent-encoded UTF-8") from None
    except ValueError:
        raise RequestRefused(400, f"the query has more than {MAX_PARAMETERS} parameters") from None
    grouped: dict[str, list[str]] = {}
    for name, value in parameters:
        grouped.setdefault(name, []).append(value)
    for name, values in grouped.items():
        _apply(message, name, values, reserved)


def _apply(message: Message, name: str, values: list[str], reserved: str) -> None:
    first = _field(message.DESCRIPTOR, name.partition(".")[0], name)  # type: ignore[arg-type]
    if first.name == reserved:
        raise RequestRefused(400, f"query parameter `{name}`: this field is the body of the request")
    parent, field = _resolve(message, name)
    convert = converter(field)
    try:
        if field.is_repeated:
            if convert is None:
                raise RequestRefused(400, f"query parameter `{name}` names messages; send them in a body")
            getattr(parent, field.name).extend([convert(value) for value in values])
        elif len(values) > 1:
            raise RequestRefused(400, f"query parameter `{name}` is given {len(values)} times, but takes one value")
        elif convert is None:
            _apply_message(getattr(parent, field.name), name, values[0])
        else:
            setattr(parent, field.name, convert(values[0]))
    except ValueError as error:
        raise RequestRefused(400, f"query parameter `{name}` must be {error}") from None


def _resolve(message: Message, name: str) -> tuple[Message, FieldDescriptor]:
    """The message and its field that a dotted path means; the messages on the way become present."""
    *parents, last = name.split(".")
    descriptor: Descriptor = message.DESCRIPTOR  # type: ignore[assignment]
    for step in parents:
        field = _field(descriptor, step, name)
        if field.message_type is None or field.is_repeated:
            raise RequestRefused(400, f"query parameter `{name}`: `{step}` is not a message that has fields")
        message = getattr(message, field.name)
        descriptor = field.message_type
    return message, _field(descriptor, last, name)


def _field(descriptor: Descriptor, step: str, name: str) -> FieldDescriptor:
    field = descriptor.fields_by_name.get(step)
    if field is None:
        field = next((candidate for candidate in descriptor.fields if candidate.json_name == step), None)
    if field is None:
        raise RequestRefused(
            400, f"query parameter `{name}`: `{descriptor.full_name}` has no field `{step}`; check its spelling"
        )
    return field


def _apply_message(target: Message, name: str, value: str) -> None:
    descriptor: Descriptor = target.DESCRIPTOR  # type: ignore[assignment]
    kind = descriptor.full_name
    if kind in _WRAPPERS:
        wrapped = converter(descriptor.fields_by_name["value"])
        assert wrapped is not None
        target.value = wrapped(value)  # type: ignore[attr-defined]
    elif kind in _QUOTED:
        try:
            json_format.ParseDict(value, target)  # type: ignore[arg-type]
        except json_format.ParseError as error:
            raise RequestRefused(400, f"query parameter `{name}`: {error}") from None
    else:
        raise RequestRefused(400, f"query parameter `{name}` names a message; name one of its fields: `{name}.<field>`")
    target.SetInParent()
