"""The entities that the protos declare by their own options (``cloudstate/annotations.proto``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet, ServiceDescriptorProto

from cloudstate import annotations_pb2
from cloudstate.compiler.frontend.declaration import CommandDeclaration, EntityDeclaration
from cloudstate.compiler.frontend.places import Places
from cloudstate.compiler.source import Located, Span

_SERVICE_OPTION = 1082
_METHOD_OPTION = 1083
#: The key of the YAML, and the option.
_NUMBERS = {"snapshot": "snapshot_every", "passivation": "passivation_ms", "idempotency": "idempotency_window"}


def annotated_entities(descriptors: FileDescriptorSet, places: Mapping[str, Places]) -> Iterator[EntityDeclaration]:
    """The annotated services of the files that ``places`` has."""
    for file in descriptors.file:
        if file.name not in places:
            continue
        for index, service in enumerate(file.service):
            options: Any = service.options
            if options.HasExtension(annotations_pb2.entity):
                yield _entity(file, index, service, places[file.name])


def _entity(
    file: FileDescriptorProto, index: int, service: ServiceDescriptorProto, places: Places
) -> EntityDeclaration:
    extensions: Any = service.options.Extensions
    options: annotations_pb2.EntityOptions = extensions[annotations_pb2.entity]
    span = places.span(6, index, 3, _SERVICE_OPTION)
    said: dict[str, Any] = {"type": options.type, "class": getattr(options, "class"), "state": options.state}
    values = {key: Located(text, _place(span, key, text)) for key, text in said.items() if text}
    if options.model:
        name = annotations_pb2.Model.Name(options.model)
        values["model"] = Located(name.removeprefix("MODEL_").lower().replace("_", "-"), span.find(name))
    if options.crdt:
        name = annotations_pb2.CrdtType.Name(options.crdt)
        values["crdt"] = Located(name.removeprefix("CRDT_TYPE_").lower(), span.find(name))
    for key, name in _NUMBERS.items():
        if options.HasField(name):
            values[key] = Located(getattr(options, name), span.find(name))
    events = tuple(Located(event, _place(span, "events", event)) for event in options.events)
    given = {key: located.span for key, located in values.items()} | ({"events": events[0].span} if events else {})
    commands: dict[str, CommandDeclaration] = {}
    for number, method in enumerate(service.method):
        at = places.span(6, index, 2, number, 4, _METHOD_OPTION)
        if (command := _command(method.name, method.options, at)) is not None:
            commands[method.name] = command
    full_name = f"{file.package}.{service.name}".lstrip(".")
    return EntityDeclaration(Located(full_name, span), file.package, given, frozenset(given), values, events, commands)


def _command(name: str, options: Any, span: Span) -> CommandDeclaration | None:
    if not options.HasExtension(annotations_pb2.command):
        return None
    said: annotations_pb2.CommandOptions = options.Extensions[annotations_pb2.command]
    effect = None
    if said.effect:
        written = annotations_pb2.Effect.Name(said.effect)
        effect = Located(written.removeprefix("EFFECT_").lower(), span.find(written))
    emits = tuple(Located(event, _place(span, "emits", event)) for event in said.emits)
    return CommandDeclaration(Located(name, span), effect, emits)


def _place(span: Span, key: str, text: str) -> Span:
    """The string ``text`` inside an option, preferably after its key."""
    after = re.search(rf"\b{key}\b[^;]*?[\"']({re.escape(text)})[\"']", span.text)
    if after is None:
        return span.find(f'"{text}"')
    return Span(span.source, span.start + after.start(1), span.start + after.end(1))
