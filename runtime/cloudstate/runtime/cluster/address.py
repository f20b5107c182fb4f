"""The address of what a cluster runs on, and the engine that it names."""

from __future__ import annotations

from cloudstate.runtime.cluster.engine import Engine
from cloudstate.runtime.errors import ServiceInvalid


def engine_at(url: str, service: str) -> Engine:
    """The engine at this address; nothing is touched before its ``open``.

    Args:
        url: ``nats://HOST:PORT[,HOST:PORT...]?replicas=3``, see ``nats_engine.settings.parse``.
        service: the members of one service see each other.

    Raises:
        ServiceInvalid: the address names no engine, or one whose package is not installed.
    """
    scheme, colon, _ = url.partition("://")
    if not colon or scheme not in ("nats", "tls"):
        shown = url if "@" not in url else f"{scheme}:..."  # what may hold a password is not told
        raise ServiceInvalid(f"`{shown}` is not the address of what a cluster runs on", help="write `nats://HOST:PORT`")
    try:
        from cloudstate.runtime.cluster.nats_engine import NatsEngine
    except ImportError as error:
        raise ServiceInvalid(
            f"a cluster needs a package that is not installed ({error.name})",
            help="install the extra: `pip install cloudstate-py[nats]`",
        ) from error
    return NatsEngine(url, service)
