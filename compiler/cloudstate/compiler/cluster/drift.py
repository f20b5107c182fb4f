"""How an object differs from another, as people read it. Pure. Values of secrets never come out of here."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import yaml

from cloudstate.compiler.cluster.objects import Object

#: What the server writes on its own account.
_SERVERS = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink")
_SECRETS = ("data", "stringData")
#: What names an item of a list, first come, first served.
_KEYS = ("name", "containerPort", "port", "mountPath", "key", "topologyKey", "type", "kind")
_QUANTITY = re.compile(r"([+-]?[0-9.]+)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?")
_SCALE = {"": Decimal(1), "m": Decimal("0.001")}
_SCALE |= {unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", 1)}
_SCALE |= {f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)}


class FieldDrift(NamedTuple):
    """A field that is not live as it was generated; ``found`` is None where it is absent."""

    path: str
    wanted: Any
    found: Any

    def __str__(self) -> str:
        found = "is absent" if self.found is None else f"is {self.found!r}"
        return f"`{self.path}` {found}, generated was {self.wanted!r}"


def masked(obj: Object) -> Object:
    """A secret with every value replaced by the same mark; anything else as it is."""
    if obj.get("kind") != "Secret":
        return obj
    return {key: dict.fromkeys(value or {}, "***") if key in _SECRETS else value for key, value in obj.items()}


def visible(obj: Object) -> Object:
    """An object without what the server writes itself, its secrets masked."""
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _SERVERS}
    if "annotations" in metadata:
        last = "kubectl.kubernetes.io/last-applied-configuration"
        metadata["annotations"] = {key: value for key, value in metadata["annotations"].items() if key != last}
    rest = {key: value for key, value in obj.items() if key not in ("status", "metadata")}
    return masked({**rest, "metadata": metadata})


def changed_secrets(before: Object, after: Object) -> list[str]:
    """The keys of a secret whose values differ."""
    if after.get("kind") != "Secret":
        return []
    return sorted(
        f"{part}.{key}"
        for part in _SECRETS
        for key in {**(before.get(part) or {}), **(after.get(part) or {})}
        if (before.get(part) or {}).get(key) != (after.get(part) or {}).get(key)
    )


def difference(before: Object | None, after: Object | None, name: str) -> list[str]:
    """The lines of a unified diff; none, if nothing that we show differs."""
    lines = list(
        difflib.unified_diff(_lines(before), _lines(after), f"live/{name}", f"generated/{name}", lineterm="", n=3)
    )
    if before is not None and after is not None:
        lines += [f"~ {key}: its value differs (not shown)" for key in changed_secrets(before, after)]
    return lines


def _lines(obj: Object | None) -> list[str]:
    if obj is None:
        return []
    return yaml.safe_dump(visible(obj), sort_keys=True, allow_unicode=True, width=10_000).splitlines()


def drift(wanted: Object, live: Object) -> Iterator[FieldDrift]:
    """The fields of ``wanted`` that are not so in ``live``. What ``live`` has beyond that is nobody's drift."""
    for found in _differing(wanted, live, ""):
        is_secret = wanted.get("kind") == "Secret" and found.path.startswith(_SECRETS)
        yield found._replace(wanted="***", found=None if found.found is None else "***") if is_secret else found


def _differing(wanted: Any, live: Any, path: str) -> Iterator[FieldDrift]:
    if isinstance(wanted, Mapping) and isinstance(live, Mapping):
        for key, value in wanted.items():
            yield from _differing(value, live.get(key), f"{path}.{key}".removeprefix("."))
    elif isinstance(wanted, list) and isinstance(live, list):
        yield from _differing_items(wanted, live, path)
    elif not _is_same(wanted, live):
        yield FieldDrift(path, wanted, live)


def _differing_items(wanted: list[Any], live: list[Any], path: str) -> Iterator[FieldDrift]:
    for index, item in enumerate(wanted):
        key = next((it for it in _KEYS if isinstance(item, Mapping) and it in item), None)
        if key is None:
            yield from _differing(item, live[index] if index < len(live) else None, f"{path}[{index}]")
        else:
            alike = [it for it in live if isinstance(it, Mapping) and it.get(key) == item[key]]
            yield from _differing(item, _most_alike(item, alike), f"{path}[{item[key]}]")
    if wanted and not isinstance(wanted[0], Mapping) and len(live) > len(wanted):
        yield FieldDrift(path, wanted, live)


def _most_alike(wanted: Object, items: list[Object]) -> Object | None:
    """The item that is meant: some lists have two keys, such as ports with their protocols."""
    return min(items, key=lambda it: sum(1 for _ in _differing(wanted, it, "")), default=None)


def _is_same(wanted: Any, live: Any) -> bool:
    # The server leaves out what is empty or nothing, and writes quantities its own way: 1000m is 1.
    if wanted == live or (live is None and wanted in ({}, [], "", None, False, 0)):
        return True
    amounts = [_amount(it) for it in (wanted, live)]
    return amounts[0] is not None and amounts[0] == amounts[1]


def _amount(value: Any) -> Decimal | None:
    match = _QUANTITY.fullmatch(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else None
    try:
        return Decimal(match[1]) * _SCALE[match[2] or ""] if match else None
    except ArithmeticError:
        return None
