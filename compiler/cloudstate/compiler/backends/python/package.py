"""``__init__.py`` of a service: re-exports. The client is loaded on first use, for it alone needs grpcio."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cloudstate.compiler.backends.python import calls, client, entities, layout
from cloudstate.compiler.backends.python.spelling import SpelledEntity
from cloudstate.compiler.backends.python.view import PackageView
from cloudstate.compiler.model import Service


def package(service: Service, spelled: Sequence[SpelledEntity], header: str) -> PackageView:
    """The view of ``__init__.py``."""
    modules = {"calls": calls.class_names(spelled), "entities": entities.class_names(spelled)}
    lazy = client.class_names(spelled)
    names = sorted((*lazy, *(name for classes in modules.values() for name in classes)), key=_isort_key)
    return PackageView(
        header=header,
        docs=f'"""The service ``{service.name}``: what its entities implement, calls to them, and clients."""',
        name=service.package,
        imports="\n".join(_import(f"{service.package}.{module}", names) for module, names in modules.items() if names),
        lazy_import=_import(f"{service.package}.client", lazy, indent=4),
        lazy_names=layout.render(layout.strings("_CLIENTS = ", sorted(lazy, key=_isort_key)), 0),
        exports=layout.render(layout.Brackets("__all__ = ", tuple(map(layout.quote, names)), "[]", is_open=True), 0),
    )


def _isort_key(name: str) -> tuple[tuple[bool, int, str], ...]:
    """Numbers inside of names by their value: the order that linters ask of ``__all__``."""
    parts = re.findall(r"\d+|\D+", name)
    return tuple((not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts)


def _import(module: str, names: Sequence[str], indent: int = 0) -> str:
    ordered = sorted(names)
    line = f"from {module} import {', '.join(ordered)}"
    if indent + len(line) <= layout.WIDTH:
        return line
    margin = " " * indent
    return "\n".join((f"from {module} import (", *(f"{margin}    {name}," for name in ordered), f"{margin})"))
