"""Which scalar types read each other's encodings without changing a value.

Protobuf calls more types compatible than these: it lets a value be cut to the size of the new type. Stored values must
come back as they were.
"""

from __future__ import annotations

from collections.abc import Iterable

#: Types that are encoded as varints, and the values that they can hold.
_VARINTS = {
    "bool": (0, 1),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}
_OTHERS = {("sint32", "sint64"), ("string", "bytes")}


def keeps_values(old: str, new: str) -> bool:
    """Every value that was written as ``old`` is read as the same value as ``new``. True becomes 1, text its UTF-8."""
    if old == new or (old, new) in _OTHERS:
        return True
    if old not in _VARINTS or new not in _VARINTS:
        return False
    return _holds(new, _VARINTS[old])


def keeps_numbers(numbers: Iterable[int], new: str) -> bool:
    """Every one of an enum's numbers is read as the same number as ``new``, which is no enum."""
    return new in _VARINTS and new != "bool" and all(_holds(new, (number, number)) for number in numbers)


def keeps_text(old: str, new: str) -> bool:
    """A value is spelled the same in an entity's id: whole numbers are, truth values and bytes are not numbers."""
    return old == new or not {old, new} & {"bool", "bytes"}


def _holds(type_: str, values: tuple[int, int]) -> bool:
    first, last = _VARINTS[type_]
    return first <= values[0] and values[1] <= last
