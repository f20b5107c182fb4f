"""The listed .proto files: their syntax, and whether anything needs them."""

from __future__ import annotations

from collections.abc import Iterator

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.model.spec import Spec


def check(spec: Spec) -> Iterator[Diagnostic]:
    """Files that are not proto3, files that nothing uses, and services that no entity is for."""
    listed = {proto.value for proto in spec.protos}
    for path, syntax in spec.schema.syntaxes.items():
        if path in listed and syntax.value != "proto3":
            found = codes.PROTO2_REFUSED.at(syntax.span, path=path, syntax=syntax.value)
            yield found.help('begin the file with `syntax = "proto3";`, or import it from one that does')
    # What could not be read may be what uses a file or is for a service.
    if spec.entities and spec.is_complete:
        yield from _unused(spec)
        yield from _without_entity(spec, listed)


def _unused(spec: Spec) -> Iterator[Diagnostic]:
    used: set[str] = set()
    for entity in spec.entities:
        messages = [message.value for message in (entity.state, *entity.events) if message is not None]
        messages += [upcaster.declared for upcaster in entity.upcasters if upcaster.declared is not None]
        _reach(entity.service.value.file.path, spec, used)
        for message in messages:
            _reach(message.type.file.path, spec, used)
    services = {service.file.path for service in spec.schema.services.values()}
    for proto in spec.protos:
        # A file with services is reported service by service.
        if proto.value not in used and proto.value not in services and spec.schema.files:
            found = codes.UNUSED_PROTO.at(proto.span, "no entity needs it", path=proto.value)
            yield found.help("remove it from `protos`")


def _reach(path: str, spec: Spec, reached: set[str]) -> None:
    if path not in reached:
        reached.add(path)
        for imported in spec.schema.imports.get(path, ()):
            _reach(imported, spec, reached)


def _without_entity(spec: Spec, listed: set[str]) -> Iterator[Diagnostic]:
    served = {entity.service.value.full_name for entity in spec.entities}
    for name, service in spec.schema.services.items():
        if name not in served and service.file.path in listed:
            found = codes.SERVICE_WITHOUT_ENTITY.at(service.span, "nobody will serve it", name=name)
            yield found.help("add it to `entities`, with the model `action` if it has no state")
