"""Makes the command's message out of an HTTP request: body first, then query, then path, each over the one before."""

from __future__ import annotations

import json

from google.protobuf import json_format
from google.protobuf.message import EncodeError, Message

from cloudstate.runtime.proxy.transcoding.binding import HTTP_BODY, WHOLE, Binding
from cloudstate.runtime.proxy.transcoding.failure import RequestRefused
from cloudstate.runtime.proxy.transcoding.json_decoder import JsonDecoder
from cloudstate.runtime.proxy.transcoding.query import apply_query
from cloudstate.runtime.proxy.transcoding.routes import Path


def request_payload(
    binding: Binding, path: Path, query: str, content_type: str, body: bytes, decoder: JsonDecoder
) -> bytes:
    """The encoded input message.

    Raises:
        RequestRefused: something in the request does not fit the binding.
    """
    message = binding.input_class()
    if binding.body:
        _apply_body(message, binding, content_type, body, decoder)
    if query and binding.body != WHOLE:
        apply_query(message, query, reserved=binding.body)
    for variable in binding.variables:
        value = path.value(variable.variable)
        try:
            setattr(message, variable.field, variable.convert(value))
        except ValueError as error:
            raise RequestRefused(400, f"`{value}` in the path: `{variable.field}` must be {error}") from None
    try:
        return message.SerializeToString()
    except EncodeError as error:  # a required field of a proto2 message
        raise RequestRefused(400, str(error)) from None


def _apply_body(message: Message, binding: Binding, content_type: str, body: bytes, decoder: JsonDecoder) -> None:
    field = binding.body_field
    target = message
    if field is not None and field.message_type is not None:
        target = getattr(message, field.name)
        target.SetInParent()  # present even if it stays empty
    if target.DESCRIPTOR.full_name == HTTP_BODY and (field is None or target is not message):
        target.content_type = content_type  # type: ignore[attr-defined]
        target.data = body  # type: ignore[attr-defined]
        return
    if not body and not content_type:
        return  # `curl -X POST` without data: an empty message
    _require_json(content_type)
    try:
        if field is not None and target is message:
            json_format.ParseDict({field.name: json.loads(body.decode())}, message)
        else:
            decoder.decode(body, target)
    except Exception as error:
        # json_format lets many types of exception through for JSON of an unexpected shape: the client's mistake, all.
        reason = _reason(error, body, is_object=field is None)
        raise RequestRefused(400, f"the body is not the JSON of `{_expected(binding)}`: {reason}") from error


def _expected(binding: Binding) -> str:
    field = binding.body_field
    name = binding.input_class.DESCRIPTOR.full_name
    if field is None:
        return name
    return f"{name}.{field.name}" if field.message_type is None else field.message_type.full_name


def _reason(error: Exception, body: bytes, *, is_object: bool) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if not body.strip():
        return "it is empty; send {} for a message without fields"
    if is_object and body.lstrip()[:1] == b"[":
        return "it is a list; send an object"
    return str(error) or type(error).__name__


def _require_json(content_type: str) -> None:
    """``application/json``; parameters such as ``charset`` are fine as long as the charset is UTF-8."""
    kind, _, parameters = content_type.partition(";")
    if kind.strip().lower() != "application/json":
        found = f"`{content_type}`" if content_type else "missing"
        raise RequestRefused(415, f"the content-type is {found}; send the body as `application/json`")
    for parameter in parameters.lower().split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8", "us-ascii"):
            raise RequestRefused(415, f"the charset is `{value.strip()}`; JSON is sent in UTF-8")
