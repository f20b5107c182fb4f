"""From the one name that the author types to all others: proto package, files, messages, Python modules and classes."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from cloudstate.compiler.model import Model
from cloudstate.compiler.scaffold.errors import BadName

_KEBAB = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_CAMEL = re.compile(r"[A-Z][A-Za-z0-9]*")
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
#: A service's name becomes a DNS label with suffixes.
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class EntityNames:
    """All names of one new entity.

    Attributes:
        package: the proto package, e.g. ``shop.v1``.
        folder: the folder of the .proto file, e.g. ``shop/v1``.
        generated: the Python package that the compiler generates, e.g. ``shop_service``.
        kebab, snake, camel: the entity's name in three spellings.
        module: the author's Python module, e.g. ``shop_entity``.
    """

    package: str
    folder: str
    generated: str
    kebab: str
    snake: str
    camel: str
    module: str

    @property
    def service(self) -> str:
        """The full name of the gRPC service."""
        return f"{self.package}.{self.camel}"

    @property
    def test_imports(self) -> tuple[str, ...]:
        """What the test imports of the project, in the order of the modules."""
        modules = {self.package: f"{self.snake}_pb2", self.module: self.camel}
        return tuple(f"from {module} import {modules[module]}" for module in sorted(modules))

    @property
    def proto(self) -> str:
        """The path of the .proto file below the proto root."""
        return f"{self.folder}/{self.snake}.proto"


def project_name(name: str) -> str:
    """Check the name of a new project.

    Raises:
        BadName: it is not a DNS label that starts with a letter, or it is too long.
    """
    if _KEBAB.fullmatch(name) is None or len(name) > _LONGEST:
        raise BadName(
            f"`{name}` cannot be the name of a service",
            help=f"use lower-case letters, digits and single dashes, a letter first, at most {_LONGEST} characters",
        )
    return name


def entity_words(name: str) -> tuple[str, ...]:
    """The words of an entity's name, written as ``PurchaseOrder`` or ``purchase-order``.

    Raises:
        BadName: it is written in neither way, or it is too long.
    """
    is_known = _KEBAB.fullmatch(name) or _CAMEL.fullmatch(name)
    if not is_known or len(name) > _LONGEST:
        raise BadName(
            f"`{name}` cannot be the name of an entity",
            help=f"write it as `PurchaseOrder` or `purchase-order`, with at most {_LONGEST} characters",
        )
    return tuple(_WORD_START.sub("-", name).lower().split("-"))


def entity_names(words: tuple[str, ...], service: str, model: Model, spec_folder: Path | None = None) -> EntityNames:
    """Name everything about a new entity of ``service``, whose spec is in ``spec_folder`` (None if it is new too)."""
    snake = "_".join(words)
    top = proto_folder(service, spec_folder)
    return EntityNames(
        package=f"{top}.v1",
        folder=f"{top}/v1",
        generated=f"{service.replace('-', '_')}_service",
        kebab="-".join(words),
        snake=snake,
        camel="".join(word.capitalize() for word in words),
        module=f"{snake}_{'action' if model is Model.ACTION else 'entity'}",
    )


def proto_folder(service: str, spec_folder: Path | None) -> str:
    """The top folder for the protos of a service.

    It is a Python package too, so it must not be a keyword nor share its name with a module, be it Python's own, an
    installed one, or one of the author's.
    """
    name = service.replace("-", "_")
    while _is_taken(name, spec_folder):
        name = f"{name}_api"
    return name


def _is_taken(name: str, spec_folder: Path | None) -> bool:
    if keyword.iskeyword(name) or name in sys.stdlib_module_names:
        return True
    if spec_folder is not None and (spec_folder / f"{name}.py").exists():
        return True
    found = importlib.util.find_spec(name)
    return found is not None and found.origin is not None
