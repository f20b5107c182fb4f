"""Names of .proto files that no Python code can say: modules, messages and classes that Python would not parse."""

from __future__ import annotations

import keyword
from collections.abc import Iterator

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.model.schema import MessageDeclaration
from cloudstate.compiler.model.spec import EntitySpec, Spec
from cloudstate.compiler.source import Source, Span


def check(spec: Spec) -> Iterator[Diagnostic]:
    """Folders and files, messages of entities, and classes that a service gives its name to."""
    listed = {proto.value: proto.span for proto in spec.protos}
    for file in spec.schema.files:
        bad = next((part for part in file.module.split(".") if not _can_be_said(part)), None)
        if file.generated and bad is not None:
            name = bad.removesuffix("_pb2")
            found = _reserved(listed.get(file.path, Span(Source(file.path))), name, "a module of Python")
            yield found.help("give the file or folder a name of letters, digits and `_` that begins with a letter")
    seen: set[str] = set()
    for entity in spec.entities:
        yield from _messages(entity, seen)
        if entity.implementation is None and not _can_be_said(entity.name):
            found = _reserved(entity.service.span, entity.name, "the author's class")
            yield found.help(f"name another class with `class:`, e.g. `class: {entity.name.lower()}_entity.Entity`")


def _messages(entity: EntitySpec, seen: set[str]) -> Iterator[Diagnostic]:
    for message in _used(entity):
        full_name = message.type.full_name
        bad = next((part for part in message.type.nesting if not _can_be_said(part)), None)
        if bad is not None and full_name not in seen:
            seen.add(full_name)
            found = _reserved(message.span, bad, "the class of a message")
            yield found.help("give the message another name")


def _used(entity: EntitySpec) -> Iterator[MessageDeclaration]:
    """The messages that generated code names."""
    for located in (entity.state, *entity.events):
        if located is not None:
            yield located.value
    for rpc in entity.service.value.rpcs:
        yield from (rpc.input, rpc.output)
    for upcaster in entity.upcasters:
        if upcaster.declared is not None:
            yield upcaster.declared


def _reserved(span: Span, name: str, what: str) -> Diagnostic:
    reason = "it is a keyword" if keyword.iskeyword(name) else "it is not an identifier"
    return codes.RESERVED_NAME.at(span, f"{what} cannot have this name: {reason}", name=name)


def _can_be_said(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name)
