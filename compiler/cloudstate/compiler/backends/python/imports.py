"""Imports are derived: whoever writes an expression asks for the names in it, and the block is printed at the end."""

from __future__ import annotations

from collections.abc import Iterable

from cloudstate.compiler.backends.python.layout import WIDTH

_STANDARD = frozenset({"abc", "asyncio", "collections", "random", "time", "typing", "urllib", "uuid"})
_INSTALLED = frozenset({"cloudstate", "google", "grpc"})


class Imports:
    """The imports of one generated module.

    Args:
        taken: names that the module defines itself; an import that would hide one of them gets an alias.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._locals: dict[tuple[str, str], str] = {}

    def use(self, module: str, name: str) -> str:
        """Import ``name`` from ``module`` ("" for a top-level module) and return what it is called here."""
        known = self._locals.get((module, name))
        if known is not None:
            return known
        local = self._free_name(module, name)
        self._taken.add(local)
        self._locals[module, name] = local
        return local

    def block(self) -> str:
        """The import statements, by section: standard library, installed packages, generated modules."""
        sections: dict[int, list[str]] = {}
        for module in sorted({module for module, _ in self._locals}):
            names = sorted((name, local) for (origin, name), local in self._locals.items() if origin == module)
            sections.setdefault(_section(module), []).extend(_statements(module, names))
        return "\n\n".join("\n".join(sections[section]) for section in sorted(sections))

    def _free_name(self, module: str, name: str) -> str:
        local = name
        for part in reversed(module.split(".")):
            if local not in self._taken:
                return local
            local = f"{part}_{local}" if part else f"{local}_"
        while local in self._taken:
            local = f"{local}_"
        return local


def _section(module: str) -> int:
    root = module.partition(".")[0]
    return 0 if root in _STANDARD else 1 if root in _INSTALLED else 2


def _statements(module: str, names: list[tuple[str, str]]) -> list[str]:
    items = [name if name == local else f"{name} as {local}" for name, local in names]
    if not module:
        return [f"import {item}" for item in items]
    line = f"from {module} import {', '.join(items)}"
    if len(line) <= WIDTH:
        return [line]
    return [f"from {module} import (", *(f"    {item}," for item in items), ")"]
