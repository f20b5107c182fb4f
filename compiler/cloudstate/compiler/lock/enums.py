"""Enums: whether every recorded number still has the meaning that it had."""

from __future__ import annotations

from collections.abc import Iterator

from cloudstate.compiler.diagnostics import codes
from cloudstate.compiler.lock.change import Change, Place, PlaceKind, Verdict
from cloudstate.compiler.lock.declaration import value_text
from cloudstate.compiler.lock.history import History
from cloudstate.compiler.lock.recorded import Enum


def compare_enum(old: Enum, new: Enum, history: History, breaking: Verdict) -> Iterator[Change]:
    """What has changed about an enum; ``breaking`` is the verdict on a number that lost its meaning."""
    for number in dict.fromkeys(number for number, _ in old.values):
        if not set(old.names(number)) & set(new.names(number)):
            yield from _renamed(old, new, number, history, breaking)
    for number, name in new.values:
        # If an earlier version had the number, comparing with that one shows what comes of it.
        if old.reserves(number) and not history.earlier_values(old.name, number):
            place = Place(PlaceKind.ENUM, new.name, name)
            was = (f"reserved {number}",)
            yield _reused(f"{new.name}.{name}", place, was, value_text(number, name), breaking)


def is_same_enum(old: Enum, new: Enum) -> bool:
    """An enum under another name: each recorded number still has one of its names, apart from the enum's own prefix."""
    known = {(number, _bare(new, name)) for number, name in new.values}
    numbers = {number for number, _ in old.values}
    return all(any((number, _bare(old, name)) in known for name in old.names(number)) for number in numbers)


def _renamed(old: Enum, new: Enum, number: int, history: History, breaking: Verdict) -> Iterator[Change]:
    """What became of a number that has none of its names any more."""
    name, today = old.names(number)[0], new.names(number)
    subject, was = f"{old.name}.{name}", (value_text(number, name),)
    moved = new.number(name)
    if moved is not None:
        place, now = Place(PlaceKind.ENUM, new.name, name), value_text(moved, name)
        why, help_ = f"stored data has {number} for it", f"give it back the number {number}"
        yield Change(codes.ENUM_VALUE_RENUMBERED, subject, place, breaking, was, now, why=why, help=help_)
    elif not today:
        help_ = "keep the value, marked `[deprecated = true]`, for as long as there is data with it"
        place, why = Place(PlaceKind.ENUM, new.name), f"stored data with {number} would have no meaning"
        yield Change(codes.ENUM_VALUE_REMOVED, subject, place, breaking, was, why=why, help=help_)
    elif history.retired_value(old.name, number):
        place = Place(PlaceKind.ENUM, new.name, today[0])
        yield _reused(subject, place, was, value_text(number, today[0]), breaking)
    elif history.is_newest:
        place, now = Place(PlaceKind.ENUM, new.name, today[0]), value_text(number, today[0])
        help_ = "if it means something else now, give it a number of its own"
        yield Change(codes.ENUM_VALUE_RENAMED, subject, place, Verdict.SAFE, was, now, help=help_)


def _reused(subject: str, place: Place, was: tuple[str, ...], now: str, breaking: Verdict) -> Change:
    why, help_ = "old data would be read as what it never was", "take a number that was never used"
    return Change(codes.NUMBER_REUSED, subject, place, breaking, was, now, why=why, help=help_)


def _bare(enum: Enum, name: str) -> str:
    """The name of a value without the name of its enum: ``RED`` of ``COLOR_RED``."""
    prefix = "".join(part for part in enum.name.rpartition(".")[2].lower() if part != "_")
    rest, matched = name, ""
    while rest and prefix.startswith(matched := matched + rest[0].lower().replace("_", "")):
        rest = rest[1:]
        if matched == prefix:
            return rest.lstrip("_")
    return name
