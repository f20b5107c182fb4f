"""How proto names are spelled in Python: snake_case methods, CamelCase classes, and what happens when two collide."""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

#: Names that the generated classes use themselves, in their bodies or through their base classes.
RESERVED = frozenset({"abstractmethod", "bytes", "definition", "empty_state", "float", "staticmethod", "str"})


def snake_case(name: str) -> str:
    """``GetHTTPCart`` becomes ``get_http_cart``, ``AddItem2`` becomes ``add_item2``."""
    return re.sub("__+", "_", _WORD_START.sub("_", name)).lower()


def camel_case(name: str) -> str:
    """``shopping_cart`` becomes ``ShoppingCart``; letters after the first of a word stay as they are."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def method_name(name: str, reserved: Collection[str] = ()) -> str:
    """The Python method for the rpc ``name``; a trailing underscore keeps it off keywords and reserved names."""
    method = snake_case(name).strip("_")
    if not method.isidentifier():
        method = f"rpc_{method}"
    if keyword.iskeyword(method) or method in RESERVED or method in reserved or method.endswith("_pb2"):
        return f"{method}_"
    return method


def distinct(full_names: Sequence[str], spell: Callable[[str], str]) -> tuple[str, ...]:
    """Spell each name by its last part; where two would be the same, take in more of their packages.

    ``a.v1.Added`` and ``a.v2.Added`` become ``spell("v1_Added")`` and ``spell("v2_Added")``, whatever their order is.
    Names that cannot be told apart even in full are numbered.
    """
    parts = [name.split(".") for name in full_names]
    depths = [1] * len(parts)
    while True:
        spelled = [spell("_".join(part[-depth:])) for part, depth in zip(parts, depths, strict=True)]
        counts = Counter(spelled)
        grow = [
            counts[name] > 1 and depth < len(part) for name, part, depth in zip(spelled, parts, depths, strict=True)
        ]
        if not any(grow):
            return _numbered(spelled)
        depths = [depth + more for depth, more in zip(depths, grow, strict=True)]


def _numbered(names: Sequence[str]) -> tuple[str, ...]:
    taken: list[str] = []
    for name in names:
        number, candidate = 2, name
        while candidate in taken or (candidate != name and candidate in names):
            candidate = f"{name}_{number}"
            number += 1
        taken.append(candidate)
    return tuple(taken)
