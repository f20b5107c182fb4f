"""Enums: values are added, renamed, removed, moved, and given several names."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.descriptor_pb2 import EnumValueDescriptorProto
from tests.conformance.schema_changes.draft import Case, Draft, Mutation

VALUES = {"COLOUR_RED": 1, "COLOUR_GREEN": 2, "COLOUR_BLUE": 3}


def cases() -> Iterator[Case]:
    """All of them."""
    for name in VALUES:
        yield Case(f"{name} gets another name", (rename(name, "COLOUR_OTHER"),), "safe")
        yield Case(f"{name} is removed", (remove(name),), "breaking")
        yield Case(f"{name} is removed and reserved", (remove(name, reserve=True),), "breaking")
        yield Case(f"{name} gets another number", (renumber(name, 9),), "breaking")
        yield Case(f"{name} gets a second name", (alias(name, "COLOUR_OTHER"),), "safe")
    yield Case("the zero gets another name", (rename("COLOUR_UNKNOWN", "COLOUR_UNSPECIFIED"),), "safe")
    yield Case("red and blue change numbers", (swap("COLOUR_RED", "COLOUR_BLUE"),), "breaking")
    yield Case("the zero and red change numbers", (swap("COLOUR_UNKNOWN", "COLOUR_RED"),), "breaking")
    yield Case("there is one more colour", (add("COLOUR_WHITE", 4),), "safe")
    yield Case("there is one with a negative number", (add("COLOUR_BLACK", -1),), "safe")
    yield Case("the values are declared in another order", (reorder,), "safe")


def rename(name: str, other: str) -> Mutation:
    """A value is called something else."""

    def change(draft: Draft) -> None:
        _value(draft, name).name = other

    return change


def remove(name: str, *, reserve: bool = False) -> Mutation:
    """A value is gone; its number may be reserved."""

    def change(draft: Draft) -> None:
        enum, value = draft.enum("Colour"), _value(draft, name)
        if reserve:
            enum.reserved_range.add(start=value.number, end=value.number)
        enum.value.remove(value)

    return change


def renumber(name: str, number: int) -> Mutation:
    """A value has another number."""

    def change(draft: Draft) -> None:
        _value(draft, name).number = number

    return change


def swap(first: str, second: str) -> Mutation:
    """Two values have each other's number. The first declared value must be zero."""

    def change(draft: Draft) -> None:
        one, other = _value(draft, first), _value(draft, second)
        one.number, other.number = other.number, one.number
        values = sorted(draft.enum("Colour").value, key=lambda value: value.number)
        _set_values(draft, values)

    return change


def alias(name: str, other: str) -> Mutation:
    """A number has two names."""

    def change(draft: Draft) -> None:
        draft.enum("Colour").options.allow_alias = True
        draft.enum("Colour").value.add(name=other, number=VALUES[name])

    return change


def add(name: str, number: int) -> Mutation:
    """A new value."""

    def change(draft: Draft) -> None:
        draft.enum("Colour").value.add(name=name, number=number)

    return change


def reorder(draft: Draft) -> None:
    """The values stand in another order, with the numbers that they had."""
    first, *others = draft.enum("Colour").value
    _set_values(draft, [first, *reversed(others)])


def _value(draft: Draft, name: str) -> EnumValueDescriptorProto:
    return next(value for value in draft.enum("Colour").value if value.name == name)


def _set_values(draft: Draft, values: list[EnumValueDescriptorProto]) -> None:
    enum = draft.enum("Colour")
    copies = [EnumValueDescriptorProto(name=value.name, number=value.number) for value in values]
    del enum.value[:]
    enum.value.extend(copies)
