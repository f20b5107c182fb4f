"""What the .proto files declare, with positions: what names are resolved against and http rules are checked against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cloudstate.compiler.model.message import MessageType, ProtoFile
from cloudstate.compiler.source import Located, Span


class FieldKind(StrEnum):
    """The kinds of field types, as coarse as anybody needs them."""

    TEXT = "string"
    BYTES = "bytes"
    INTEGER = "integer"
    BOOL = "bool"
    FLOAT = "floating-point number"
    ENUM = "enum"
    MESSAGE = "message"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message.

    Attributes:
        name: as in the .proto file.
        kind: its type; a map is a repeated message.
        is_repeated, is_map: how often.
        is_key: marked as (part of) the entity key.
        span: its name in the .proto file.
    """

    name: str
    kind: FieldKind
    is_repeated: bool
    is_map: bool
    is_key: bool
    span: Span


@dataclass(frozen=True, slots=True)
class MessageDeclaration:
    """A message type with its fields in declaration order."""

    type: MessageType
    fields: tuple[Field, ...]
    span: Span

    def field(self, name: str) -> Field | None:
        """The field of this name."""
        return next((field for field in self.fields if field.name == name), None)


@dataclass(frozen=True, slots=True)
class EnumDeclaration:
    """An enum type: its full name, where it stands, and where each of its values stands, by name."""

    full_name: str
    values: Mapping[str, Span]
    span: Span


@dataclass(frozen=True, slots=True)
class HttpRule:
    """A ``google.api.http`` rule, as written.

    Attributes:
        method: ``GET``, ``POST``...; the kind of a custom pattern; "" where the rule has no pattern.
        is_custom: the pattern is a custom one.
        template: the path template.
        body, response_body, selector: as in the rule; "" where absent.
        additional: the additional bindings.
        span: the option in the .proto file.
    """

    method: str
    is_custom: bool
    template: str
    body: str
    response_body: str
    selector: str
    additional: tuple[HttpRule, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class RpcDeclaration:
    """An rpc of a service."""

    name: str
    full_name: str
    input: MessageDeclaration
    output: MessageDeclaration
    client_streaming: bool
    server_streaming: bool
    http: HttpRule | None
    docs: str
    span: Span

    @property
    def is_unary(self) -> bool:
        """One request, one reply."""
        return not (self.client_streaming or self.server_streaming)

    @property
    def keys(self) -> tuple[Field, ...]:
        """The key fields of the input."""
        return tuple(field for field in self.input.fields if field.is_key)


@dataclass(frozen=True, slots=True)
class ServiceDeclaration:
    """A gRPC service."""

    full_name: str
    package: str
    file: ProtoFile
    rpcs: tuple[RpcDeclaration, ...]
    docs: str
    span: Span

    def rpc(self, name: str) -> RpcDeclaration | None:
        """The rpc of this name."""
        return next((rpc for rpc in self.rpcs if rpc.name == name), None)


@dataclass(frozen=True, slots=True)
class Schema:
    """All files, messages and services of the descriptor set.

    Attributes:
        files: dependencies first.
        descriptors: the serialized descriptor set without source info.
        messages, services: by full name; own ones first, in the order of the files.
        enums: the own ones, by full name.
        imports: the files that each file imports, by path.
        syntaxes: the syntax statement of each own file, by path; None where it has none.
    """

    files: tuple[ProtoFile, ...] = ()
    descriptors: bytes = field(default=b"", repr=False)
    messages: Mapping[str, MessageDeclaration] = field(default_factory=dict)
    services: Mapping[str, ServiceDeclaration] = field(default_factory=dict)
    enums: Mapping[str, EnumDeclaration] = field(default_factory=dict)
    imports: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    syntaxes: Mapping[str, Located[str]] = field(default_factory=dict)
