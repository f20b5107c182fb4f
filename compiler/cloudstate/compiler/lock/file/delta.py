"""A version as the difference to the one before, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from cloudstate.compiler.lock.recorded import Channel, Entity, Enum, Message, Stored, Version

_T = TypeVar("_T")
_NOTHING = Stored(service="", shards=0)


@dataclass(frozen=True, slots=True)
class Part(Generic[_T]):
    """What is new or different among named things, and which of them are gone."""

    changed: Mapping[str, _T] = field(default_factory=dict)
    gone: tuple[str, ...] = ()

    def on(self, before: Mapping[str, _T]) -> dict[str, _T]:
        """What ``before`` becomes."""
        kept = {name: value for name, value in before.items() if name not in self.gone}
        return dict(sorted({**kept, **self.changed}.items()))


@dataclass(frozen=True, slots=True)
class Delta:
    """A version; None stands for what is as it was."""

    name: str
    service: str | None
    shards: int | None
    channels: tuple[Channel, ...] | None
    entities: Part[Entity]
    messages: Part[Message]
    enums: Part[Enum]
    samples: Part[tuple[bytes, ...]]


def delta(version: Version, before: Version | None) -> Delta:
    """What is different; a first version is different from nothing."""
    old, new = before.stored if before is not None else _NOTHING, version.stored
    return Delta(
        name=version.name,
        service=new.service if new.service != old.service else None,
        shards=new.shards if new.shards != old.shards else None,
        channels=new.channels if new.channels != old.channels else None,
        entities=_part(old.entities, new.entities),
        messages=_part(old.messages, new.messages),
        enums=_part(old.enums, new.enums),
        samples=_part(before.samples if before is not None else {}, version.samples),
    )


def joined(change: Delta, before: Version | None) -> Version:
    """The version that the difference makes."""
    old = before.stored if before is not None else _NOTHING
    stored = Stored(
        service=old.service if change.service is None else change.service,
        shards=old.shards if change.shards is None else change.shards,
        channels=old.channels if change.channels is None else change.channels,
        entities=change.entities.on(old.entities),
        messages=change.messages.on(old.messages),
        enums=change.enums.on(old.enums),
    )
    return Version(change.name, stored, change.samples.on(before.samples if before is not None else {}))


def _part(old: Mapping[str, _T], new: Mapping[str, _T]) -> Part[_T]:
    changed = {name: value for name, value in sorted(new.items()) if old.get(name) != value}
    return Part(changed, tuple(sorted(old.keys() - new.keys())))
