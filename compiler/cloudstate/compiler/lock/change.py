"""One difference between what is recorded and what the spec says today, judged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum, IntEnum

from cloudstate.compiler.diagnostics import Code


class Verdict(IntEnum):
    """What a change means for recorded data, from harmless to worst."""

    SAFE = 0
    NEEDS_REBUILD = 1
    NEEDS_UPCASTER = 2
    DATA_LOSS = 3

    @property
    def is_breaking(self) -> bool:
        """Such a change must not be shipped as it is."""
        return self is not Verdict.SAFE

    def __str__(self) -> str:
        return _NAMES[self]


_NAMES = {
    Verdict.SAFE: "safe",
    Verdict.NEEDS_REBUILD: "needs a rebuild",
    Verdict.NEEDS_UPCASTER: "needs an upcaster",
    Verdict.DATA_LOSS: "data loss",
}


class PlaceKind(Enum):
    """The parts of a spec and its protos that a finding can point to."""

    SERVICE = "service"
    SHARDS = "shards"
    ENTITY = "entity"
    MESSAGE = "message"
    ENUM = "enum"
    RPC = "rpc"
    UPCASTER = "upcaster"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the change is seen today.

    Attributes:
        kind: what ``name`` names.
        name: full name of a message, enum, rpc or gRPC service.
        part: the field, the enum value, the key of the entity in the spec, or what an upcaster comes from; "" for the
            whole.
    """

    kind: PlaceKind
    name: str = ""
    part: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A difference.

    Attributes:
        code: the finding.
        subject: what is recorded and now differs, e.g. ``shop.ItemAdded.quantity``.
        place: where it is seen.
        verdict: what it means for recorded data.
        was: how it is recorded, one text per way; ``versions`` says which versions recorded each.
        now: what it is today; "" where it is gone.
        versions: names of versions, as many tuples as ``was`` has texts.
        why: a fact about this case, or "".
        help: what to do.
    """

    code: Code
    subject: str
    place: Place
    verdict: Verdict
    was: tuple[str, ...] = ()
    now: str = ""
    versions: tuple[tuple[str, ...], ...] = ()
    why: str = ""
    help: str = ""


def merged(changes: Iterable[tuple[str, Change]]) -> tuple[Change, ...]:
    """One change for each code and subject, out of changes against single versions, given with the version's name.

    The worst verdict counts. What was recorded differently in different versions is listed in their order.
    """
    found: dict[tuple[str, str], Change] = {}
    recorded: dict[tuple[str, str], dict[str, dict[str, None]]] = {}
    for version, change in changes:
        key = change.code.id, change.subject
        known = found.get(key)
        if known is None or change.verdict > known.verdict:
            found[key] = change
        for text in change.was:
            recorded.setdefault(key, {}).setdefault(text, {})[version] = None
    return tuple(
        replace(
            change,
            was=tuple(recorded.get(key, {})),
            versions=tuple(tuple(names) for names in recorded.get(key, {}).values()),
        )
        for key, change in found.items()
    )
