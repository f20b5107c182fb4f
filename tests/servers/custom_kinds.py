"""The kinds of meshes, gateways, Knative and the Prometheus operator, for an API server that knows none of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

#: Schemas of others that are not part of this repository; without them their kinds are left out.
CRDS = Path(__file__).parents[3] / "shared" / "crds"
_ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_MONITOR = {
    "group": "monitoring.coreos.com",
    "version": "v1",
    "kind": "ServiceMonitor",
    "plural": "servicemonitors",
    "scope": "Namespaced",
    "openAPIV3Schema": {"type": "object", "properties": {"spec": _ANYTHING}},
}


def definitions() -> list[dict[str, Any]]:
    """A CustomResourceDefinition of every kind whose schema is here; nobody here has the one of ServiceMonitor."""
    files = sorted(CRDS.glob("*.json")) if CRDS.is_dir() else []
    return [_definition(kind) for kind in (*(it for file in files for it in json.loads(file.read_text())), _MONITOR)]


def _definition(kind: dict[str, Any]) -> dict[str, Any]:
    version = {
        "name": kind["version"],
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": kind["openAPIV3Schema"]},
        "subresources": {"status": {}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{kind['plural']}.{kind['group']}",
            # Groups of Kubernetes itself need a word on who has approved them.
            "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"},
        },
        "spec": {
            "group": kind["group"],
            "names": {"kind": kind["kind"], "plural": kind["plural"], "singular": kind["kind"].lower()},
            "scope": kind["scope"],
            "versions": [version],
        },
    }
