"""The handlers in Python: names that are hard to tell apart, and what the author's classes lack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from cloudstate.compiler.diagnostics import Diagnostic, closest, codes
from cloudstate.compiler.model.naming import implementation_of
from cloudstate.compiler.model.spec import AuthorClass, EntitySpec, Handlers, Spec


def check(spec: Spec, handlers: Sequence[Handlers]) -> Iterator[Diagnostic]:
    """What is odd about the names of handlers, or missing in the author's modules."""
    by_service = {entity.service.value.full_name: entity for entity in spec.entities}
    for handled in handlers:
        entity = by_service[handled.entity]
        yield from _similar_commands(entity, handled)
        yield from _same_events(entity, handled)
        yield from _drift(spec, entity, handled)


def _similar_commands(entity: EntitySpec, handlers: Handlers) -> Iterator[Diagnostic]:
    for (first, method), (second, other) in combinations(handlers.commands, 2):
        one, two = entity.service.value.rpc(first), entity.service.value.rpc(second)
        if _folded(first) == _folded(second) and one is not None and two is not None:
            found = codes.SIMILAR_COMMANDS.at(two.span, f"the method is `{other}`", first=first, second=second)
            yield found.also(one.span, f"the method is `{method}`").help("give one of them another name")


def _folded(name: str) -> str:
    return name.replace("_", "").lower()


def _same_events(entity: EntitySpec, handlers: Handlers) -> Iterator[Diagnostic]:
    methods = dict(handlers.events)
    groups: dict[str, list[str]] = {}
    for name in methods:
        groups.setdefault(name.rpartition(".")[2], []).append(name)
    for short, names in groups.items():
        spans = [event.span for event in entity.events if event.value.type.full_name in names]
        if len(names) > 1 and len(spans) == len(names):
            found = codes.SAME_EVENT_NAME.at(spans[-1], f"handled by `{methods[names[-1]]}`", name=short)
            for span, name in zip(spans[:-1], names[:-1], strict=True):
                found = found.also(span, f"handled by `{methods[name]}`")
            yield found


def _drift(spec: Spec, entity: EntitySpec, handlers: Handlers) -> Iterator[Diagnostic]:
    path = implementation_of(entity)
    module_name, _, class_name = path.rpartition(".")
    module = spec.modules.get(module_name)
    file = f"{module_name.replace('.', '/')}.py"
    place = entity.implementation.span if entity.implementation else entity.service.span
    if module is None:
        found = codes.CLASS_NOT_FOUND.at(place, f"`{file}` beside the spec does not exist", path=path)
        yield found.help(_class_help(spec, class_name, handlers))
        return
    if module.classes is None:
        found = codes.CLASS_NOT_FOUND.at(place, f"`{file}` beside the spec is not valid Python", path=path)
        yield (found.also(*module.mistake) if module.mistake else found).help(f"mend `{file}`")
        return
    author = module.classes.get(class_name)
    if author is None:
        found = codes.CLASS_NOT_FOUND.at(place, f"`{file}` has no such class", path=path)
        guess = closest(class_name, module.classes)
        yield found.did_you_mean(guess) if guess else found.help(_class_help(spec, class_name, handlers))
        return
    yield from _missing_handlers(author, path, handlers)


def _class_help(spec: Spec, class_name: str, handlers: Handlers) -> str:
    package = f"{spec.name.value.replace('-', '_')}_service"
    return f"write it: `class {class_name}({handlers.base})`, with `from {package} import {handlers.base}`"


def _missing_handlers(author: AuthorClass, path: str, handlers: Handlers) -> Iterator[Diagnostic]:
    if any(base != handlers.base for base in author.bases):
        return  # whatever else it extends may define handlers
    commands = [f"def {method}(self, command, ctx)" for _, method in handlers.commands if method not in author.defines]
    events = [f"def {method}(self, state, event)" for _, method in handlers.events if method not in author.defines]
    missing = [*commands, *events]
    missing += [f"def {method}(self, old)" for _, method in handlers.upcasters if method not in author.defines]
    if not missing:
        return
    names = [signature.removeprefix("def ").partition("(")[0] for signature in missing]
    found = codes.HANDLER_NOT_FOUND.at(author.span, path=path, methods=", ".join(f"`{name}`" for name in names))
    expected = {method for _, method in (*handlers.commands, *handlers.events, *handlers.upcasters)}
    for name in names:
        guess = closest(name, author.defines - expected)
        if guess:
            found = found.note(f"`{guess}` is defined, but is not a handler; is `{name}` meant?")
    yield found.help("define\n" + "\n".join(missing))
