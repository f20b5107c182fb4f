"""Fields that cannot be changed once they are applied (K8S111)."""

from __future__ import annotations

from collections.abc import Iterator

from cloudstate.compiler.diagnostics import Diagnostic, codes
from cloudstate.compiler.rules.field import Field
from cloudstate.compiler.rules.manifests import Manifests, kind_of, name_of

#: By kind, the paths that an update may not change.
_FIXED: dict[str, tuple[tuple[str, ...], ...]] = {
    "apps/StatefulSet": (
        ("spec", "selector"),
        ("spec", "serviceName"),
        ("spec", "podManagementPolicy"),
        ("spec", "volumeClaimTemplates"),
    ),
    "apps/Deployment": (("spec", "selector"),),
    "Service": (("spec", "clusterIP"),),
    "rbac.authorization.k8s.io/RoleBinding": (("roleRef",),),
}


def changes(old: Manifests, new: Manifests) -> Iterator[Diagnostic]:
    """What of ``new`` an API server that has ``old`` would refuse."""
    for it in new.objects:
        kind, name = kind_of(it), name_of(it)
        before = old.named(kind, name)
        for path in _FIXED.get(kind, ()) if before is not None else ():
            yield from _same(before, it, path, name)


def _same(before: Field | None, after: Field, path: tuple[str, ...], name: str) -> Iterator[Diagnostic]:
    was, is_ = before.at(*path) if before else None, after.at(*path)
    if was is None or was.value == is_.value:
        return
    kind = after.at("kind").text
    found = codes.IMMUTABLE_FIELD.at(is_.span, "another than before", name=path[-1], kind=kind, object=name)
    yield found.help(f"delete the {kind} first: `kubectl delete {kind.lower()} {name} --cascade=orphan`")
