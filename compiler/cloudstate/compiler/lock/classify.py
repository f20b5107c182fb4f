"""All changes between what is recorded and what a spec says today. Every recorded version counts, not only the newest:
a journal may hold data of all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cloudstate.compiler.diagnostics import codes
from cloudstate.compiler.lock.change import Change, Place, PlaceKind, Verdict, merged
from cloudstate.compiler.lock.channels import compare_channels
from cloudstate.compiler.lock.entities import compare_entities
from cloudstate.compiler.lock.history import History
from cloudstate.compiler.lock.recorded import Current, Stored, Version


def classify(versions: Sequence[Version], today: Current) -> tuple[Change, ...]:
    """The changes since each version, oldest first; each is listed once."""
    found = []
    for index, version in enumerate(versions):
        history = History([known.stored for known in versions], index)
        found += [(version.name, change) for change in compare(version.stored, today, history)]
    return merged(found)


def compare(old: Stored, today: Current, history: History) -> Iterator[Change]:
    """The changes since one version."""
    new = today.stored
    if old.entities and old.service != new.service:
        yield Change(
            code=codes.SERVICE_RENAMED,
            subject="name",
            place=Place(PlaceKind.SERVICE),
            verdict=Verdict.DATA_LOSS,
            was=(f"name: {old.service}",),
            now=f"name: {new.service}",
            why="stores keep the data of a service under its name",
            help=f"write `name: {old.service}`",
        )
    if old.entities and old.shards != new.shards:
        yield Change(
            code=codes.SHARDS_CHANGED,
            subject="shards",
            place=Place(PlaceKind.SHARDS),
            verdict=Verdict.NEEDS_REBUILD,
            was=(f"shards: {old.shards}",),
            now=f"shards: {new.shards}",
            why="two members with different numbers place the same entity differently",
            help=f"write `shards: {old.shards}`, or stop all members before one of the new version starts",
        )
    yield from compare_entities(old, today, history)
    yield from compare_channels(old, new, history)
