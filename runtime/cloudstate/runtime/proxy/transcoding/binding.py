"""Checks google.api.http rules and makes bindings of them: all that a request needs is looked up here, once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from google.api import http_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

from cloudstate.runtime.description import Schema, ServiceDescription, http_rule
from cloudstate.runtime.errors import ServiceInvalid
from cloudstate.runtime.proxy.transcoding.routes import ANY_METHOD
from cloudstate.runtime.proxy.transcoding.scalar import Converter, converter
from cloudstate.runtime.proxy.transcoding.template import Template, TemplateInvalid, Variable

#: As the body of a rule: the body is the whole message.
WHOLE = "*"
HTTP_BODY = "google.api.HttpBody"


@dataclass(frozen=True, slots=True)
class PathVariable:
    """A variable of the path and the field that it sets."""

    variable: Variable
    field: str
    convert: Converter


@dataclass(frozen=True, slots=True)
class Binding:
    """One way to call one command over HTTP.

    Attributes:
        service, command: what is called.
        method: the HTTP method, or ANY_METHOD.
        template: the path.
        variables: what the path sets.
        body: "" (the request has none), WHOLE, or the name of a field.
        body_field: the field, where ``body`` names one.
        response_field: the field that is the response's body; None: the whole message.
        input_class, output_class: classes of the command's messages.
        client_streaming, server_streaming: the command's shape.
    """

    service: str
    command: str
    method: str
    template: Template
    variables: tuple[PathVariable, ...]
    body: str
    body_field: FieldDescriptor | None
    response_field: FieldDescriptor | None
    input_class: type[Message]
    output_class: type[Message]
    client_streaming: bool
    server_streaming: bool

    @property
    def is_unary(self) -> bool:
        """True if neither side streams."""
        return not (self.client_streaming or self.server_streaming)


def service_bindings(description: ServiceDescription) -> Iterator[Binding]:
    """All bindings of a service; where two match a request, the later one counts. See ``api.py`` for why this order.

    Raises:
        ServiceInvalid: a rule asks for something that does not exist or cannot be; starts with ``HTTP API Config: ``.
    """
    schema = description.schema
    methods = [
        schema.method(entity.service, command.name) for entity in description.entities for command in entity.commands
    ]
    for method in methods:
        yield _default_binding(schema, method)
    for method in methods:
        yield from _rule_bindings(schema, method)


def _default_binding(schema: Schema, method: MethodDescriptor) -> Binding:
    """``POST /<package.Service>/<Method>`` with the whole message as body."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    return _bind(schema, method, http_pb2.HttpRule(post=path, body=WHOLE))


def _rule_bindings(schema: Schema, method: MethodDescriptor) -> Iterator[Binding]:
    """The bindings of the method's google.api.http rule, in the order of their declaration; none without a rule."""
    rule = http_rule(method)
    if rule is None:
        return
    if rule.selector not in ("", method.full_name):
        raise _invalid(
            method,
            f"the selector is `{rule.selector}`",
            help=f"leave the selector out, or make it `{method.full_name}`",
        )
    yield _bind(schema, method, rule)
    for additional in rule.additional_bindings:
        if additional.additional_bindings:
            raise _invalid(
                method,
                "additional_bindings inside additional_bindings",
                help="list all of them directly under the rule: one level is allowed",
            )
        yield _bind(schema, method, additional)


def _bind(schema: Schema, method: MethodDescriptor, rule: http_pb2.HttpRule) -> Binding:
    http_method, path = _pattern(method, rule)
    try:
        template = Template.parse(path)
    except TemplateInvalid as error:
        raise _invalid(method, str(error), help="see google/api/http.proto for the syntax of paths") from None
    body_field = _body_field(method, rule.body, http_method)
    return Binding(
        service=method.containing_service.full_name,
        command=method.name,
        method=http_method,
        template=template,
        variables=tuple(_path_variable(method, variable) for variable in template.variables),
        body=rule.body,
        body_field=body_field,
        response_field=_response_field(method, rule.response_body),
        input_class=schema.message_class(method.input_type.full_name),
        output_class=schema.message_class(method.output_type.full_name),
        client_streaming=bool(method.client_streaming),
        server_streaming=bool(method.server_streaming),
    )


def _pattern(method: MethodDescriptor, rule: http_pb2.HttpRule) -> tuple[str, str]:
    kind = rule.WhichOneof("pattern")
    if kind is None:
        raise _invalid(method, "the rule has no pattern", help='give it a path, e.g. `get: "/things/{id}"`')
    if kind == "custom":
        if rule.custom.kind != "*":
            raise _invalid(
                method,
                f"the custom kind `{rule.custom.kind}` is not supported",
                help="use get, put, post, delete or patch, or the custom kind `*` for any method",
            )
        return ANY_METHOD, rule.custom.path
    path: str = getattr(rule, kind)
    return kind.upper(), path


def _body_field(method: MethodDescriptor, body: str, http_method: str) -> FieldDescriptor | None:
    if not body:
        return None
    if http_method == "GET":
        raise _invalid(method, f"body `{body}` on a GET", help="a GET has no body: leave `body` out, or use post")
    if body == WHOLE:
        return None
    field = _field(method, method.input_type, body, "body")
    if field.is_repeated:
        raise _invalid(
            method,
            f"body `{body}` is a repeated field of `{method.input_type.full_name}`",
            help='name a singular field, or use `body: "*"`',
        )
    return field


def _response_field(method: MethodDescriptor, name: str) -> FieldDescriptor | None:
    return _field(method, method.output_type, name, "response_body") if name else None


def _path_variable(method: MethodDescriptor, variable: Variable) -> PathVariable:
    place = f"the path variable `{variable.name}`"
    if "." in variable.name:
        raise _invalid(
            method,
            f"{place} reaches into a nested message, which is not supported",
            help="bind a top-level field of the request message",
        )
    field = _field(method, method.input_type, variable.name, "path variable")
    convert = converter(field)
    if field.is_repeated:
        what = "a map" if _is_map(field) else "a repeated field"
    elif convert is None:
        what = "a message"
    elif field.enum_type is not None:
        what = "an enum"
    else:
        return PathVariable(variable, field.name, convert)
    raise _invalid(method, f"{place} is {what}", help="bind a string, bytes, number or bool field")


def _field(method: MethodDescriptor, message: Descriptor, name: str, role: str) -> FieldDescriptor:
    if name not in message.fields_by_name:
        known = ", ".join(message.fields_by_name) or "none"
        raise _invalid(
            method, f"{role} `{name}` is not a field of `{message.full_name}`", help=f"the fields are: {known}"
        )
    return message.fields_by_name[name]


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _invalid(method: MethodDescriptor, text: str, *, help: str) -> ServiceInvalid:
    return ServiceInvalid(f"HTTP API Config: {text} (google.api.http of `{method.full_name}`)", help=help)
