"""The versions of a lock file, out of its YAML."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterable

from cloudstate.compiler.lock.declaration import EnumValue, Reserved, read_field, read_key, read_reserved, read_value
from cloudstate.compiler.lock.file.delta import Delta, Part, joined
from cloudstate.compiler.lock.file.node import Damaged, each, flag, mapping, named, number, parsed, record, text
from cloudstate.compiler.lock.file.seal import digest_of
from cloudstate.compiler.lock.recorded import SCALARS, Channel, Direction, Entity, Enum, Field, Message, Stored, Version
from cloudstate.compiler.source import Node, Span

_PARTS = "service shards entities channels messages enums gone samples"


def read_versions(node: Node | None) -> tuple[Version, ...]:
    """All versions, oldest first.

    Raises:
        Damaged: at the first version that is not as it was recorded; what comes after it cannot be read either.
    """
    versions: list[Version] = []
    digest = ""
    for item in each(node, lambda item: item):
        change = _delta(item)
        digest = digest_of(change, digest)
        version = joined(change, versions[-1] if versions else None)
        if version.name in {known.name for known in versions}:
            raise Damaged(mapping(item)["version"].span, f"the version `{version.name}` is there twice")
        _refuse_others(item, version, digest)
        versions.append(version)
    return tuple(versions)


def _refuse_others(node: Node, version: Version, digest: str) -> None:
    """Refuse a version that is not what was recorded."""
    parts, stored = mapping(node), version.stored
    missing = sorted(_used(stored) - stored.messages.keys() - stored.enums.keys() - SCALARS)
    if missing:
        raise Damaged(parts["version"].span, f"`{missing[0]}` is used in this version and not recorded")
    if digest != text(parts["digest"]):
        raise Damaged(parts["digest"].span, f"the version `{version.name}` is not what was recorded")


def _delta(node: Node) -> Delta:
    parts = record(node, "version digest", _PARTS)
    gone = record(parts["gone"], "", "entities messages enums samples") if "gone" in parts else {}

    def without(name: str) -> tuple[str, ...]:
        return each(gone.get(name), text)

    return Delta(
        name=text(parts["version"]),
        service=text(parts["service"]) if "service" in parts else None,
        shards=number(parts["shards"]) if "shards" in parts else None,
        channels=tuple(each(parts["channels"], _channel)) if "channels" in parts else None,
        entities=Part(named(parts.get("entities"), _entity), without("entities")),
        messages=Part(named(parts.get("messages"), _message), without("messages")),
        enums=Part(named(parts.get("enums"), _enum), without("enums")),
        samples=Part(named(parts.get("samples"), lambda _, samples: each(samples, _sample)), without("samples")),
    )


def _used(stored: Stored) -> set[str]:
    """The names of all types that are mentioned."""
    fields = {field.type for message in stored.messages.values() for field in message.fields}
    entities = {name for entity in stored.entities.values() for name in (entity.state, *entity.events)}
    return (fields | entities | {channel.message for channel in stored.channels}) - {""}


def _entity(type_: str, node: Node) -> Entity:
    parts = record(node, "service model", "crdt state snapshots events keys")
    return Entity(
        type=type_,
        service=text(parts["service"]),
        model=text(parts["model"]),
        state=text(parts.get("state")),
        has_snapshots=flag(parts.get("snapshots")),
        events=each(parts.get("events"), text),
        crdt=text(parts.get("crdt")),
        keys=named(parts.get("keys"), lambda _, keys: each(keys, lambda key: parsed(key, read_key, "a key"))),
    )


def _channel(node: Node) -> Channel:
    parts = record(node, "message", "consumed published group")
    direction = Direction.CONSUMED if "consumed" in parts else Direction.PUBLISHED
    if direction.value not in parts:
        raise Damaged(node.span, "a channel is neither consumed nor published")
    return Channel(direction, text(parts[direction.value]), text(parts.get("group")), text(parts["message"]))


def _message(name: str, node: Node) -> Message:
    lines = each(node, lambda line: parsed(line, lambda it: read_reserved(it) or read_field(it), "a field"))
    fields = tuple(line for line in lines if isinstance(line, Field))
    _refuse_doubles((field.number for field in fields), node.span, name)
    return Message(name, fields, _reserved(lines))


def _enum(name: str, node: Node) -> Enum:
    lines = each(node, lambda line: parsed(line, lambda it: read_reserved(it) or read_value(it), "an enum value"))
    values = tuple((line.number, line.name) for line in lines if isinstance(line, EnumValue))
    return Enum(name, values, _reserved(lines))


def _reserved(lines: Iterable[object]) -> tuple[tuple[int, int], ...]:
    return tuple(part for line in lines if isinstance(line, Reserved) for part in line.ranges)


def _refuse_doubles(numbers: Iterable[int], span: Span, name: str) -> None:
    seen: set[int] = set()
    for known in numbers:
        if known in seen:
            raise Damaged(span, f"`{name}` has two fields with the number {known}")
        seen.add(known)


def _sample(node: Node) -> bytes:
    try:
        return b64decode(text(node), validate=True)
    except (binascii.Error, ValueError):
        raise Damaged(node.span, "a sample is not base64") from None
