"""``store`` and ``deploy`` of the spec, with their places."""

from __future__ import annotations

from cloudstate.compiler.frontend.yaml_path import lookup, value, values
from cloudstate.compiler.model.deployment import StoreKind
from cloudstate.compiler.model.spec import AutoscaleSpec, DeploymentSpec, StoreSpec
from cloudstate.compiler.source import Located, Node

_DEFAULT_CPU = 80


def store_of(spec: Node) -> StoreSpec | None:
    """The store, or None where the spec does not say."""
    kind = value(spec, "store", "kind")
    return StoreSpec(Located(StoreKind(kind.value), kind.span), value(spec, "store", "secret")) if kind else None


def deployment_of(spec: Node) -> DeploymentSpec:
    """The deployment; parts that the spec leaves out, or got wrong, are None."""
    return DeploymentSpec(
        image=value(spec, "deploy", "image"),
        replicas=value(spec, "deploy", "replicas"),
        autoscale=_autoscale(spec),
        mesh=value(spec, "deploy", "mesh"),
        callers=values(spec, "deploy", "callers"),
        cpu=_quantity(spec, "cpu"),
        memory=_quantity(spec, "memory"),
    )


def _autoscale(spec: Node) -> AutoscaleSpec | None:
    node = lookup(spec, "deploy", "autoscale")
    low, high = value(spec, "deploy", "autoscale", "min"), value(spec, "deploy", "autoscale", "max")
    if node is None or low is None or high is None:
        return None
    cpu = value(spec, "deploy", "autoscale", "cpu")
    return AutoscaleSpec(low, high, cpu.value if cpu else _DEFAULT_CPU, node.span)


def _quantity(spec: Node, key: str) -> Located[str] | None:
    found = value(spec, "deploy", "resources", key)
    return Located(str(found.value), found.span) if found else None
