"""From descriptors to a ``Schema``: what the protos declare, each thing with its place and its comment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from google.api import annotations_pb2
from google.api.http_pb2 import HttpRule as ProtoHttpRule
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)

from cloudstate import entity_key_pb2, legacy_entity_key_pb2
from cloudstate.compiler.frontend.places import Places
from cloudstate.compiler.model.message import MessageType, ProtoFile
from cloudstate.compiler.model.schema import (
    EnumDeclaration,
    Field,
    FieldKind,
    HttpRule,
    MessageDeclaration,
    RpcDeclaration,
    Schema,
    ServiceDeclaration,
)
from cloudstate.compiler.source import Located, Source, Span

_HTTP = 72295728
_KINDS = {
    FieldDescriptorProto.TYPE_STRING: FieldKind.TEXT,
    FieldDescriptorProto.TYPE_BYTES: FieldKind.BYTES,
    FieldDescriptorProto.TYPE_BOOL: FieldKind.BOOL,
    FieldDescriptorProto.TYPE_FLOAT: FieldKind.FLOAT,
    FieldDescriptorProto.TYPE_DOUBLE: FieldKind.FLOAT,
    FieldDescriptorProto.TYPE_ENUM: FieldKind.ENUM,
    FieldDescriptorProto.TYPE_MESSAGE: FieldKind.MESSAGE,
    FieldDescriptorProto.TYPE_GROUP: FieldKind.MESSAGE,
}


def schema_of(descriptors: FileDescriptorSet, places: Mapping[str, Places]) -> Schema:
    """Everything that the files declare. Files that ``places`` does not have belong to installed packages."""
    reader = _Reader(places)
    for file in descriptors.file:
        reader.messages_of(file)
    for file in descriptors.file:
        reader.services_of(file)
    bare = FileDescriptorSet()
    bare.CopyFrom(descriptors)
    for file in bare.file:
        file.ClearField("source_code_info")
    return Schema(
        files=tuple(reader.files.values()),
        descriptors=bare.SerializeToString(deterministic=True),
        messages=dict(sorted(reader.messages.items(), key=lambda item: not item[1].type.file.generated)),
        services=reader.services,
        enums=reader.enums,
        imports={file.name: tuple(file.dependency) for file in descriptors.file},
        syntaxes={
            file.name: Located(file.syntax or "proto2", places[file.name].span(12))
            for file in descriptors.file
            if file.name in places
        },
    )


class _Reader:
    def __init__(self, places: Mapping[str, Places]) -> None:
        self._places = places
        self.files: dict[str, ProtoFile] = {}
        self.messages: dict[str, MessageDeclaration] = {}
        self.services: dict[str, ServiceDeclaration] = {}
        self.enums: dict[str, EnumDeclaration] = {}

    def messages_of(self, file: FileDescriptorProto) -> None:
        if file.name not in self._places:
            self.files[file.name], messages = _installed(file.SerializeToString(deterministic=True))
            self.messages |= messages
            return
        self.read(file)

    def read(self, file: FileDescriptorProto) -> None:
        """Read a file's messages and enums."""
        self.files[file.name] = ProtoFile(file.name, file.package, file.name in self._places)
        for index, message in enumerate(file.message_type):
            self._message(file, message, (4, index), ())
        self._enums(file, file.enum_type, (5,), ())

    def _message(
        self, file: FileDescriptorProto, message: DescriptorProto, path: tuple[int, ...], outer: tuple[str, ...]
    ) -> None:
        places, nesting = self._places_of(file), (*outer, message.name)
        full_name = ".".join(filter(None, (file.package, *nesting)))
        maps = {f".{full_name}.{nested.name}" for nested in message.nested_type if nested.options.map_entry}
        fields = tuple(
            Field(
                name=field.name,
                kind=_KINDS.get(field.type, FieldKind.INTEGER),
                is_repeated=field.label == FieldDescriptorProto.LABEL_REPEATED,
                is_map=field.type_name in maps,
                is_key=is_key(field),
                span=places.span(*path, 2, index, 1),
            )
            for index, field in enumerate(message.field)
        )
        kind = MessageType(full_name, self.files[file.name], nesting, places.comments.get(path, ""))
        self.messages[full_name] = MessageDeclaration(kind, fields, places.span(*path, 1))
        for index, nested in enumerate(message.nested_type):
            if not nested.options.map_entry:
                self._message(file, nested, (*path, 3, index), nesting)
        self._enums(file, message.enum_type, (*path, 4), nesting)

    def _enums(
        self,
        file: FileDescriptorProto,
        enums: Iterable[EnumDescriptorProto],
        path: tuple[int, ...],
        outer: tuple[str, ...],
    ) -> None:
        if file.name not in self._places:
            return
        places = self._places[file.name]
        for index, enum in enumerate(enums):
            full_name = ".".join(filter(None, (file.package, *outer, enum.name)))
            at = (*path, index)
            values = {value.name: places.span(*at, 2, number, 1) for number, value in enumerate(enum.value)}
            self.enums[full_name] = EnumDeclaration(full_name, values, places.span(*at, 1))

    def _places_of(self, file: FileDescriptorProto) -> Places:
        return self._places.get(file.name) or Places(Source(file.name), {}, {})

    def services_of(self, file: FileDescriptorProto) -> None:
        for index, service in enumerate(file.service):
            full_name = ".".join(filter(None, (file.package, service.name)))
            places = self._places_of(file)
            self.services[full_name] = ServiceDeclaration(
                full_name=full_name,
                package=file.package,
                file=self.files[file.name],
                rpcs=tuple(self._rpcs(service, full_name, places, (6, index))),
                docs=places.comments.get((6, index), ""),
                span=places.span(6, index, 1),
            )

    def _rpcs(
        self, service: ServiceDescriptorProto, full_name: str, places: Places, path: tuple[int, ...]
    ) -> Iterator[RpcDeclaration]:
        for index, method in enumerate(service.method):
            at = (*path, 2, index)
            yield RpcDeclaration(
                name=method.name,
                full_name=f"{full_name}.{method.name}",
                input=self.messages[method.input_type.lstrip(".")],
                output=self.messages[method.output_type.lstrip(".")],
                client_streaming=method.client_streaming,
                server_streaming=method.server_streaming,
                http=_http(method, places.span(*at, 4, _HTTP)),
                docs=places.comments.get(at, ""),
                span=places.span(*at, 1),
            )


@lru_cache(maxsize=256)
def _installed(serialized: bytes) -> tuple[ProtoFile, dict[str, MessageDeclaration]]:
    """What a file of an installed package declares. It is in many specs, and has no places that differ."""
    file = FileDescriptorProto.FromString(serialized)
    reader = _Reader({})
    reader.read(file)
    return reader.files[file.name], reader.messages


def is_key(field: FieldDescriptorProto) -> bool:
    """The field is (part of) the entity key, by the option of today or the one of before."""
    extensions: Any = field.options.Extensions
    return bool(extensions[entity_key_pb2.entity_key] or extensions[legacy_entity_key_pb2.legacy_entity_key])


def _http(method: MethodDescriptorProto, span: Span) -> HttpRule | None:
    options: Any = method.options
    return (
        _http_rule(options.Extensions[annotations_pb2.http], span)
        if options.HasExtension(annotations_pb2.http)
        else None
    )


def _http_rule(rule: ProtoHttpRule, span: Span) -> HttpRule:
    pattern = rule.WhichOneof("pattern") or ""
    is_custom = pattern == "custom"
    return HttpRule(
        method=rule.custom.kind if is_custom else pattern.upper(),
        is_custom=is_custom,
        template=rule.custom.path if is_custom else getattr(rule, pattern) if pattern else "",
        body=rule.body,
        response_body=rule.response_body,
        selector=rule.selector,
        additional=tuple(_http_rule(more, span) for more in rule.additional_bindings),
        span=span,
    )
