"""Python modules that would hide each other: generated ones, the author's, and those of the standard library.

At run time the folder of the spec and the generated folder are both on the module path, so their top-level names share
one space with each other and with everything that is installed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.model.naming import implementation_of
from cloudstate.compiler.model.spec import Spec
from cloudstate.compiler.source import Source, Span

_GENERATED_PACKAGE = "the generated package"
_PROTO = "the module of a .proto file"
_AUTHOR = "the author's module"
#: Packages that the runtime has imported before it looks for a service's modules.
_OF_THE_RUNTIME = frozenset({"grpc", "grpc_health", "grpc_reflection", "httptools", "ngh2", "uvloop", "yaml"})


def check(spec: Spec) -> Iterator[Diagnostic]:
    """Top-level names with two owners."""
    owners: dict[str, tuple[str, Span]] = {}
    for name, what, span in _names(spec):
        taken = _taken(name)
        if taken:
            found = codes.MODULE_CLASH.at(span, f"{what} would be `{name}`", name=name)
            advice = "name another module with `class:`" if what == _AUTHOR else "give it another name"
            yield found.note(f"{taken} has a module of this name").help(advice)
        elif name in owners and owners[name][0] != what:
            other, first = owners[name]
            found = codes.MODULE_CLASH.at(span, f"{what}", name=name)
            yield found.also(first, other).help("rename one of them")
        owners.setdefault(name, (what, span))
    yield from _same_file(spec)


def _taken(name: str) -> str:
    """Who else has a module of this name, "" if nobody."""
    if name in sys.stdlib_module_names:
        return "the standard library"
    return "the runtime" if name in _OF_THE_RUNTIME else ""


def _names(spec: Spec) -> Iterator[tuple[str, str, Span]]:
    """Top-level names with what they would be; each name once for each owner."""
    listed = {proto.value: proto.span for proto in spec.protos}
    if spec.name.value:
        yield f"{spec.name.value.replace('-', '_')}_service", _GENERATED_PACKAGE, spec.name.span
    seen: set[str] = set()
    for file in sorted(spec.schema.files, key=lambda file: file.path not in listed):
        top = file.module.partition(".")[0]
        if file.generated and top not in seen:
            seen.add(top)
            yield top, _PROTO, listed.get(file.path, Span(Source(file.path)))
    for entity in spec.entities:
        span = entity.implementation.span if entity.implementation else entity.service.span
        top = implementation_of(entity).partition(".")[0]
        if f"author {top}" not in seen:
            seen.add(f"author {top}")
            yield top, _AUTHOR, span
    for name in sorted(spec.neighbours):
        if f"author {name}" not in seen and not _taken(name):
            yield name, _AUTHOR, spec.name.span


def _same_file(spec: Spec) -> Iterator[Diagnostic]:
    listed = {proto.value: proto.span for proto in spec.protos}
    first: dict[str, str] = {}
    for file in spec.schema.files:
        if file.generated and file.module in first:
            span = listed.get(file.path, Span(Source(file.path)))
            found = codes.MODULE_CLASH.at(span, f"and of `{first[file.module]}`", name=file.module)
            yield found.help("rename one of the .proto files")
        if file.generated:
            first.setdefault(file.module, file.path)
