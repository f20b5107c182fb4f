"""The author's modules, parsed but never run: which classes they have and what these define."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from cloudstate.compiler.frontend.files import read_source
from cloudstate.compiler.model.naming import implementation_of
from cloudstate.compiler.model.spec import AuthorClass, AuthorModule, EntitySpec
from cloudstate.compiler.source import Source, Span


def modules_of(folder: Path, shown: str, entities: Iterable[EntitySpec]) -> Mapping[str, AuthorModule]:
    """The modules that implement the entities, by dotted name; those that do not exist are left out."""
    modules: dict[str, AuthorModule] = {}
    for name in {implementation_of(entity).rpartition(".")[0] for entity in entities}:
        base = folder.joinpath(*name.split("."))
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if name and path.is_file():
                source = read_source(path, f"{shown}/{path.relative_to(folder).as_posix()}".lstrip("/"))
                modules.setdefault(name, _module(source) if isinstance(source, Source) else AuthorModule(None))
    return modules


def _module(source: Source) -> AuthorModule:
    try:
        tree = ast.parse(source.text)
    except SyntaxError as error:
        return AuthorModule(None, _mistake(error, source))
    except (ValueError, RecursionError):
        return AuthorModule(None)
    return AuthorModule({node.name: _class(node, source) for node in tree.body if isinstance(node, ast.ClassDef)})


def _mistake(error: SyntaxError, source: Source) -> tuple[Span, str] | None:
    if error.lineno is None:
        return None
    start = source.offset(error.lineno, error.offset or 1)
    return Span(source, start, min(start + 1, len(source.text))), error.msg


def _class(node: ast.ClassDef, source: Source) -> AuthorClass:
    bases = tuple(ast.unparse(base).partition("[")[0].rpartition(".")[2] for base in node.bases)
    line = Span(source, source.offset(node.lineno), source.offset(node.lineno + 1))
    return AuthorClass(frozenset(_defined(node)), bases, line.find(node.name))


def _defined(node: ast.ClassDef) -> Iterator[str]:
    for statement in node.body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
