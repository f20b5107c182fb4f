"""Put a new entity into a spec: text is inserted at places that the YAML parser names, all other text stays."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from cloudstate.compiler.scaffold.errors import ScaffoldRefused

_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class SpecEntry:
    """What a new entity adds to a spec.

    Attributes:
        proto: its .proto file, for ``spec.protos``.
        service: the full name of its gRPC service.
        lines: its entry for ``spec.entities``, a block mapping, line by line without indent.
    """

    proto: str
    service: str
    lines: tuple[str, ...]


def add_to_spec(text: str, entry: SpecEntry) -> str:
    """The text of a spec with ``entry`` added.

    Raises:
        ScaffoldRefused: the text is no spec with a list of entities, has the service already, or is written in a way
            that this function cannot extend.
    """
    spec = _value(_root(text), "spec")
    entities = _sequence(spec, "entities")
    if entities is None:
        raise _by_hand("the spec has no list `spec.entities`", entry)
    if any(_scalar(item, "service") == entry.service for item in entities.value):
        raise ScaffoldRefused(f"the spec already has an entity `{entry.service}`", help="choose another name")
    insertions = [_insertion(text, entities, entry.lines)]
    protos = _sequence(spec, "protos")
    if protos is not None and entry.proto not in [item.value for item in protos.value]:
        insertions.append(_insertion(text, protos, (entry.proto,)))
    changed = text
    for position, added in sorted(insertions, reverse=True):
        changed = changed[:position] + added + changed[position:]
    if not _is_extended(text, changed, entry, has_protos=protos is not None):
        raise _by_hand("the spec is laid out in a way that cannot be extended safely", entry)
    return changed


def _by_hand(problem: str, entry: SpecEntry) -> ScaffoldRefused:
    lines = "\n".join(f"    {line}" for line in entry.lines)
    return ScaffoldRefused(problem, help=f"add it to `spec.entities` by hand:\n{lines}")


def service_name(text: str) -> str:
    """The name of the service that a spec describes.

    Raises:
        ScaffoldRefused: there is none.
    """
    name = _scalar(_value(_root(text), "metadata"), "name")
    if name is None or _NAME.fullmatch(name) is None:
        raise ScaffoldRefused("the spec has no usable `metadata.name`", help="run `cloudstate compile` on it first")
    return name


def _root(text: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ScaffoldRefused(f"the spec is not YAML: {error}", help="mend it first") from error


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _scalar(node: yaml.Node | None, key: str) -> str | None:
    value = _value(node, key)
    return value.value if isinstance(value, yaml.ScalarNode) else None


def _sequence(node: yaml.Node | None, key: str) -> yaml.SequenceNode | None:
    value = _value(node, key)
    return value if isinstance(value, yaml.SequenceNode) else None


def _insertion(text: str, sequence: yaml.SequenceNode, lines: tuple[str, ...]) -> tuple[int, str]:
    """Where in ``text`` to insert what, so that ``sequence`` gets one more item."""
    if sequence.flow_style:
        item = _flow(lines)
        return (_end(sequence.value[-1]).index, f", {item}") if sequence.value else (sequence.end_mark.index - 1, item)
    margin = " " * sequence.start_mark.column
    first, *rest = lines
    added = "".join(f"{margin}{line}\n" for line in (f"- {first}", *(f"  {line}" for line in rest)))
    end = _end(sequence)
    if end.column == 0:
        return end.index, added
    newline = text.find("\n", end.index)
    return (len(text), f"\n{added}") if newline < 0 else (newline + 1, added)


def _flow(lines: tuple[str, ...]) -> str:
    item = yaml.safe_load("\n".join(lines))
    return yaml.safe_dump(item, default_flow_style=True, width=10_000, sort_keys=False).removesuffix("...\n").strip()


def _end(node: yaml.Node) -> Any:
    """The mark behind the last character that belongs to ``node``; that of a block collection is too far down."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return node.end_mark


def _is_extended(before: str, after: str, entry: SpecEntry, *, has_protos: bool) -> bool:
    expected = yaml.safe_load(before)
    expected["spec"]["entities"].append(yaml.safe_load("\n".join(entry.lines)))
    if has_protos and entry.proto not in expected["spec"]["protos"]:
        expected["spec"]["protos"].append(entry.proto)
    try:
        return bool(yaml.safe_load(after) == expected)
    except yaml.YAMLError:
        return False
