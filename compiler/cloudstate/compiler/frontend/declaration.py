"""What is said about an entity, in the YAML or in a proto's options: values with places, names as they are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cloudstate.compiler.source import Located, Span


@dataclass(frozen=True, slots=True)
class CommandDeclaration:
    """What is said about one command; its name is located where it is mentioned."""

    name: Located[str]
    effect: Located[str] | None = None
    emits: tuple[Located[str], ...] = ()


@dataclass(frozen=True, slots=True)
class UpcasterDeclaration:
    """A stored message and the one that it becomes; not everything that is stored is still declared."""

    source: Located[str]
    target: Located[str]


@dataclass(frozen=True, slots=True)
class EntityDeclaration:
    """What is said about one entity.

    Attributes:
        service: name of its gRPC service.
        scope: the package that names may be relative to; "" in the YAML, which has none.
        given: where each key stands, by the key of the YAML.
        attempted: the keys that are there in some form, even a broken one.
        values: the single values, by the key of the YAML; ``snapshot`` in events, ``passivation`` in milliseconds,
            ``idempotency`` in answers.
        events: the names of the event types.
        commands: by the name of the rpc.
        upcasters: in the order of the spec.
    """

    service: Located[str]
    scope: str = ""
    given: Mapping[str, Span] = field(default_factory=dict)
    attempted: frozenset[str] = frozenset()
    values: Mapping[str, Located[Any]] = field(default_factory=dict)
    events: tuple[Located[str], ...] = ()
    commands: Mapping[str, CommandDeclaration] = field(default_factory=dict)
    upcasters: tuple[UpcasterDeclaration, ...] = ()
