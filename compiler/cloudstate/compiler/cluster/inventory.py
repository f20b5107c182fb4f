"""The inventory: a ConfigMap that lists what a project has applied, so that nothing else is ever deleted."""

from __future__ import annotations

import json
from collections.abc import Iterable

from cloudstate.compiler.cluster.objects import Object, Ref

_KEY = "objects"
_PREFIX = "cloudstate-inventory-"


class InventoryUnreadable(Exception):
    """The ConfigMap of the inventory holds something else; says what to do."""


def inventory_ref(project: str, namespace: str) -> Ref:
    """Where the inventory of a project is."""
    return Ref("", "v1", "ConfigMap", namespace, f"{_PREFIX}{project}")


def to_config_map(ref: Ref, applied: Iterable[Ref]) -> Object:
    """The inventory as an object; the same set gives the same text."""
    lines = [json.dumps(list(it)) for it in sorted(set(applied))]
    labels = {"app.kubernetes.io/managed-by": "cloudstate", "app.kubernetes.io/component": "inventory"}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": ref.name, "namespace": ref.namespace, "labels": labels},
        "data": {_KEY: "\n".join(lines)},
    }


def from_config_map(live: Object | None) -> tuple[Ref, ...]:
    """What an inventory lists; nothing, if there is none yet.

    Raises:
        InventoryUnreadable: it lists something else.
    """
    if live is None:
        return ()
    text = str((live.get("data") or {}).get(_KEY, ""))
    try:
        return tuple(Ref(*map(str, json.loads(line))) for line in text.splitlines())
    except (ValueError, TypeError) as error:
        name = live["metadata"]["name"]
        raise InventoryUnreadable(
            f"the ConfigMap `{name}` is no inventory: {error}\n"
            "  help: delete it and apply again; what left the project before that stays in the cluster"
        ) from error
