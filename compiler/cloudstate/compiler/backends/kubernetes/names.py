"""Names of Kubernetes objects: DNS-1123 labels of bounded length, distinct even when they had to be cut."""

from __future__ import annotations

import hashlib

_LABEL = 63
#: A StatefulSet's name plus ``-`` and the ten characters of a revision hash must still be a label value.
_WORKLOAD = 52
_HASH = 8


def object_name(name: str, suffix: str = "", limit: int = _LABEL) -> str:
    """``name`` or ``name-suffix``; if that is longer than ``limit``, cut, with a hash of the whole at the end."""
    full = f"{name}-{suffix}" if suffix else name
    if len(full) <= limit:
        return full
    digest = hashlib.sha256(full.encode()).hexdigest()[:_HASH]
    tail = f"-{suffix}-{digest}" if suffix else f"-{digest}"
    return f"{name[: limit - len(tail)].rstrip('-')}{tail}"


def workload_name(name: str) -> str:
    """The name of the StatefulSet or Deployment."""
    return object_name(name, limit=_WORKLOAD)


def peers_name(name: str) -> str:
    """The name of the headless Service through which the pods find each other."""
    return object_name(name, "peers")


def config_name(name: str) -> str:
    """The name of the ConfigMap."""
    return object_name(name, "config")


def waypoint_name(name: str) -> str:
    """The name of the proxy that an ambient mesh puts before the service."""
    return object_name(name, "waypoint")


def dashboard_name(name: str) -> str:
    """The name of the ConfigMap with the dashboard."""
    return object_name(name, "dashboard")
