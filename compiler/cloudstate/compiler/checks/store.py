"""The journal: whether it fits the number of replicas, and whether they will find it and each other."""

from __future__ import annotations

from collections.abc import Iterator

from cloudstate.compiler.checks.deployment import is_subdomain
from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.model.deployment import StoreKind
from cloudstate.compiler.model.entity import Model
from cloudstate.compiler.model.spec import Spec
from cloudstate.compiler.source import Located

_LOCAL = {StoreKind.SQLITE, StoreKind.MEMORY}


def check(spec: Spec) -> Iterator[Diagnostic]:
    """What is wrong with ``store``."""
    yield from _shared(spec)
    yield from _secret(spec)


def _shared(spec: Spec) -> Iterator[Diagnostic]:
    kind = spec.store.kind.value if spec.store else StoreKind.SQLITE
    count, cluster = _most_replicas(spec), spec.deployment.cluster
    if not any(entity.model.value is not Model.ACTION for entity in spec.entities):
        count = None
    if kind not in _LOCAL:
        if count is not None and cluster is None and spec.is_complete:
            yield _apart(count)
    elif count is not None:
        found = codes.STORE_NOT_SHARED.at(count.span, "each replica would have data of its own", **_names(count, kind))
        yield _of_one(spec, found).help("use a store of kind `postgresql` or `jetstream`, or one replica")
    elif cluster is not None:
        found = codes.CLUSTER_NOT_SHARED.at(cluster.span, "its members would not start", kind=kind)
        yield _of_one(spec, found).help("use a store of kind `postgresql` or `jetstream`, or leave `cluster` out")


def _apart(count: Located[int]) -> Diagnostic:
    found = codes.CLUSTER_MISSING.at(count.span, "they would not know of each other", replicas=_replicas(count))
    found = found.note("an entity has one writer at a time; the members of a cluster settle on NATS who that is")
    return found.help("add `deploy.cluster.secret`, the Secret with the address of NATS, or write `replicas: 1`")


def _of_one(spec: Spec, found: Diagnostic) -> Diagnostic:
    if spec.store is None:
        return found.note("the store is `sqlite` where the spec does not say")
    return found.also(spec.store.kind.span, "lives in one replica")


def _names(count: Located[int], kind: StoreKind) -> dict[str, object]:
    return {"replicas": _replicas(count), "kind": kind}


def _replicas(count: Located[int]) -> str:
    return f"{count.value} replicas"


def _most_replicas(spec: Spec) -> Located[int] | None:
    """How many replicas there can be, if more than one."""
    autoscale = spec.deployment.autoscale
    count = autoscale.max if autoscale else spec.deployment.replicas
    return count if count is not None and count.value > 1 else None


def _secret(spec: Spec) -> Iterator[Diagnostic]:
    store = spec.store
    if store is None:
        return
    kind, secret = store.kind, store.secret
    if secret is not None and not is_subdomain(secret.value):
        found = codes.BAD_RESOURCE_NAME.at(secret.span, "not a DNS subdomain", name=secret.value, kind="secret")
        yield found.help("use lower-case letters, digits, `-` and `.`")
    if kind.value in _LOCAL and secret is not None:
        found = codes.SECRET_UNUSED.at(secret.span, "has no effect", kind=kind.value)
        yield found.help("leave it out")
    if kind.value not in _LOCAL and secret is None and spec.deployment.image is not None:
        found = codes.SECRET_MISSING.at(kind.span, "the pods will not find it", kind=kind.value)
        yield found.help("add `secret:` with the name of the Secret that holds its address and credentials")
