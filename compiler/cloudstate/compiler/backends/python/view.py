"""What the template sees: finished strings, which carry their line breaks and, after the first line, their indent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MethodView:
    """One method: ``lines`` are its decorators, its signature, its docstring and its statements."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClassView:
    """One class. ``head`` is ``Name(Bases)``, ``attributes`` are assignments in its body."""

    head: str
    docs: str
    attributes: tuple[str, ...] = ()
    methods: tuple[MethodView, ...] = ()


@dataclass(frozen=True, slots=True)
class ModuleView:
    """One module. ``preamble`` stands between the imports and the classes."""

    header: str
    docs: str
    imports: str
    classes: tuple[ClassView, ...]
    preamble: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PackageView:
    """The package's ``__init__.py``: ``imports`` at once, ``lazy_import`` when one of ``lazy_names`` is asked for."""

    header: str
    docs: str
    name: str
    imports: str
    lazy_import: str
    lazy_names: str
    exports: str
