"""From YAML nodes to a valid document: every complaint of pydantic becomes a finding at its line.

What is wrong is then cut out, so that later phases see as much of the spec as possible and report their own findings in
the same run.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from cloudstate.compiler.diagnostics import Diagnostic, closest, codes
from cloudstate.compiler.frontend.document import SpecDocument
from cloudstate.compiler.frontend.yaml_path import Path, data, find, key_span, keys, prune
from cloudstate.compiler.source import Mapping, Node, Scalar, Sequence

_EXPECTED = {
    "string_type": "a string",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_FORMS = {
    "a string": "`key: text`",
    "a whole number": "`key: 3`, without quotes",
    "true or false": "`key: true`, without quotes",
    "a list": "`key: [one, other]`",
    "a mapping": "`key: {name: value}`",
}


def validate(root: Mapping) -> tuple[Mapping, tuple[Diagnostic, ...]]:
    """What of the tree is as it should be, and all findings.

    The result has only known keys with values of the right type; what is missing stays missing.
    """
    tree = root
    found: tuple[Diagnostic, ...] = ()
    while True:
        try:
            SpecDocument.model_validate(data(tree))
        except ValidationError as error:
            details = error.errors(include_url=False)
        else:
            return tree, found
        found = found or tuple(_diagnostic(root, detail) for detail in details)
        cuts = {cut for detail in details if (cut := _cut(detail)) is not None}
        if not cuts:
            return tree, found
        tree = prune(tree, cuts)


def _path(detail: ErrorDetails) -> Path:
    return tuple(part for part in detail["loc"] if part != "[key]")


def _cut(detail: ErrorDetails) -> Path | None:
    """The part to leave out; None where something is missing that nothing else hangs on."""
    path = _path(detail)
    if detail["type"] != "missing":
        return path or None
    return path[:-1] if len(path) > 2 else None


def _diagnostic(root: Node, detail: ErrorDetails) -> Diagnostic:
    path = _path(detail)
    match detail["type"]:
        case "extra_forbidden":
            return _unknown_key(root, path)
        case "missing":
            return _missing_key(root, path)
        case "literal_error":
            return _unknown_value(root, path, str(detail.get("ctx", {}).get("expected", "")))
        case "bad_duration":
            return codes.BAD_DURATION.at(
                find(root, path).span, "a number and one of `ms`, `s`, `m`, `h`, `d`", found=_shown(root, path)
            ).help("write for example `30s` or `500ms`")
        case kind if kind in _EXPECTED:
            return _wrong_type(root, path, _EXPECTED[kind])
    bound, way_out = _bound(detail)
    found = codes.OUT_OF_RANGE.at(
        find(root, path).span, key=_name(path), found=_shown(root, path), expected=f"{bound} is expected"
    )
    return found.help(way_out)


def _bound(detail: ErrorDetails) -> tuple[str, str]:
    """What is expected, and what to write."""
    context = detail.get("ctx", {})
    match detail["type"]:
        case "greater_than_equal":
            return f"at least {context['ge']}", f"write `{context['ge']}` or more"
        case "less_than_equal":
            return f"at most {context['le']}", f"write `{context['le']}` or less"
    return "at least one", "write one, or leave the key out"


def _name(path: Path) -> str:
    names = [part for part in path if isinstance(part, str)]
    return names[-1] if names else "the spec"


def _shown(root: Node, path: Path) -> str:
    match find(root, path):
        case Sequence(items=()) | Mapping(entries=()):
            return "empty"
        case Scalar(value=None):
            return "null"
        case node:
            return node.span.text.splitlines()[0] if node.span.text else '""'


def _unknown_key(root: Node, path: Path) -> Diagnostic:
    parent = path[:-1]
    key = str(path[-1])
    span = key_span(root, path)
    known = _known_keys(parent)
    present = keys(find(root, parent))
    found = codes.UNKNOWN_KEY.at(span, f"not a key of {_place(parent)}", key=key)
    guess = closest(key, known)
    if guess in present:
        return found.note(f"`{guess}` is already there").help("take this one out")
    return found.did_you_mean(guess, span) if guess else found.help(f"known keys: {', '.join(known)}")


def _place(path: Path) -> str:
    if not path:
        return "a spec"
    match path[-1]:
        case int():
            return f"an item of `{path[-2]}`"
        case name:
            return f"`{name}`"


def _known_keys(path: Path) -> list[str]:
    model: type[BaseModel] | None = SpecDocument
    for part in path:
        if isinstance(part, str) and model is not None:
            model = _model_of(model, part)
    if model is None:
        return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_of(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    """The model that stands at a key, be it alone, optional, in a list or in a mapping; ``model`` where the key is
    one of a free mapping."""
    field = next((field for name, field in model.model_fields.items() if (field.alias or name) == key), None)
    if field is None:
        return model
    return next(_models_in(field.annotation), None)


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _models_in(argument)


def _missing_key(root: Node, path: Path) -> Diagnostic:
    parent = path[:-1]
    span = key_span(root, parent)
    where = "this spec" if not parent else "this one" if isinstance(parent[-1], int) else f"`{parent[-1]}`"
    found = codes.MISSING_KEY.at(span, f"{where} needs `{path[-1]}`", key=_dotted(path))
    return found.help(f"write `{path[-1]}: ...` there")


def _dotted(path: Path) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def _unknown_value(root: Node, path: Path, expected: str) -> Diagnostic:
    span = find(root, path).span
    values = [part.strip("' ") for part in expected.replace(" or ", ",").split(",")]
    listed = ", ".join(f"`{value}`" for value in values)
    shown = _shown(root, path)
    found = {
        "apiVersion": codes.BAD_API_VERSION.at(span, f"this compiler reads {listed}", found=shown),
        "kind": codes.BAD_KIND.at(span, f"expected {listed}", found=shown) if path == ("kind",) else None,
        "model": codes.UNKNOWN_MODEL.at(span, f"one of {listed}", found=shown),
    }.get(_name(path)) or codes.UNKNOWN_VALUE.at(span, f"one of {listed}", found=shown, key=_name(path))
    guess = closest(shown, values)
    return found.did_you_mean(guess, span) if guess else found.help(f"write one of {listed}")


def _wrong_type(root: Node, path: Path, expected: str) -> Diagnostic:
    node = find(root, path)
    span = key_span(root, path) if isinstance(node, Mapping | Sequence) else node.span
    found = codes.WRONG_TYPE.at(span, key=_name(path), found=_kind(node), expected=expected)
    if expected == "a string" and isinstance(node, Scalar) and node.value is not None:
        return found.help(f'put it in quotes: `"{node.span.text}"`').edit(node.span, f'"{node.span.text}"')
    if expected == "a list" and isinstance(node, Scalar) and node.value is not None:
        return found.help(f"put it in brackets: `[{node.span.text}]`").edit(node.span, f"[{node.span.text}]")
    return found.help(f"write {expected}, as in {_FORMS[expected]}")


def _kind(node: Node) -> str:
    match node:
        case Mapping():
            return "a mapping"
        case Sequence():
            return "a list"
        case Scalar(value=None):
            return "empty"
        case Scalar(value=bool()):
            return "true or false"
        case Scalar(value=int() | float()):
            return "a number"
    return "a string"
