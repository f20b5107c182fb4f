"""Oneofs: whether data could have had several members of what is a oneof today, and whether it still shows which.

A field that moves alone into a new oneof, a oneof that is split, and one that has another name read what was written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import combinations

from cloudstate.compiler.diagnostics import codes
from cloudstate.compiler.lock.change import Change, Place, PlaceKind, Verdict
from cloudstate.compiler.lock.declaration import field_text
from cloudstate.compiler.lock.recorded import Field, Label, Message

_HELP = "leave the fields as they were and make a new oneof of new fields, or a new message with an upcaster"


def compare_oneofs(old: Message, new: Message, messages: Collection[str], breaking: Verdict) -> Iterator[Change]:
    """What has changed for the worse about the oneofs of a message; ``messages`` are the names of today's."""
    for name in dict.fromkeys(field.oneof for field in new.fields if field.oneof):
        yield from _joined(old, new, name, breaking)
    for name in dict.fromkeys(field.oneof for field in old.fields if field.oneof):
        yield from _left(old, new, name, messages, breaking)


def _joined(old: Message, new: Message, oneof: str, breaking: Verdict) -> Iterator[Change]:
    """Fields that exclude each other today and did not before: data may have several of them."""
    known = [known for field in new.fields if field.oneof == oneof and (known := old.number(field.number)) is not None]
    together = [pair for pair in combinations(known, 2) if not pair[0].oneof or pair[0].oneof != pair[1].oneof]
    if together:
        moved = next(field for field in together[0] if field.oneof != oneof)
        today = new.number(moved.number)
        names = " and ".join(f"`{field.name}`" for field in together[0])
        yield Change(
            code=codes.ONEOF_CHANGED,
            subject=f"{new.name}.{oneof}",
            place=Place(PlaceKind.MESSAGE, new.name, today.name if today else ""),
            verdict=breaking,
            was=(_listed(known),),
            now=_listed(field for field in new.fields if field.oneof == oneof),
            why=f"data may have {names}, and only the last of them would be read",
            help=_HELP,
        )


def _left(old: Message, new: Message, oneof: str, messages: Collection[str], breaking: Verdict) -> Iterator[Change]:
    """Members that became plain scalars: one that was set to its zero can no longer be told from one that was not."""
    members = [field for field in old.fields if field.oneof == oneof]
    for field in members if len(members) > 1 else ():
        today = new.number(field.number)
        if today is not None and today.type not in messages and today.label is Label.IMPLICIT and not today.oneof:
            yield Change(
                code=codes.ONEOF_CHANGED,
                subject=f"{old.name}.{field.name}",
                place=Place(PlaceKind.MESSAGE, new.name, today.name),
                verdict=breaking,
                was=(field_text(field),),
                now=field_text(today),
                why=f"data where `{field.name}` is set to its zero would look as if nothing of `{oneof}` was set",
                help=f"make it `optional {today.type} {today.name} = {today.number};`",
            )


def _listed(fields: Iterable[Field]) -> str:
    return ", ".join(field_text(field) for field in fields)
