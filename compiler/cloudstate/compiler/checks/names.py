"""Names that leave the compiler: of the service, of what is stored, of Python classes."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.model.entity import Model
from cloudstate.compiler.model.spec import Spec
from cloudstate.compiler.source import Located

_SERVICE = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
LONGEST_SERVICE = 63
_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
LONGEST_TYPE = 200
#: ``generated/`` has a folder of this name already.
_RESERVED_SERVICES = {"cloudstate"}
#: Packages of services that the runtime itself serves or calls.
_RESERVED_PACKAGES = {"cloudstate"} | {
    f"cloudstate.{model}" for model in ("action", "crdt", "eventsourced", "valueentity")
}


def check(spec: Spec) -> Iterator[Diagnostic]:
    """Names that somebody will not accept: Kubernetes, a journal, Python, or the runtime."""
    wrong = problem_of_name(spec.name) if spec.name.value else None  # a missing name is another finding
    if wrong is not None:
        yield wrong
    for entity in spec.entities:
        service = entity.service
        full_name = service.value.full_name
        if full_name.rpartition(".")[0] in _RESERVED_PACKAGES or full_name.startswith("grpc."):
            found = codes.RESERVED_NAME.at(service.span, "a package of the runtime", name=service.value.full_name)
            yield found.help("put the service into a package of your own")
        if entity.type is not None and entity.model.value is not Model.ACTION:
            name = entity.type
            if not _TYPE.fullmatch(name.value) or len(name.value) > LONGEST_TYPE:
                found = codes.BAD_TYPE_ID.at(name.span, "letters, digits, `.`, `_` and `-` only", name=name.value)
                yield found.help("name it after the entity, e.g. `shopping-cart`")
        path = entity.implementation
        if path is not None and not _is_class_path(path.value):
            found = codes.BAD_CLASS_PATH.at(path.span, "expected `module.Class`", path=path.value)
            yield found.help(f"write for example `{entity.name.lower()}.{entity.name}`")


def problem_of_name(name: Located[str]) -> Diagnostic | None:
    """What is wrong with the name of a service, if anything is."""
    if len(name.value) > LONGEST_SERVICE:
        found = codes.BAD_SERVICE_NAME.at(name.span, f"{len(name.value)} characters", name=name.value)
        return found.help(f"use at most {LONGEST_SERVICE} characters")
    if not _SERVICE.fullmatch(name.value):
        found = codes.BAD_SERVICE_NAME.at(name.span, "not a DNS label", name=name.value)
        return found.help("use lower-case letters, digits and `-`; begin with a letter, end with a letter or digit")
    if name.value in _RESERVED_SERVICES:
        found = codes.RESERVED_NAME.at(name.span, "the runtime's own messages are generated there", name=name.value)
        return found.help("give the service another name")
    return None


def _is_class_path(path: str) -> bool:
    parts = path.split(".")
    return len(parts) > 1 and all(part.isidentifier() and not keyword.iskeyword(part) for part in parts)
